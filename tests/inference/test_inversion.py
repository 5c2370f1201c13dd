from __future__ import annotations

import numpy as np
import pytest
import torch

import inference.inversion as inversion_module
from inference.descent import PATIENCE
from inference.errors import DirectionError, OptionError, ShapeError
from inference.inversion import invert, load_codes, reconstruction_error, save_inversion


def test_no_steps_is_the_encoder_alone(tiny, made):
    _, images = made(3)
    inversion = invert(tiny, images, steps=0)
    with torch.no_grad():
        codes = tiny.encoder(images)
        pictures = tiny.generator.synthesis(codes).clamp(-1, 1)
    assert torch.equal(inversion.codes, codes)
    assert torch.allclose(inversion.images, pictures, atol=1e-6)
    assert inversion.steps.tolist() == [0, 0, 0]
    assert inversion.digest == tiny.digest


def test_the_measures_are_of_these_reconstructions(tiny, made):
    _, images = made(2)
    inversion = invert(tiny, images, steps=2)
    mse = ((inversion.images - images) / 2).square().mean(dim=(1, 2, 3))
    assert torch.allclose(inversion.psnr, -10 * torch.log10(mse), atol=1e-3)
    assert torch.allclose(inversion.lpips, tiny.perceptual(images, inversion.images), rtol=1e-4)
    assert torch.allclose(inversion.errors, reconstruction_error(tiny, images, inversion.images), rtol=1e-4)
    assert torch.equal(tiny.generator.synthesis(inversion.codes).clamp(-1, 1), inversion.images)


def test_steps_come_nearer(tiny, made):
    _, images = made(3)
    psnr = [invert(tiny, images, steps=steps).psnr for steps in (0, 5, 30)]
    assert (psnr[1] > psnr[0] + 0.5).all()
    assert (psnr[2] > psnr[1] + 0.5).all()


def test_company_does_not_matter(tiny, made):
    _, images = made(5)
    together = invert(tiny, images, steps=8)
    for row in range(5):
        alone = invert(tiny, images[row : row + 1], steps=8)
        assert float((alone.images - together[row].images).abs().max()) < 2 / 255
        assert float(alone.psnr[0]) == pytest.approx(float(together.psnr[row]), abs=0.02)


def test_more_images_than_one_batch(tiny, made, monkeypatch):
    _, images = made(5)
    whole = invert(tiny, images, steps=3)
    monkeypatch.setattr(inversion_module, "BATCH", 2)
    calls = []
    parts = invert(tiny, images, steps=3, progress=lambda step, total: calls.append((step, total)))
    assert float((parts.images - whole.images).abs().max()) < 2 / 255
    assert calls == [(step, 9) for step in range(1, 10)]


def test_an_image_that_gains_nothing_stops_alone(tiny, made, monkeypatch):
    codes, images = made(3)
    with torch.no_grad():
        poor = tiny.encoder(images)

    class KnowsTheFirst(torch.nn.Module):
        """An encoder that gives the first picture its true code, and the others the tiny encoder's."""

        def forward(self, pictures):
            if len(pictures) == 3 and torch.equal(pictures, images):
                return torch.cat([codes[:1], poor[1:]])
            return tiny.encoder(pictures)

    class Shim:
        encoder = KnowsTheFirst()

        def __getattr__(self, name):
            return getattr(tiny, name)

    inversion = invert(Shim(), images, steps=20)
    assert int(inversion.steps[0]) == PATIENCE
    assert (inversion.steps[1:] > PATIENCE).all()
    assert torch.allclose(inversion.codes[0], codes[0], atol=1e-6)  # the best code is kept, not the last


def test_the_best_code_is_kept(tiny, made, monkeypatch):
    """With a learning rate that only does harm, the encoder's own code comes back."""
    _, images = made(2)
    monkeypatch.setattr(inversion_module, "LEARNING_RATE", 1e4)
    assert torch.equal(invert(tiny, images, steps=4).codes, tiny.encoder(images))


def test_the_domain_term_keeps_the_code_near_the_encoder(tiny, made, monkeypatch):
    _, images = made(2)
    strayed = []
    for weight in (0.0, 20.0):
        monkeypatch.setattr(inversion_module, "DOMAIN", weight)
        found = invert(tiny, images, steps=25)
        strayed.append(float((found.codes - tiny.encoder(found.images)).square().mean()))
    assert strayed[1] < 0.7 * strayed[0]


def test_progress_is_told_and_can_abort(tiny, made):
    _, images = made(1)
    calls = []
    invert(tiny, images, steps=4, progress=lambda step, total: calls.append((step, total)))
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]

    class Cancelled(Exception):
        pass

    def abort(step, total):
        if step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        invert(tiny, images, steps=4, progress=abort)


def test_nothing_outlives_a_call(tiny, made):
    _, images = made(1)
    kept = images.clone()
    first = invert(tiny, images, steps=3)
    second = invert(tiny, images, steps=3)
    assert torch.equal(first.codes, second.codes)
    assert torch.equal(images, kept)
    assert not any(p.requires_grad or p.grad is not None for p in tiny.generator.parameters())
    assert not first.codes.requires_grad


def test_rows_of_an_inversion(tiny, made):
    _, images = made(4)
    inversion = invert(tiny, images, steps=0)
    assert len(inversion) == 4
    assert torch.equal(inversion[-1].codes, inversion.codes[3:])
    assert len(inversion[1:3]) == 2
    assert [len(one) for one in inversion] == [1, 1, 1, 1]


@pytest.mark.parametrize("steps", [-1, 1.5, "3", True])
def test_wrong_steps(tiny, made, steps):
    with pytest.raises(OptionError) as caught:
        invert(tiny, made(1)[1], steps=steps)
    assert caught.value.code == "option:steps"


def test_wrong_images(tiny):
    with pytest.raises(ShapeError) as caught:
        invert(tiny, torch.zeros(1, 3, 64, 64))
    assert caught.value.code == "shape:images"
    assert "[1, 3, 64, 64]" in str(caught.value)


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_codes_on_disk_belong_to_their_generator(tiny, other_tiny, made, tmp_path, ending):
    inversion = invert(tiny, made(2)[1], steps=0)
    path = tmp_path / f"codes.{ending}"
    save_inversion(inversion, path)
    assert torch.equal(load_codes(path, tiny), inversion.codes)
    with pytest.raises(DirectionError) as caught:
        load_codes(path, other_tiny)
    assert caught.value.code == "direction:generator"


def test_default_costs_at_most_thirty_steps():
    assert 1 <= inversion_module.DEFAULT_STEPS <= 30


def test_psnr_of_a_known_difference():
    a = torch.zeros(1, 3, 4, 4)
    assert float(inversion_module._psnr(a, a + 0.2)) == pytest.approx(20 * np.log10(2 / 0.2), abs=1e-4)
