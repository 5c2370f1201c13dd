"""Stopping, resetting, backing up, restoring and managing the data of the local stack."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import psutil

from direction_commons.local import engines
from direction_commons.local.errors import LocalError
from direction_commons.local.folders import REPOSITORY, Folders
from direction_commons.local.processes import SAME_START, Child, stop_children, stop_leftovers
from direction_commons.local.supervisor import stack_environment

KEPT_FILES = ("secret-key", "operator-password")
DUMP = "database.dump"


def running_supervisor(folders: Folders) -> psutil.Process | None:
    """The supervisor that wrote its pid here, if that process still is the one."""
    facts = folders.read_json("run/supervisor.json")
    with contextlib.suppress(psutil.Error, KeyError, TypeError):
        process = psutil.Process(facts["pid"])
        if (
            abs(process.create_time() - facts["created"]) < SAME_START
            and process.status() != psutil.STATUS_ZOMBIE
        ):
            return process
    return None


def stop(folders: Folders) -> None:
    """Returns when everything has ended, also what a killed supervisor left behind."""
    process = running_supervisor(folders)
    if process is None:
        if not folders.run.exists():
            print(f"Nothing runs on the data in {folders.home}.")
            return
        with folders.lock():
            left = folders.read_json("run/children.json") or []
            stop_leftovers(left, print)
            (folders.run / "children.json").unlink(missing_ok=True)
        print(f"Nothing runs on the data in {folders.home}.")
        return
    process.send_signal(signal.SIGTERM)
    end = time.monotonic() + 180
    while running_supervisor(folders):
        if time.monotonic() > end:
            raise LocalError(f"The supervisor (pid {process.pid}) did not end in 180 s; see {folders.logs}.")
        time.sleep(0.1)
    print("Direction Commons has stopped.")


def manage(folders: Folders, arguments: list[str]) -> NoReturn:
    """Becomes manage.py with the settings of the running stack, whose sockets nobody could guess."""
    if running_supervisor(folders) is None:
        raise LocalError(f"Nothing runs on the data in {folders.home}; `make run` starts it.")
    argv = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
    os.execve(sys.executable, argv, os.environ | stack_environment(folders))


def reset(folders: Folders, *, ask: bool) -> None:
    """Deletes everything: database, pictures, logs, keys."""
    if not folders.home.exists():
        print(f"There is nothing in {folders.home}.")
        return
    if not (folders.run / "lock").exists():
        raise LocalError(f"{folders.home} is no data folder of Direction Commons; nothing was deleted.")
    with folders.lock():
        if ask:
            print(f"This deletes the database, all pictures, logs and keys in {folders.home}.")
            try:
                answer = input("Type 'delete' to go on: ")
            except EOFError:
                answer = ""
            if answer.strip() != "delete":
                raise LocalError("Nothing was deleted.")
        stop_leftovers(folders.read_json("run/children.json") or [], print)
        for name in ("postgres", "postgres.new", "media", "static", "logs", *KEPT_FILES):
            path = folders.home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        shutil.rmtree(folders.run)
        shutil.rmtree(folders.sockets, ignore_errors=True)
    with contextlib.suppress(OSError):  # somebody keeps something else in it
        folders.home.rmdir()
    print(f"Deleted the data in {folders.home}.")


@contextlib.contextmanager
def postgres_for_a_moment(folders: Folders) -> Iterator[None]:
    """PostgreSQL alone, for a backup of a stack that does not run; the caller holds the lock."""
    engines.postgres_init(folders)
    engines.forget_dead_postmaster(folders)
    child = Child(engines.postgres_child_program(folders))
    try:
        engines.wait_for(child, lambda: engines.postgres_ready(folders), time.sleep)
        yield
    finally:
        stop_children([child])


def run_tool(name: str, folders: Folders, *arguments: str) -> None:
    """One of PostgreSQL's client programs on our database."""
    argv = [engines.postgres_program(name), "-h", str(folders.sockets), "-U", "postgres",
            "-d", engines.DATABASE, *arguments]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise LocalError(
            f"{name} failed: {done.stderr.strip().splitlines()[-1] if done.stderr else done.returncode}"
        )


def backup(folders: Folders, file: Path | None) -> None:
    """Dump first, then pictures: a file is on disk before its row commits, so no dumped row lacks it."""
    if not folders.postgres.exists():
        raise LocalError(f"There is no data in {folders.home} to back up.")
    target = (file or Path(time.strftime("direction-commons-%Y%m%d-%H%M%S.tar"))).resolve()
    with contextlib.ExitStack() as stack:
        if running_supervisor(folders) is None:
            folders.make()
            stack.enter_context(folders.lock())
            stop_leftovers(folders.read_json("run/children.json") or [], print)
            stack.enter_context(postgres_for_a_moment(folders))
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folders.run)))
        run_tool("pg_dump", folders, "--format=custom", "--file", str(scratch / DUMP))
        fresh = target.with_name(target.name + ".part")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w") as archive:
                    archive.add(scratch / DUMP, DUMP)
                    for name in ("media", *KEPT_FILES):
                        if (folders.home / name).exists():
                            archive.add(folders.home / name, name)
                raw.flush()
                os.fsync(raw.fileno())
            fresh.replace(target)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise LocalError(f"The archive {target} cannot be written: {error.strerror}.") from error
    print(
        f"Backed up to {target} ({target.stat().st_size / 1024**2:.1f} MB). It holds keys: keep it private."
    )


def is_whole_archive(file: Path) -> bool:
    """Whether every member can be reached: an archive that was cut off is found out before it is used."""
    try:
        with tarfile.open(file) as archive:
            archive.getmembers()
    except (tarfile.TarError, EOFError, OSError):
        return False
    return True


def restore(folders: Folders, file: Path) -> None:
    """Only into a folder without data: restoring never mixes or overwrites."""
    if folders.postgres.exists():
        raise LocalError(
            f"{folders.home} already holds data; `make reset` it, or set DIRECTION_COMMONS_HOME."
        )
    whole = file.is_file() and is_whole_archive(file)
    if not whole:
        raise LocalError(f"{file} is no whole archive that `make backup` wrote.")
    folders.make()
    with (
        folders.lock(),
        tarfile.open(file) as archive,
        tempfile.TemporaryDirectory(dir=folders.run) as scratch,
    ):
        if DUMP not in archive.getnames():
            raise LocalError(f"{file} is no archive that `make backup` wrote: it holds no {DUMP}.")
        archive.extract(DUMP, scratch, filter="data")
        try:
            with postgres_for_a_moment(folders):
                run_tool("pg_restore", folders, "--no-owner", "--exit-on-error", str(Path(scratch) / DUMP))
        except LocalError:
            shutil.rmtree(folders.postgres, ignore_errors=True)
            raise
        for member in archive.getmembers():
            if member.name in KEPT_FILES or member.name.split("/")[0] == "media":
                archive.extract(member, folders.home, filter="data")
        (folders.run / "prepared.json").unlink(missing_ok=True)
    print(f"Restored {file} into {folders.home}; `make run` starts it.", file=sys.stdout)
