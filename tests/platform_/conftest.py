"""What tests of the platform share: people, kinds of work made up for a test, pictures as bytes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection
from PIL import Image

from direction_commons.accounts.models import User
from direction_commons.accounts.services import token_create
from direction_commons.jobs import handling

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _own_ground(own_ground: None) -> None:
    """For every test of this room."""


@pytest.fixture
def make_user() -> Callable[..., User]:
    def make(username: str = "ada", **more: Any) -> User:
        user = User(username=username, email=f"{username}@example.org", **more)
        user.set_password(PASSWORD)
        user.save()
        return user

    return make


@pytest.fixture
def ada(make_user: Callable[..., User], db: None) -> User:
    return make_user("ada")


@pytest.fixture
def bob(make_user: Callable[..., User], db: None) -> User:
    return make_user("bob")


@pytest.fixture
def bearer() -> Callable[[User], dict[str, str]]:
    """Headers that sign a person in at the API."""

    def headers(user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {token_create(user=user, name='test')[1]}"}

    return headers


Work = Callable[..., Callable[[handling.Batch], None]]


@pytest.fixture
def work() -> Iterator[Work]:
    """`@work(kind="x", batch=8)` registers a handler for this test only."""
    handlers, hooks = dict(handling._handlers), dict(handling._failed_hooks)
    handling._handlers.clear()
    handling._failed_hooks.clear()
    yield handling.handler  # type: ignore[misc]
    handling._handlers.clear()
    handling._handlers.update(handlers)
    handling._failed_hooks.clear()
    handling._failed_hooks.update(hooks)


@pytest.fixture
def picture() -> Callable[..., bytes]:
    """A still picture as bytes: smooth colours with a little noise, by seed."""

    def make(family: str = "PNG", size: tuple[int, int] = (64, 48), seed: int = 0, **save: Any) -> bytes:
        stream = io.BytesIO()
        Image.fromarray(pixels(size, seed)).save(stream, family, **save)
        return stream.getvalue()

    return make


def pixels(size: tuple[int, int], seed: int) -> np.ndarray:
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    waves = [np.sin(3 * x + 2 * y + seed + k) * 100 + 128 for k in range(3)]
    noise = np.random.default_rng(seed).normal(0, 4, (height, width, 3))
    return (np.stack(waves, -1) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def other_connection() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """Runs a function in a thread, on a database connection of its own; answers its result or raises."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:

        def submit(function: Callable[[], Any]) -> Any:
            def call() -> Any:
                try:
                    return function()
                finally:
                    connection.close()

            return pool.submit(call)

        yield submit


def wait_for_a_blocked_lock() -> None:
    """Until another connection waits for a lock that this test's own one holds."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks"
                " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    pytest.fail("nobody ever waited for this test's locks")
