"""Nothing is looked up: no code, direction or strip is shipped, and all comes from generator and encoder.

That a preview is the library's own edit is in test_studio.py; what the trained bundle says of the same
picture twice, of two unrelated pictures and of noise is in test_verdicts.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from directions.tray import FOLDER, tray
from tests.conftest import test_database_url as database_url
from tests.directions.domain_rows import a_face

NUMBERS = {".npz", ".npy", ".safetensors", ".pt", ".pth", ".pkl", ".ckpt", ".bin", ".h5", ".sqlite3", ".dump"}
PROGRAM = """
import json, sys, django
django.setup()
from direction_commons.accounts.models import User
from direction_commons.jobs.handling import drain
from directions.community.models import Version
from directions.generators.services import generator_register
from directions.inversions.runtime import bundle_for
from directions.pairs.models import Direction
from directions.pairs.services import pair_contribute
from directions.studio.rendering import edited_pixels
from directions.studio.services import photo_create
from directions.studio.selectors import photo_progress
from directions.studio.steps import Step, steps_resolve
from directions.tray import tray
from dataclasses import asdict
from pathlib import Path
import inference

generator = generator_register(location=sys.argv[1])
person = User.objects.create_user(username="ada", email="ada@example.org", password="a long enough one")
uploads = Path(sys.argv[2])
for number in range(3):
    before, after = ((uploads / f"{number}-{side}.png").read_bytes() for side in ("before", "after"))
    pair_contribute(contributor=person, semantic_name="a change", before=before, after=after)
photo = photo_create(owner=person, data=tray().singles[0].picture.read())
while drain("batch", worker="test"):
    pass
progress = photo_progress(photo=photo, generator=generator)
versions = Version.objects.order_by("-number")
assert versions, [(d.state, d.verdict, d.reason) for d in Direction.objects.all()]
steps = [Step("pair", str(Direction.objects.first().pk), 2.0), Step("community", str(versions[0].pk), 1.0)]
bundle = bundle_for(generator)


def drawn(steps):
    resolved = steps_resolve(user=person, generator=generator, steps=steps)
    return edited_pixels(
        bundle=bundle,
        digest=generator.digest,
        inversion=str(progress.inversion.pk),
        steps=[asdict(step) for step in resolved],
    ).astype(int)


print(json.dumps({
    "inference": inference.__file__,
    "renderer": sorted(name for name in sys.modules if name.startswith("inference.portraits.")),
    "photo": progress.state,
    "directions": [
        (d.state, d.strip is not None, d.sample_strip is not None) for d in Direction.objects.all()
    ],
    "members": versions[0].num_members,
    "strips": versions[0].strips.count(),
    "changed": int(abs(drawn(steps) - drawn([])).max()),
    "embedded": inference.Bundle.load("portraits", device="cpu").digest,
}))
"""


def test_no_code_direction_or_strip_is_shipped() -> None:
    skipped = {".git", ".venv", "node_modules", "__pycache__"}
    shipped = [
        Path(folder, name).relative_to(settings.ROOT)
        for folder, folders, names in os.walk(settings.ROOT)
        if not (folders.__setitem__(slice(None), [each for each in folders if each not in skipped]))
        for name in names
    ]
    numbers = {path.as_posix() for path in shipped if path.suffix in NUMBERS}
    networks = [
        f"portraits/bundles/{bundle}/{name}"
        for bundle in ("known_codes", "label_free")
        for name in ("generator", "encoder", "perceptual")
    ]
    assert numbers == {
        f"inference/{name}.safetensors" for name in (*networks, "evaluation/judge_weights/judge")
    }


def test_the_tray_holds_single_pictures_and_nothing_else() -> None:
    listed = {picture.file for pair in tray().pairs for picture in (pair.before, pair.after)}
    listed |= {single.picture.file for single in tray().singles}
    assert {path.name for path in FOLDER.iterdir()} == listed | {"tray.json"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 1024**2
    for name in listed:
        with Image.open(FOLDER / name) as picture:
            assert picture.size == (128, 128), f"{name} is no single picture"
            assert not picture.info, f"{name} carries more than a picture: {list(picture.info)}"


def test_pairs_of_the_tray_show_a_change() -> None:
    for pair in tray().pairs:
        before, after = (
            np.asarray(Image.open(FOLDER / picture.file).convert("RGB")).astype(int)
            for picture in (pair.before, pair.after)
        )
        changed = (np.abs(after - before).max(axis=2) > 24).mean()
        assert 0.003 < changed < 0.6, f"{pair.key} changes {changed:.1%} of the picture"


@pytest.mark.django_db(transaction=True)
def test_with_the_renderer_deleted_all_still_works(tmp_path: Path, tiny_folders: list[Path]) -> None:
    """A copy of the program without the drawing code: contribute, invert, derive, average, edit."""
    copy = tmp_path / "copy"
    for folder in ("directions", "platform", "inference", "templates", "static/tray"):
        shutil.copytree(settings.ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    portraits = copy / "inference" / "portraits"
    for path in portraits.iterdir():
        if path.name != "bundles":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for number in range(3):  # of the whole picture: an untrained generator, too, sees it
        other = number / 10
        before = a_face(100, background=0.1, skin_tone=0.05, hat=0.0, eye_colour=other)
        after = a_face(100, background=0.9, skin_tone=0.95, hat=1.0, eye_colour=other)
        (tmp_path / f"{number}-before.png").write_bytes(before)
        (tmp_path / f"{number}-after.png").write_bytes(after)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "platform")]),
        "DJANGO_SETTINGS_MODULE": "direction_commons.config.settings",
        "DIRECTION_COMMONS_HOME": str(tmp_path / "home"),
        "DIRECTION_COMMONS_DATABASE_URL": database_url(),
        "DIRECTION_COMMONS_LOG_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tiny_folders[0]), str(tmp_path)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    came = json.loads(done.stdout.splitlines()[-1])
    assert came["inference"].startswith(str(copy)), "it ran on another copy of the program"
    assert came["renderer"] == []
    assert came["photo"] == "ready"
    assert came["directions"] == [["ready", True, True]] * 3
    assert came["members"] == 3
    assert came["strips"] > 0
    assert came["changed"] > 0


def test_zeroing_the_encoders_last_layer_makes_errors_and_warnings_jump() -> None:
    """The embedded, trained bundle: what it knows of a picture comes through its encoder."""
    import torch

    from inference import Bundle, invert
    from inference.portraits import render

    pictures = np.stack([render({}, seed) for seed in range(7000, 7008)])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    bundle = Bundle.load("portraits", device="cpu")
    sound = invert(bundle, images, steps=0)
    with torch.no_grad():
        for layer in (bundle.encoder.shared, bundle.encoder.deltas):
            layer.weight.zero_()
            layer.bias.zero_()
    broken = invert(bundle, images, steps=0)
    limit = bundle.thresholds["out_of_domain"]
    assert float(broken.errors.mean()) > 2 * float(sound.errors.mean())
    assert int((sound.errors > limit).sum()) <= 1
    assert int((broken.errors > limit).sum()) >= 6
