"""`make run`: the whole program on this machine, as children of one process.

Order up: PostgreSQL, Valkey, what changed since the last start (migrations, static files, the embedded
generator), web, workers, beat; order down: web, workers, Valkey, PostgreSQL. Binds only to 127.0.0.1.
Refuses to run twice on the same data.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from direction_commons.local import engines
from direction_commons.local.errors import LocalError, Stopped
from direction_commons.local.folders import REPOSITORY, Folders
from direction_commons.local.processes import Child, Program, record, stop_children, stop_leftovers

WEB_THREADS = 8
STOP_ORDER = (("demonstration", "web"), ("batch", "interactive", "beat"), ("valkey",), ("postgres",))
# glibc gives large blocks back to the kernel after every convolution and faults them in again; keep them.
TORCH_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "100000000",
}


def worker_environment() -> dict[str, str]:
    """Both workers may use every core; the batch worker is niced, so that a preview comes first."""
    cores = str(psutil.cpu_count(logical=False) or os.cpu_count() or 1)
    return TORCH_MEMORY | {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", cores),
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def stack_environment(folders: Folders) -> dict[str, str]:
    """What every child that runs our code needs to know; docker/compose.yaml sets the same names."""
    return {
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "platform")]),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "direction_commons.config.settings",
        "DIRECTION_COMMONS_HOME": str(folders.home),
        "DIRECTION_COMMONS_DATABASE_URL": folders.database_url,
        "DIRECTION_COMMONS_VALKEY_URL": folders.valkey_url,
        "DIRECTION_COMMONS_SECRET_KEY": folders.secret("secret-key"),
    }


def worker_program(queue: str, folders: Folders, env: dict[str, str], *, nice: int = 0) -> Program:
    """One worker process; `--pool=solo`: the model is loaded once and a batch has the whole device."""
    argv = [sys.executable, "-m", "celery", "-A", "direction_commons.config.celery", "worker", "--pool=solo",
            "-Q", queue, "-n", f"{queue}@%h", "--without-gossip", "--without-mingle"]  # fmt: skip
    return Program(
        queue, argv, folders.logs / f"{queue}.log", env | worker_environment(), grace=30.0, nice=nice
    )


def beat_program(folders: Folders, env: dict[str, str]) -> Program:
    argv = [sys.executable, "-m", "celery", "-A", "direction_commons.config.celery", "beat",
            "--schedule", str(folders.run / "beat-schedule"), "--pidfile="]  # fmt: skip
    return Program("beat", argv, folders.logs / "beat.log", env)


def web_program(folders: Folders, env: dict[str, str], listener: socket.socket) -> Program:
    """gunicorn on the supervisor's own socket: while it restarts, connections wait instead of failing."""
    argv = [sys.executable, "-m", "gunicorn", "direction_commons.config.wsgi:application",
            "--bind", f"fd://{listener.fileno()}", "--worker-class", "gthread", "--workers", "1",
            "--threads", str(WEB_THREADS), "--timeout", "60", "--graceful-timeout", "5",
            "--no-control-socket"]  # fmt: skip
    return Program("web", argv, folders.logs / "web.log", env, inherit=(listener.fileno(),))


def manage_program(
    name: str, folders: Folders, env: dict[str, str], *arguments: str, nice: int = 0
) -> Program:
    argv = [sys.executable, str(REPOSITORY / "manage.py"), *arguments]
    return Program(name, argv, folders.logs / f"{name}.log", env, nice=nice)


def prepared_from() -> str:
    """A fingerprint of all that `local_prepare` brings into the database and the static folder."""

    def files() -> Iterator[Path]:
        yield REPOSITORY / "requirements.lock"
        for pattern in ("directions/*/migrations/*.py", "platform/*/*/migrations/*.py", "static/**/*",
                        "inference/portraits/bundles/*/*", "docs/evidence/*/*"):  # fmt: skip
            yield from sorted(REPOSITORY.glob(pattern))

    digest = hashlib.sha256(sys.version.encode())
    for path in files():
        if path.is_file():
            found = path.stat()
            digest.update(f"{path.relative_to(REPOSITORY)} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def say(line: str) -> None:
    print(line, flush=True)


class Supervisor:
    """One run of the stack, from the taken lock to the last stopped child."""

    def __init__(self, folders: Folders, port: int, *, demonstration: bool) -> None:
        self.folders = folders
        self.port = port
        self.demonstration = demonstration
        self.url = f"http://127.0.0.1:{port}"
        self.children: dict[str, Child] = {}
        self.stopping = False
        self.wake_read, self.wake_write = os.pipe()

    def run(self) -> None:
        """Returns after a wanted stop; raises `LocalError` when the stack cannot come up."""
        self.folders.make()
        with self.folders.lock():
            self.listen_for_signals()
            try:
                self.start()
                self.watch()
            except Stopped:
                say("Stopping …")
            finally:
                for names in STOP_ORDER:
                    stop_children(self.children[name] for name in names if name in self.children)
                (self.folders.run / "children.json").unlink(missing_ok=True)
                (self.folders.run / "supervisor.json").unlink(missing_ok=True)
                shutil.rmtree(self.folders.sockets, ignore_errors=True)
        say("Direction Commons has stopped.")

    def listen_for_signals(self) -> None:
        """A signal only sets a flag and wakes `pause`, so that nothing is interrupted half-way."""
        os.set_blocking(self.wake_write, False)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_stop)

    def on_stop(self, number: int, frame: object) -> None:
        self.stopping = True

    def pause(self, seconds: float) -> None:
        """Sleeps until a signal or the time; raises `Stopped` when we were asked to stop."""
        if not self.stopping and select.select([self.wake_read], [], [], seconds)[0]:
            os.read(self.wake_read, 512)
        if self.stopping:
            raise Stopped

    def launch(self, program: Program) -> Child:
        child = self.children[program.name] = Child(program)
        self.write_record()
        return child

    def write_record(self) -> None:
        self.folders.write_private("run/children.json", json.dumps(record(self.children.values())))

    def start(self) -> None:
        began = time.monotonic()
        folders = self.folders
        stop_leftovers(folders.read_json("run/children.json") or [], say)
        engines.check_disk(folders)
        listener = self.take_port()
        own = psutil.Process()
        facts = {"pid": own.pid, "created": own.create_time(), "url": self.url}
        folders.write_private("run/supervisor.json", json.dumps(facts))

        first = not folders.postgres.exists()
        if first:
            say(f"First start: setting up {folders.home} …")
        engines.postgres_init(folders)
        engines.forget_dead_postmaster(folders)
        folders.valkey_socket.unlink(missing_ok=True)
        postgres = self.launch(engines.postgres_child_program(folders))
        valkey = self.launch(engines.valkey_child_program(folders))
        engines.wait_for(postgres, lambda: engines.postgres_ready(folders), self.pause)
        engines.wait_for(valkey, lambda: engines.valkey_ready(folders), self.pause)

        env = stack_environment(folders)
        fingerprint = prepared_from()
        if first or folders.read_json("run/prepared.json") != fingerprint:
            say("Preparing database, static files and the embedded generator …")
            password = {"DIRECTION_COMMONS_OPERATOR_PASSWORD": folders.secret("operator-password")}
            self.finish(manage_program("prepare", folders, env | password, "local_prepare"))
            folders.write_private("run/prepared.json", json.dumps(fingerprint))

        web = self.launch(web_program(folders, env, listener))
        self.launch(worker_program("interactive", folders, env))
        self.launch(worker_program("batch", folders, env, nice=5))
        self.launch(beat_program(folders, env))
        engines.wait_for(web, self.pages_answer, self.pause, seconds=120.0)
        self.greet(time.monotonic() - began)
        if self.demonstration:
            self.launch(manage_program("demonstration", folders, env, "local_demonstration", nice=10))

    def take_port(self) -> socket.socket:
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", self.port))
        except OSError as error:
            raise LocalError(
                f"Port {self.port} is taken by another program ({error.strerror}); "
                f"choose another one: make run PORT={self.port + 1 if self.port < 65535 else 8000}"
            ) from error
        listener.listen(128)
        return listener

    def finish(self, program: Program) -> None:
        """Runs a one-time program to its end."""
        child = self.launch(program)
        while child.alive():
            self.pause(0.5)
        del self.children[program.name]
        if child.process.returncode != 0:
            raise LocalError(f"Preparing failed: {child.log_tail(1)} (see {program.log}).")

    def pages_answer(self) -> bool:
        """Whether health and front page answer 200."""
        for path in ("/healthz", "/"):
            try:
                with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                    if answer.status != 200:
                        return False
            except (urllib.error.URLError, OSError):
                return False
        return True

    def greet(self, seconds: float) -> None:
        say(f"Direction Commons is ready at {self.url}")
        say(f"Operator's sign-in: name operator, password {self.folders.secret('operator-password')}")
        say("It is an account of your own, with everybody's rights and no others.")
        if not os.environ.get("DIRECTION_COMMONS_EMAIL_HOST"):
            say("No mail server is set: mails go to logs/web.log.")
        say(
            f"Data and logs: {self.folders.home} (started in {seconds:.1f} s; Ctrl-C or `make stop` stops it)"
        )

    def watch(self) -> None:
        """Keeps the children running until somebody stops us."""
        while True:
            self.pause(1.0)
            for name, child in list(self.children.items()):
                if name == "demonstration" and not child.alive():
                    if child.process.returncode != 0:
                        say(
                            f"The demonstration did not start: {child.log_tail(1)} (see {child.program.log})."
                        )
                    del self.children[name]
                elif line := child.tend():
                    say(f"{time.strftime('%H:%M:%S')} {line}")
                    self.write_record()
