"""A pytest plugin (see pyproject.toml): the embedded PostgreSQL and Valkey, before settings are read.

The processes are those of `make run`, started by the same code. A server that DIRECTION_COMMONS_DATABASE_URL
already names is used instead. Processes of pytest-xdist inherit the environment of the one that started them:
one server, and by pytest-django's suffix a database each.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest

from direction_commons.local import engines
from direction_commons.local.folders import Folders, folders_for
from direction_commons.local.processes import Child, stop_children


class Services:
    """PostgreSQL and Valkey in a folder that lives as long as the run."""

    def __init__(self) -> None:
        self.folders: Folders = folders_for(Path(tempfile.mkdtemp(prefix="direction-commons-test-")))
        self.folders.make()
        engines.postgres_init(self.folders)
        program = engines.postgres_child_program(self.folders)
        program.argv.extend(["-c", "fsync=off", "-c", "full_page_writes=off"])  # none of it outlives us
        self.postgres = Child(program)
        self.valkey = Child(engines.valkey_child_program(self.folders))
        engines.wait_for(self.postgres, lambda: engines.postgres_ready(self.folders), time.sleep)
        engines.wait_for(self.valkey, lambda: engines.valkey_ready(self.folders), time.sleep)
        os.environ["DIRECTION_COMMONS_HOME"] = str(self.folders.home)
        os.environ["DIRECTION_COMMONS_DATABASE_URL"] = self.folders.database_url
        os.environ["DIRECTION_COMMONS_VALKEY_URL"] = self.folders.valkey_url

    def stop(self) -> None:
        stop_children([self.valkey])
        stop_children([self.postgres])
        shutil.rmtree(self.folders.home)
        shutil.rmtree(self.folders.sockets)


# Playwright's synchronous interface keeps an event loop in the thread of the tests, where Django then refuses
# its database. Tests here are synchronous all through.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

started: Services | None = None


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    global started
    if "DIRECTION_COMMONS_DATABASE_URL" not in os.environ:
        started = Services()
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if number:  # a Valkey database each, too
        url = os.environ["DIRECTION_COMMONS_VALKEY_URL"]
        os.environ["DIRECTION_COMMONS_VALKEY_URL"] = url.replace("?db=0", f"?db={int(number) + 1}")


def pytest_unconfigure() -> None:
    global started
    if started is not None:
        started.stop()
        started = None
