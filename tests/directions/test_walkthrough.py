"""`manage.py walkthrough`, as an operator runs it: a process of its own against a running instance."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from direction_commons.local.folders import REPOSITORY

PICTURES = {
    *(f"pair-{seed}-{side}.png" for seed in (9101, 9102) for side in ("before", "after")),
    *(f"edit-{name}{far}.png" for name in ("community", "own") for far in ("-1", "+0", "+1")),
    "photo.png",
    "photo-truth.png",
    "photo-reconstruction.png",
    "recipe.png",
}


def walk(url: str, out: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "manage.py", "walkthrough", "--url", url, "--out", str(out), "--erase"]
    return subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=900)


def pixels(path: Path) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        assert picture.format == "PNG", path.name
        return np.asarray(picture.convert("RGB")).astype(int)


def test_it_walks_through_a_running_instance_and_reports(live_site: Any, tmp_path: Path) -> None:
    done = walk(live_site.url, tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Everything is as it should be." in done.stdout
    out = tmp_path / "out"
    assert {path.name for path in out.glob("*.png")} == PICTURES
    drawn = {name: pixels(out / name) for name in PICTURES}
    assert {picture.shape for picture in drawn.values()} == {(128, 128, 3)}
    for name in ("community", "own"):
        rest = drawn[f"edit-{name}+0.png"]
        for far in ("-1", "+1"):
            assert np.abs(drawn[f"edit-{name}{far}.png"] - rest).max() > 8, "the edit did nothing"
    away = np.abs(drawn["photo-reconstruction.png"] - drawn["photo.png"]).mean()
    assert away < 25, "the reconstruction is another picture"
    recipe = json.loads((out / "recipe.json").read_text(encoding="utf-8"))
    assert [(step["kind"], step["intensity"]) for step in recipe["steps"]] == [
        ("community", 1.0),
        ("pair", 0.25),
    ]

    report = (out / "report.md").read_text(encoding="utf-8")
    assert report.startswith(f"# Walkthrough of {live_site.url}\n")
    for said in (
        "holds both pairs",
        "Edit with the community direction at +1",
        "Edit with the own direction at +1",
        "replays to the preview's pixels within 1/255",
        "Without the account, photo and own direction answer 404",
        "The account was deleted with everything in it",
        "| two pairs, from upload to both directions |",
        "| photo, from upload to editable |",
    ):
        assert said in report
    for name in PICTURES - {"recipe.png"}:
        assert f"({name})" in report or name.startswith("pair-"), f"{name} is not in the report"


class Another(BaseHTTPRequestHandler):
    """A server that is not ours."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def another_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Another) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def refused(url: str, out: Path) -> str:
    """One sentence on stderr, an exit status, and no report."""
    done = walk(url, out)
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert not (out / "report.md").exists()
    return line


def test_no_server_is_one_clear_sentence(tmp_path: Path) -> None:
    from tests.conftest import free_port

    url = f"http://127.0.0.1:{free_port()}"
    line = refused(url, tmp_path)
    assert f"Nothing answers at {url}" in line
    assert "make run" in line


def test_another_server_is_one_clear_sentence(another_server: str, tmp_path: Path) -> None:
    assert "GET /healthz answered 404" in refused(another_server, tmp_path)


def test_what_is_no_address_is_one_clear_sentence(tmp_path: Path) -> None:
    assert "http://" in refused("127.0.0.1:8000", tmp_path)
