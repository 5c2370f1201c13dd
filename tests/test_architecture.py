"""The floors of the house, held by a machine: see docs/architecture.md.

Imports are read from the source, wherever they stand (also inside functions), except those only for types.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from direction_commons.local.folders import REPOSITORY

ROOMS = [  # low to high: a room imports only those before it
    "tray",
    "semantics",
    "generators",
    "evidence",
    "inversions",
    "pairs",
    "community",
    "discover",
    "catalog",
    "studio",
    "demonstration",
    "home",
]
PLATFORM = ["errors", "api", "pages", "accounts", "media", "jobs", "config", "local"]  # low to high, as above
FRAMEWORK = {"__init__.py", "apps.py", "urls.py", "api_urls.py"}  # their names say why they exist
OUTSIDE_REQUESTS = {"handlers.py", "tasks.py"}


def sources(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*.py")
        if "migrations" not in path.parts
    )


def imports(path: Path, *, top_level_only: bool = False) -> Iterator[str]:
    """Every module that the file imports when it runs, with its full name."""

    def walk(node: ast.AST) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from (alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                here = path.relative_to(REPOSITORY).with_suffix("").parts[: -child.level or None]
                module = ".".join([*(here if child.level else ()), *([child.module] if child.module else [])])
                yield module
                yield from (f"{module}.{alias.name}" for alias in child.names)
            elif not (top_level_only and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)):
                yield from walk(child)

    return walk(ast.parse(path.read_text(), str(path)))


def offenders(paths: list[Path], *forbidden: str) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in paths
        for name in imports(path)
        if any(name == word or name.startswith(word + ".") for word in forbidden)
    ]


def test_platform_is_a_source_root_and_no_package() -> None:
    assert not (REPOSITORY / "platform/__init__.py").exists()
    import platform

    assert platform.python_version(), "Python's own module is hidden"


def test_platform_imports_no_room_above_it() -> None:
    assert offenders(sources("platform"), "directions", "inference") == []


def test_every_room_of_the_platform_is_known() -> None:
    found = {
        path.relative_to(REPOSITORY / "platform/direction_commons").parts[0].removesuffix(".py")
        for path in sources("platform/direction_commons")
    }
    assert found - {"__init__"} == set(PLATFORM)


@pytest.mark.parametrize("room", PLATFORM)
def test_a_room_of_the_platform_imports_no_higher_one(room: str) -> None:
    higher = [f"direction_commons.{name}" for name in PLATFORM[PLATFORM.index(room) + 1 :]]
    own = REPOSITORY / "platform/direction_commons" / room
    assert offenders(sources(f"platform/direction_commons/{room}") or [own.with_suffix(".py")], *higher) == []


def test_inference_imports_neither_django_nor_the_rooms() -> None:
    assert (
        offenders(sources("inference"), "django", "directions", "direction_commons", "rest_framework") == []
    )


def test_every_room_is_known() -> None:
    found = {path.parent.name for path in (REPOSITORY / "directions").glob("*/__init__.py")}
    assert found == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_no_higher_room(room: str) -> None:
    higher = [f"directions.{name}" for name in ROOMS[ROOMS.index(room) + 1 :]]
    assert offenders(sources(f"directions/{room}"), *higher) == []


def test_no_import_runs_in_a_circle() -> None:
    """Not within a room either, and not hidden in a function: each module can be read from the bottom up."""

    def name(path: Path) -> str:
        parts = path.relative_to(REPOSITORY).with_suffix("").parts
        return ".".join(parts[parts[0] == "platform" : -1 if parts[-1] == "__init__" else None])

    files = {name(path): path for path in sources("platform", "directions", "inference")}
    graph = {
        module: {
            other
            for other in imports(path)
            # Importing a module runs the packages around it anyhow.
            if other in files and other != module and not module.startswith(other + ".")
        }
        for module, path in files.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_tests_live_only_in_tests() -> None:
    stray = [path for path in sources("platform", "directions", "inference") if path.name.startswith("test_")]
    assert stray == []


def test_only_access_loads_by_id_in_requests() -> None:
    """Views and API load objects through their room's gate: absent and forbidden look the same."""
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in sources("platform", "directions")
        if path.name in ("views.py", "api.py") or path.parent.name == "api"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ".objects.get(" in line or "get_object_or_404" in line
    ]
    assert wrong == []


def test_get_by_primary_key_stands_only_in_gates_and_jobs() -> None:
    """Jobs name rows that our own code wrote; requests go through access.py."""
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{number}"
        for path in sources("platform", "directions")
        if path.name not in OUTSIDE_REQUESTS | {"access.py"} and "jobs" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if ".objects.get(pk=" in line or ".objects.get(id=" in line
    ]
    assert wrong == []


def test_torch_is_imported_only_inside_functions() -> None:
    """So that web, beat and manage.py stay light; the next test sees it at run time, too."""
    wrong = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in sources("platform", "directions")
        for name in imports(path, top_level_only=True)
        if name.split(".")[0] in ("torch", "torchvision", "lpips", "sklearn")
    ]
    assert wrong == []


PROCESSES = {
    "inference": "import inference",
    "web": "import direction_commons.config.wsgi; from django.urls import reverse; reverse('healthz')",
    "beat": "from direction_commons.config.celery import app; app.loader.import_default_modules()",
    "manage.py": "import sys, runpy; sys.argv = ['', 'help']; runpy.run_path('manage.py', {}, '__main__')",
}


@pytest.mark.parametrize("process", PROCESSES)
def test_process_never_imports_torch(process: str) -> None:
    script = f"{PROCESSES[process]}\nimport sys; print({{'torch', 'torchvision'}} & set(sys.modules))"
    env = {
        "PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'platform'}",
        "DJANGO_SETTINGS_MODULE": "direction_commons.config.settings",
        "PATH": "/usr/bin:/bin",
    }
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_module_says_why_it_exists() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for path in sources("platform", "directions", "inference")
        if path.name not in FRAMEWORK and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def transactions(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs with `transaction.atomic()` open, as far as the source shows it."""
    for node in ast.walk(tree):
        openers: list[ast.expr] = []
        if isinstance(node, ast.With):
            openers = [item.context_expr for item in node.items]
        elif isinstance(node, ast.FunctionDef):
            openers = node.decorator_list
        if any("atomic" in ast.unparse(opener) for opener in openers):
            yield ast.Module(node.body, [])  # type: ignore[attr-defined]


def test_no_network_inside_a_transaction() -> None:
    """Doorbells ring on commit; nothing talks to Valkey, mail or the web with `transaction.atomic()` open."""
    network = ("urlopen", ".apply_async", ".delay", "send_task", "send_mail", "requests.", "cache.")
    wrong = []
    for path in sources("platform", "directions"):
        for block in transactions(ast.parse(path.read_text())):
            deferred = {
                id(part)
                for call in ast.walk(block)
                if isinstance(call, ast.Call) and "on_commit" in ast.unparse(call.func)
                for argument in call.args
                for part in ast.walk(argument)
            }
            wrong += [
                f"{path.relative_to(REPOSITORY)}:{call.lineno} {ast.unparse(call.func)}"
                for call in ast.walk(block)
                if isinstance(call, ast.Call)
                and id(call) not in deferred
                and any(word in ast.unparse(call.func) + "(" for word in network)
            ]
    assert wrong == []


def test_no_path_of_a_machine_and_no_registry_host_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    words = ("/" + "work/main", "/" + "root/.", "files." + "pythonhosted.org", "@" + "sha256:")
    wrong = []
    for name in listed.stdout.split("\0"):
        path = REPOSITORY / name
        if not name or not path.is_file() or path.suffix in (".png", ".safetensors", ".webp", ".jpg"):
            continue
        text = path.read_text(errors="replace")
        wrong += [f"{name}: {word}" for word in words if word in text]
    assert wrong == []
