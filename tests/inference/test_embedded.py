"""The library on the embedded bundles: what a person's pair and photo meet. Nothing here is looked up."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from inference import Bundle, average, direction_from_codes, edit, invert, read_image
from inference.embedded import EMBEDDED
from inference.portraits import render

PEOPLE = (9_000_001, 9_000_002, 9_000_003, 9_000_004)  # seeds that no training set contains


# what is measured on the eight pictures here, in dB; a worse bundle must not pass unseen
MEASURED = {"portraits": 28.2, "portraits-label-free": 29.3}


@pytest.fixture(scope="module", params=sorted(EMBEDDED))
def portraits(request):
    return Bundle.load(request.param, device="cpu")


def as_images(*pictures):
    """uint8 `[H, W, 3]` pictures -> `[n, 3, H, W]` in [-1, 1]."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def psnr(a, b):
    return float(-10 * torch.log10(((a - b) / 2).square().mean()))


@pytest.fixture(scope="module")
def pictures():
    """Each person without and with glasses, [without, with, without, with, ...], `[8, 3, 128, 128]`."""
    return as_images(
        *(render({"glasses": value, "hat": 0.0}, person) for person in PEOPLE for value in (0.0, 1.0))
    )


@pytest.fixture(scope="module")
def inverted(portraits, pictures):
    return invert(portraits, pictures)


def pair(portraits, pictures, inverted, before, after):
    return direction_from_codes(
        portraits,
        inverted[before],
        inverted[after],
        pictures[before : before + 1],
        pictures[after : after + 1],
    )


def test_optimisation_improves_on_the_encoder(portraits, pictures, inverted):
    encoded = invert(portraits, pictures, steps=0)
    assert float(inverted.psnr.mean()) > float(encoded.psnr.mean()) + 0.5
    assert float(inverted.psnr.mean()) > MEASURED[portraits.name] - 0.7
    assert float(inverted.errors.max()) < portraits.thresholds["out_of_domain"]


def test_honest_pairs_have_no_verdict_and_others_put_glasses_on(portraits, pictures, inverted):
    """Three people's pairs make a direction; on the fourth it comes nearer to the truth than no edit does."""
    directions = [pair(portraits, pictures, inverted, 2 * i, 2 * i + 1) for i in range(3)]
    for direction in directions:
        assert direction.quality["verdict"] is None, direction.quality
        assert direction.quality["movement_over_null"] > 1.5
        assert direction.quality["change_kept"] > 0.5
    community = average(directions)
    assert community.rho > 0.3
    before, truth = inverted[6], pictures[7:8]
    edited = edit(portraits, before.codes, [(community, 1.0)])
    assert psnr(edited, truth) > psnr(before.images, truth) + 0.5
    backwards = edit(portraits, before.codes, [(community, -1.0)])
    assert psnr(backwards, truth) < psnr(before.images, truth)


def test_two_people_are_unrelated(portraits, pictures, inverted):
    assert pair(portraits, pictures, inverted, 0, 4).quality["verdict"] == "unrelated-pictures"


def test_the_same_picture_saved_again_is_the_same_picture(portraits, pictures, inverted):
    buffer = io.BytesIO()
    Image.fromarray(render({"glasses": 0.0, "hat": 0.0}, PEOPLE[0])).save(buffer, "JPEG", quality=85)
    again = read_image(buffer.getvalue(), 128)
    direction = direction_from_codes(portraits, inverted[0], invert(portraits, again)[0], pictures[:1], again)
    assert direction.quality["verdict"] == "same-picture"


def foreign():
    """Noise, and crops of the two photographs that scikit-learn carries."""
    from sklearn.datasets import load_sample_images

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        photos = load_sample_images().images
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    crops = [
        np.asarray(Image.fromarray(photo[:427, x : x + 427]).resize((128, 128)))
        for photo in photos
        for x in (0, 200)
    ]
    return as_images(*noise, *crops)


def test_foreign_pictures_are_out_of_domain(portraits):
    pictures = foreign()
    found = invert(portraits, pictures)
    assert (found.errors > portraits.thresholds["out_of_domain"]).all(), found.errors
    noise = direction_from_codes(portraits, found[0], found[1], pictures[:1], pictures[1:2])
    assert noise.quality["verdict"] == "out-of-domain"


def test_nothing_is_pretended(portraits, pictures, inverted):
    """With the encoder's last layer zeroed, errors and warnings jump: codes come from nowhere else."""
    broken = Bundle.load(portraits.name, device="cpu")
    with torch.no_grad():
        for layer in (broken.encoder.shared, broken.encoder.deltas):
            if layer is not None:  # one code for all layers has no deltas
                layer.weight.zero_()
                layer.bias.zero_()
    encoded, ruined = invert(portraits, pictures, steps=0), invert(broken, pictures, steps=0)
    assert (ruined.errors > 2 * encoded.errors).all()
    found = invert(broken, pictures)
    assert float(found.errors.mean()) > 1.5 * float(inverted.errors.mean())
    verdicts = [pair(broken, pictures, found, 2 * i, 2 * i + 1).quality["verdict"] for i in range(4)]
    assert verdicts.count(None) == 0, verdicts
