"""What tests of the domain share: a real (tiny, untrained) generator, people, pairs, a worker."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from direction_commons.accounts.models import User
from direction_commons.accounts.services import token_create
from direction_commons.jobs import handling
from direction_commons.jobs.services import worker_seen
from directions.generators import services as generator_services
from directions.generators.models import Generator
from directions.inversions import handlers as inversion_handlers
from directions.pairs.models import Pair
from directions.pairs.services import pair_contribute
from tests.directions.domain_rows import a_face, a_user
from tests.inference.conftest import make_tiny_bundle


@pytest.fixture(autouse=True)
def _own_ground(own_ground: None) -> None:
    """For every test of this room."""


@pytest.fixture(autouse=True)
def _few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests ask what becomes of a code, not how good it is."""
    monkeypatch.setattr(inversion_handlers, "STEPS", 4)


@pytest.fixture(autouse=True)
def _nothing_is_looked_for(settings: Any) -> None:
    """A registered generator brings no components of its own: tests of them ask for theirs."""
    settings.DISCOVER_COMPONENTS = 0


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two bundles on disk, of different content. Every picture is in their world: they know nothing."""
    folders = []
    for seed in (0, 1):
        folder = tmp_path_factory.mktemp("bundles") / f"tiny-{seed}"
        make_tiny_bundle(seed=seed, null_floor=1e-4).save(folder)
        folders.append(folder)
    return folders


@pytest.fixture(scope="session")
def probed(tiny_folders: list[Path]) -> dict[str, dict[str, Any]]:
    """What the real probe says of them, asked once: each asking starts a process and loads torch."""
    return {str(folder): probe(folder) for folder in tiny_folders}


def probe(folder: Path | str) -> dict[str, Any]:
    facts: dict[str, Any] = generator_services._probe(str(folder))
    return facts


@pytest.fixture
def register(
    db: None, probed: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path | str], Generator]:
    """`generator_register` as it is, with the probe's answers for the tiny bundles remembered."""
    asked = generator_services._probe
    monkeypatch.setattr(generator_services, "_probe", lambda place: probed.get(place) or asked(place))
    return lambda location: generator_services.generator_register(location=str(location))


@pytest.fixture
def tiny(register: Callable[..., Generator], tiny_folders: list[Path]) -> Generator:
    """The first tiny generator, registered: the default."""
    return register(tiny_folders[0])


@pytest.fixture
def ada(db: None) -> User:
    return a_user("ada")


@pytest.fixture
def bob(db: None) -> User:
    return a_user("bob")


@pytest.fixture
def contribute(tiny: Generator, ada: User) -> Callable[..., Pair]:
    """A pair of one drawn face, always another picture and the same change, unless pictures are given.

    The change is of the whole picture, so that an untrained encoder, too, sees the same in each of them.
    """
    numbers = iter(range(1, 100))

    def make(change: str = "smile", user: User | None = None, **more: Any) -> Pair:
        other = next(numbers) / 100
        before = a_face(100, background=0.1, skin_tone=0.05, hat=0.0, eye_colour=other)
        after = a_face(100, background=0.9, skin_tone=0.95, hat=1.0, eye_colour=other)
        pictures = {"before": before, "after": after, **more}
        return pair_contribute(contributor=user or ada, semantic_name=change, **pictures)

    return make


@pytest.fixture
def work() -> Callable[[], int]:
    """Everything that is queued, done in this process; answers the number of batches."""

    def drain() -> int:
        worker_seen(worker="test", queue="batch")
        return handling.drain("batch", worker="test")

    return drain


@pytest.fixture
def headers() -> Callable[[User], dict[str, str]]:
    """`client.get(address, headers=headers(user))`: a token of this person."""

    def make(user: User) -> dict[str, str]:
        _, text = token_create(user=user, name="test")
        return {"Authorization": f"Bearer {text}"}

    return make


def without_torch(code: str) -> None:
    """Runs Django code in a process of its own and fails if it loaded torch."""
    program = f"import django, sys, json; django.setup()\n{code}\nprint(json.dumps('torch' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) is False
