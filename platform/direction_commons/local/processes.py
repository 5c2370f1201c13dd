"""Children of the supervisor: started in sessions of their own, recorded, restarted, stopped.

Each child's output goes to a file of its own. What runs is written down as pid and create time, so that a
start after a killed supervisor can stop what was left, and never a stranger that got the same pid. Refuses
to run threads: PDEATHSIG follows the thread that forked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from direction_commons.local.folders import REPOSITORY
from direction_commons.local.privileges import die_with_parent, unprivileged

LOG_LIMIT = 20 * 1024**2  # bytes; a longer log is put aside as `.old` when its child starts
BACKOFF_LONGEST = 30.0  # seconds
# Seconds by which one process's start may be told differently: Linux adds a boot time in whole seconds to it,
# which jumps by one when the clock is adjusted. No pid goes to somebody else within so short a time.
SAME_START = 1.5
HEALTHY_AFTER = 60.0  # seconds of life after which a death counts as the first again


@dataclass(frozen=True)
class Program:
    """How to run one child and how to end it."""

    name: str
    argv: list[str]
    log: Path
    env: dict[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    grace: float = 10.0  # seconds from `stop` to SIGKILL
    nice: int = 0
    shed_root: bool = False
    inherit: tuple[int, ...] = ()  # file descriptors that stay open


class Child:
    """One running program, and the memory of how often it died."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.deaths = 0
        self.start_again_at: float | None = None
        self.start()

    def start(self) -> None:
        program = self.program
        if program.log.exists() and program.log.stat().st_size > LOG_LIMIT:
            program.log.replace(program.log.with_suffix(".old"))
        shed = unprivileged() if program.shed_root else None

        def prepare() -> None:
            if program.nice:
                os.nice(program.nice)
            if shed:
                shed[0]()
            die_with_parent(program.stop)  # last: a change of credentials forgets it

        with open(program.log, "ab") as log:
            self.process = subprocess.Popen(
                program.argv,
                cwd=REPOSITORY,
                env=os.environ | program.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=program.inherit,
                preexec_fn=prepare,
            )
        self.started = time.monotonic()
        self.start_again_at = None
        with contextlib.suppress(psutil.NoSuchProcess):
            self.create_time = psutil.Process(self.process.pid).create_time()

    def alive(self) -> bool:
        return self.process.poll() is None

    def tend(self) -> str | None:
        """Restarts a dead child when its pause is over; the answer is a line for the log."""
        now = time.monotonic()
        if self.alive():
            return None
        if self.start_again_at is None:
            self.deaths = 1 if now - self.started > HEALTHY_AFTER else self.deaths + 1
            pause = min(BACKOFF_LONGEST, 0.25 * 2**self.deaths)
            self.start_again_at = now + pause
            status = self.process.returncode
            return f"{self.program.name} ended with status {status}; it starts again in {pause:g} s"
        if now >= self.start_again_at:
            self.start()
            return f"{self.program.name} started again"
        return None

    def log_tail(self, lines: int = 3) -> str:
        """The last words of its log, for an error message."""
        with contextlib.suppress(OSError):
            text = [line.strip() for line in self.program.log.read_text(errors="replace").splitlines()]
            return " / ".join([line for line in text if line][-lines:])
        return ""


def stop_children(children: Iterable[Child]) -> None:
    """Asks all of them at once, then waits for each; who does not end in its grace is killed."""
    asked = [child for child in children if child.alive()]
    for child in asked:
        child.process.send_signal(child.program.stop)
    for child in asked:
        try:
            child.process.wait(child.program.grace)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()


def record(children: Iterable[Child]) -> list[dict[str, float | str]]:
    """What `stop_leftovers` needs to know about the children that run now."""
    return [
        {"name": child.program.name, "pid": child.process.pid, "created": child.create_time,
         "stop": int(child.program.stop)}
        for child in children
        if child.alive()
    ]  # fmt: skip


def stop_leftovers(records: list[dict[str, float]], say: Callable[[str], None]) -> None:
    """Ends what a killed supervisor left behind; a pid that now belongs to somebody else is not touched."""
    left = []
    for entry in records:
        with contextlib.suppress(psutil.Error, KeyError, TypeError):
            process = psutil.Process(int(entry["pid"]))
            if (
                abs(process.create_time() - entry["created"]) < SAME_START
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                say(f"Stopping {entry['name']} (pid {process.pid}), left over from a killed start.")
                process.send_signal(int(entry["stop"]))
                left.append(process)
    _, stubborn = psutil.wait_procs(left, timeout=8)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
