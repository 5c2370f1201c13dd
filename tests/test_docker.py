"""The container files name only what exists: variables, commands, files. No engine is needed for it."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from direction_commons.local.folders import REPOSITORY, folders_for
from direction_commons.local.supervisor import beat_program, web_program, worker_program

COMPOSE = REPOSITORY / "docker/compose.yaml"
DOCKERFILE = (REPOSITORY / "docker/Dockerfile").read_text()
OURS = ("prepare", "web", "batch", "interactive", "beat")


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def known_variables() -> set[str]:
    """Every DIRECTION_COMMONS_ variable that some module of ours reads."""
    text = "".join(path.read_text() for path in (REPOSITORY / "platform").rglob("*.py"))
    short = set(re.findall(r'\benv\("([A-Z_]+)"', text))
    return short | set(re.findall(r'environ(?:\.get\(|\[)"DIRECTION_COMMONS_([A-Z_]+)"', text))


def test_all_parts_are_there(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {*OURS, "postgres", "valkey"}
    assert "pgvector" in services["postgres"]["image"]


def test_variables_exist(services: dict[str, dict[str, Any]]) -> None:
    for name in OURS:
        named = {key for key in services[name]["environment"] if key.startswith("DIRECTION_COMMONS_")}
        assert {key.removeprefix("DIRECTION_COMMONS_") for key in named} <= known_variables(), name
        for needed in ("DATABASE_URL", "VALKEY_URL", "SECRET_KEY"):
            assert f"DIRECTION_COMMONS_{needed}" in named, name
    in_image = set(re.findall(r"DIRECTION_COMMONS_([A-Z_]+)=", DOCKERFILE))
    assert in_image <= known_variables()


def test_every_variable_is_documented() -> None:
    page = (REPOSITORY / "docs/operations.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    assert documented == known_variables()


def test_example_names_every_variable_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    offered = set(re.findall(r"^#?([A-Z_]+)=", (REPOSITORY / "docker/example.env").read_text(), re.MULTILINE))
    assert asked == offered


def test_commands_are_those_of_the_supervisor(services: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Which run in every test of the whole program; only places differ."""
    folders = folders_for(tmp_path)
    for queue in ("batch", "interactive"):
        assert services[queue]["command"][1:] == worker_program(queue, folders, {}).argv[1:]
    beat = [word.replace("/data", str(folders.run)) for word in services["beat"]["command"][1:]]
    assert beat == beat_program(folders, {}).argv[1:]
    web = re.search(r"^CMD (\[.*?\])$", DOCKERFILE, re.MULTILINE | re.DOTALL)
    assert web is not None
    words = yaml.safe_load(web[1].replace("\\\n", ""))
    with socket.socket() as listener:
        argv = web_program(folders, {}, listener).argv
        fd = f"fd://{listener.fileno()}"
    assert set(words[1:]) - {"0.0.0.0:8000"} <= set(argv) - {fd}
    assert services["prepare"]["command"][:3] == ["python", "manage.py", "local_prepare"]
    assert "local_prepare" in get_commands()


def test_image_is_built_from_what_exists_and_runs_as_nobody_special() -> None:
    for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (REPOSITORY / source).exists(), source
    assert re.search(r"^USER commons$", DOCKERFILE, re.MULTILINE)
    assert DOCKERFILE.rindex("USER commons") > DOCKERFILE.rindex("RUN ")


def test_only_pages_are_published_and_only_to_this_machine(services: dict[str, dict[str, Any]]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}


def test_lock_is_exact_and_asks_for_no_build_of_torch() -> None:
    lines = [line for line in (REPOSITORY / "requirements.lock").read_text().splitlines() if line[0] != "#"]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( ; .+)?", line) for line in lines)
    assert {"torch==2.13.0", "torchvision==0.28.0"} <= set(lines)
    assert not any(line.startswith(("nvidia", "triton", "cuda")) for line in lines)
