"""Registering bundles: the same content is the same generator, other content is another one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from direction_commons.errors import UserError
from directions.generators.models import Generator
from directions.generators.selectors import active_generators, default_generator
from directions.generators.services import generator_make_default, generator_register
from tests.directions.conftest import without_torch
from tests.inference.conftest import make_tiny_bundle

Register = Callable[[Path | str], Generator]


def test_the_row_says_what_the_library_says(register: Register, tiny_folders: list[Path]) -> None:
    from inference import Bundle

    bundle = Bundle.load(tiny_folders[0], device="cpu")
    generator = register(tiny_folders[0])
    assert generator.digest == bundle.digest
    assert (generator.num_layers, generator.code_dim) == (
        bundle.generator.num_layers,
        bundle.generator.code_dim,
    )
    assert generator.space == bundle.generator.space
    assert generator.thresholds == bundle.thresholds
    assert generator.metric_weights == [float(weight) for weight in bundle.metric_weights]
    assert generator.is_default


def test_registering_again_changes_nothing_and_asks_nobody(
    register: Register, tiny_folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = register(tiny_folders[0])

    def unasked(location: str) -> dict[str, Any]:
        raise AssertionError("a known bundle needs no loading")

    monkeypatch.setattr("directions.generators.services._probe", unasked)
    assert register(tiny_folders[0]) == first
    assert Generator.objects.count() == 1


def test_a_second_bundle_is_a_second_generator_and_not_the_default(
    register: Register, tiny_folders: list[Path]
) -> None:
    first, second = register(tiny_folders[0]), register(tiny_folders[1])
    assert first.slug != second.slug
    assert default_generator() == first
    assert active_generators() == [first, second]
    generator_make_default(generator=second)
    assert default_generator() == second
    with pytest.raises(IntegrityError), transaction.atomic():
        Generator.objects.update(is_default=True)


def test_other_content_at_the_same_place_takes_over(db: None, tmp_path: Path) -> None:
    """With the real probe: a process of its own that loads the bundle."""
    place = tmp_path / "the bundle"
    make_tiny_bundle(seed=2).save(place)
    old = generator_register(location=str(place))
    shutil.rmtree(place)
    make_tiny_bundle(seed=3).save(place)
    new = generator_register(location=str(place))
    old.refresh_from_db()
    assert new.digest != old.digest
    assert (old.is_active, old.is_default) == (False, False)
    assert default_generator() == new
    with pytest.raises(UserError, match="not in use"):
        generator_make_default(generator=old)


def test_what_is_no_bundle_is_refused_with_words(db: None, tmp_path: Path) -> None:
    with pytest.raises(UserError) as absent:
        generator_register(location=str(tmp_path / "nothing"))
    assert absent.value.code == "generators:no-bundle"
    broken = tmp_path / "broken"
    make_tiny_bundle(seed=2).save(broken)
    (broken / "encoder.safetensors").write_bytes(b"not what was saved")
    with pytest.raises(UserError) as corrupt:
        generator_register(location=str(broken))
    assert corrupt.value.code == "generators:bundle:corrupt"
    with pytest.raises(CommandError, match="encoder"):
        call_command("generator_register", str(broken))
    assert not Generator.objects.exists()


def test_the_command_prints_the_digest(register: Register, tiny_folders: list[Path]) -> None:
    out = StringIO()
    call_command("generator_register", str(tiny_folders[0]), stdout=out)
    assert default_generator().digest in out.getvalue()


def test_the_embedded_bundle_is_found_by_its_name_without_torch_in_this_process(db: None) -> None:
    without_torch(
        "from directions.generators.services import bundle_folder\n"
        "import directions.generators.management.commands.generator_register\n"
        "assert (bundle_folder('portraits') / 'bundle.toml').is_file()"
    )


def test_nothing_registered_is_said_so(db: None, client: Client) -> None:
    with pytest.raises(UserError) as refusal:
        default_generator()
    assert refusal.value.status == 503


def test_the_api_shows_generators(tiny: Generator, client: Client) -> None:
    listed = client.get("/api/v1/generators/").json()["results"]
    assert [row["digest"] for row in listed] == [tiny.digest]
    assert client.get(f"/api/v1/generators/{tiny.slug}/").json()["resolution"] == 32
    assert client.get("/api/v1/generators/none/").status_code == 404
