"""Fixtures that every room may use: real workers, the whole program as a stranger runs it, a browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from numpy.typing import NDArray

from direction_commons.accounts.models import User
from direction_commons.errors import UserError
from direction_commons.jobs import handling
from direction_commons.local.folders import REPOSITORY, folders_for
from direction_commons.local.privileges import die_with_parent
from direction_commons.local.processes import Child, stop_children
from direction_commons.local.supervisor import stack_environment, worker_program
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_keep, images_written

LONG = ("system", "browser")  # rooms whose tests start the whole program
CHROMIUM_LINE = (
    "no Chromium found; install it: apt install chromium, or python -m playwright install chromium"
)


def pytest_configure(config: pytest.Config) -> None:
    """Settings for speed, and static files straight from their folders: nothing is collected in tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, so that the others run beside them (`--dist loadfile`: a file, a process)."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in LONG)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests measured (`told`), whether or not their output is shown."""
    reports = terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", [])
    for name, value in (
        pair for report in reports if report.when == "call" for pair in report.user_properties
    ):
        terminalreporter.write_line(f"measured: {name}: {value}")


@pytest.fixture
def told(record_property: Callable[[str, object], None]) -> Callable[[str, float], None]:
    """`told("recovery of …", seconds)`: measured times are printed at the end of the run."""
    return lambda what, seconds: record_property(what, f"{seconds:.1f} s")


@pytest.fixture
def own_ground(settings: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Files in a folder of this test's own, no throttle left over, no worker asked to stop."""
    folder = tmp_path_factory.mktemp("media")
    storages = {name: dict(value) for name, value in settings.STORAGES.items()}
    storages["default"]["OPTIONS"] = {"location": folder}
    settings.STORAGES = storages
    settings.MEDIA_ROOT = folder
    cache.clear()
    yield
    handling._stop = False


def until(true: Callable[[], Any], seconds: float, what: str = "") -> float:
    """Waits until `true()`; the answer is how long it took. Fails with `what` after `seconds`."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            pytest.fail(f"not within {seconds:g} s: {what or true}")
        time.sleep(0.1)
    return time.monotonic() - began


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., float]:
    return until


@pytest.fixture
def last_place(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Does something twice at once; neither passes its quota's check before the other does, if it may."""

    def race(services: ModuleType, do: Callable[[], object]) -> list[str]:
        meet, check = threading.Barrier(2), services.quota_check

        def check_and_wait(**asked: Any) -> None:
            check(**asked)
            with suppress(threading.BrokenBarrierError):  # the other one waits for us, as it should
                meet.wait(0.5)

        def once(_: int) -> str:
            try:
                do()
                return "saved"
            except UserError as error:
                return error.code
            finally:
                connection.close()

        monkeypatch.setattr(services, "quota_check", check_and_wait)
        with ThreadPoolExecutor(2) as pool:
            return sorted(pool.map(once, range(2)))

    return race


def image_store(*, owner: User | None, array: NDArray[np.uint8], public: bool = False) -> StoredImage:
    """A picture as a worker keeps it, at once."""
    with images_written(owner=owner, arrays=[array], public=public) as written:
        return image_keep(written=written[0])


def test_database_url() -> str:
    """The address of the database that this test's connection uses, for other processes."""
    from django.db import connection

    found = connection.settings_dict
    user = quote(found["USER"], safe="") + (
        ":" + quote(found["PASSWORD"], safe="") if found["PASSWORD"] else ""
    )
    if found["HOST"].startswith("/"):
        return f"postgresql://{user}@/{found['NAME']}?host={quote(found['HOST'], safe='')}"
    return f"postgresql://{user}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"


class Workers:
    """Real Celery worker processes on this test's database, as `make run` starts them."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folders = replace(folders_for(folder), sockets=folder)
        for name in ("logs", "run"):
            (folder / name).mkdir(exist_ok=True)
        self.env = stack_environment(self.folders) | env
        self.children: dict[str, Child] = {}

    def start(self, queue: str) -> Child:
        child = self.children[queue] = Child(worker_program(queue, self.folders, self.env))
        until(lambda: f"{queue}@" in self.log(queue) and "ready." in self.log(queue), 60, self.log(queue))
        return child

    def log(self, queue: str) -> str:
        path = self.folders.logs / f"{queue}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def kill(self, queue: str) -> None:
        """SIGKILL, as the kernel does when memory runs out; its log is put aside."""
        child = self.children.pop(queue)
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
        child.program.log.rename(child.program.log.with_suffix(".killed"))

    def stop(self) -> None:
        stop_children(self.children.values())


@pytest.fixture
def worker_starter(transactional_db: None, tmp_path: Path) -> Iterator[Workers]:
    """Start workers yourself: `worker_starter.start("batch")`."""
    workers = Workers(
        tmp_path,
        {
            "DIRECTION_COMMONS_HOME": str(settings.HOME),
            "DIRECTION_COMMONS_MEDIA_ROOT": str(settings.MEDIA_ROOT),
            "DIRECTION_COMMONS_DATABASE_URL": test_database_url(),
            "DIRECTION_COMMONS_VALKEY_URL": settings.VALKEY_URL,
        },
    )
    yield workers
    workers.stop()


@pytest.fixture
def workers(worker_starter: Workers) -> Workers:
    """One real worker process for `batch` and one for `interactive`, on this test's (committed) database."""
    for queue in ("batch", "interactive"):
        worker_starter.start(queue)
    return worker_starter


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Site:
    """The whole program, started as `make run` does."""

    url: str
    home: Path
    process: subprocess.Popen[str]
    lines: list[str]

    @property
    def operator_password(self) -> str:
        return (self.home / "operator-password").read_text()

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(90)


def site_start(
    home: Path,
    port: int | None = None,
    *,
    wait: float = 300.0,
    demonstration: bool = False,
    more: dict[str, str] | None = None,
) -> Site:
    """Starts the supervisor on `home`; returns when pages answer, or when it ended instead."""
    port = port or free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("DIRECTION_COMMONS_")}
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "platform")])
    env |= more or {}
    argv = [sys.executable, "-m", "direction_commons.local", "--home", str(home), "run", "--port", str(port)]
    process = subprocess.Popen(
        argv + ([] if demonstration else ["--no-demonstration"]),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
    )
    site = Site(f"http://127.0.0.1:{port}", home, process, [])

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            site.lines.append(line.rstrip())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    end = time.monotonic() + wait
    while f"Direction Commons is ready at {site.url}" not in site.lines:
        if process.poll() is not None:
            reader.join(5)
            return site
        if time.monotonic() > end:
            site.stop()
            pytest.fail(f"not ready in {wait:g} s: {site.said}")
        time.sleep(0.1)
    return site


@pytest.fixture(scope="session", name="start_site")
def start_site_fixture() -> Callable[..., Site]:
    """`start_site(home, more={"DIRECTION_COMMONS_…": …})`; who calls it stops what it answers."""
    return site_start


@pytest.fixture
def starter() -> Iterator[Callable[[Path], Site]]:
    """`starter(home)` starts the whole program there; what still runs in the end is stopped."""
    sites: list[Site] = []

    def start(home: Path) -> Site:
        sites.append(site_start(home))
        return sites[-1]

    yield start
    for site in sites:
        if site.process.poll() is None:
            site.stop()


@pytest.fixture(scope="session")
def live_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole program on a data folder and a port of its own, without demonstration; one for all tests."""
    site = site_start(tmp_path_factory.mktemp("live site") / "data")
    assert site.process.poll() is None, site.said
    yield site
    site.stop()


def chromium_program() -> str | None:
    """A Chromium of the system, or the one that Playwright installed; None when there is neither."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A Playwright browser. Without Chromium: skipped with the install line, an error where CI=true."""
    program = chromium_program()
    if program is None:
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(CHROMIUM_LINE)
        pytest.skip(CHROMIUM_LINE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=root)
        yield browser
        browser.close()
