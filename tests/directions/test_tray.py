"""The tray on the embedded bundle: nothing lies on it that the generator would refuse.

`manage.py tray_render` cannot see that for itself (it loads no torch), and a new bundle may change it.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from directions import tray as room
from directions.inversions.faces import faces_of, known_faces, own_faces
from directions.inversions.runtime import SAMPLE_FACES
from directions.tray import TrayPair, tray
from directions.tray.management.commands import tray_render
from inference import Bundle, find_direction, read_image
from inference.editing import synthesise
from tests.inference.conftest import make_tiny_bundle


@pytest.fixture(scope="module")
def embedded() -> Bundle:
    return Bundle.load("portraits", device="cpu")


@pytest.mark.parametrize("pair", tray().pairs, ids=lambda pair: pair.key)
def test_each_pair_gives_a_direction(embedded: Bundle, pair: TrayPair) -> None:
    side = embedded.generator.resolution
    found = find_direction(embedded, *(read_image(one.read(), side) for one in (pair.before, pair.after)))
    assert found.quality["verdict"] is None, found.quality["reason"]
    assert found.step > 0


def test_strips_are_drawn_on_the_trays_faces_where_the_generator_knows_them(embedded: Bundle) -> None:
    pictures = [single.picture.read() for single in tray().singles]
    assert len(known_faces(embedded, pictures)) == len(pictures)
    faces = faces_of(embedded, pictures, SAMPLE_FACES)
    drawn = synthesise(embedded, faces)
    for number, picture in enumerate(pictures[:SAMPLE_FACES]):
        wanted = read_image(picture, embedded.generator.resolution)
        away = (drawn - wanted).abs().mean(dim=(1, 2, 3))
        assert int(away.argmin()) == number, "another face than the picture's"


def test_a_generator_of_another_world_shows_directions_on_its_own_faces() -> None:
    """Noise, as an untrained generator is to a drawn face: by the same rule, for whatever bundle."""
    bundle = make_tiny_bundle(out_of_domain=0.0)
    pictures = [single.picture.read() for single in tray().singles]
    faces = faces_of(bundle, pictures, SAMPLE_FACES)
    assert faces.shape == (SAMPLE_FACES, bundle.generator.num_layers, bundle.generator.code_dim)
    assert np.allclose(faces, own_faces(bundle, SAMPLE_FACES)), "the same in every process"
    apart = np.linalg.norm((faces[:, None] - faces[None]).flatten(2).numpy(), axis=2)
    assert apart[~np.eye(SAMPLE_FACES, dtype=bool)].min() > 0


def test_the_committed_pictures_are_what_the_renderer_draws(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A renderer that changed without its tray would show people pictures that nobody can make again."""
    monkeypatch.setattr(tray_render, "FOLDER", tmp_path)
    call_command("tray_render", stdout=io.StringIO())
    drawn = {path.name: path for path in tmp_path.iterdir()}  # type: ignore[attr-defined]
    assert drawn.keys() == {path.name for path in room.FOLDER.iterdir()}
    assert drawn["tray.json"].read_text() == (room.FOLDER / "tray.json").read_text()
    for name in drawn.keys() - {"tray.json"}:
        ours, new = (np.asarray(Image.open(place)).astype(int) for place in (room.FOLDER / name, drawn[name]))
        assert np.abs(ours - new).mean() < 1.0, name
