from __future__ import annotations

import numpy as np
import pytest
import torch

import inference.joint_inversion as joint_module
from inference.cli import main
from inference.errors import DirectionError, OptionError, ShapeError
from inference.finders import Direction, direction_from_codes, find_direction
from inference.images import read_image, write_image
from inference.inversion import reconstruction_error
from inference.joint_inversion import invert_pair


@pytest.fixture
def pairs(tiny, made):
    """Pictures before and after, `[n, 3, 32, 32]` each, that differ by one shared move of the code."""

    def make(n=3, size=0.8):
        codes, before = made(n, seed=11)
        move = torch.randn(16, generator=torch.Generator().manual_seed(9)) * size
        with torch.no_grad():
            return before, tiny.generator.synthesis(codes + move).clamp(-1, 1)

    return make


def change_error(found, before, after):
    return (found.after.images - found.before.images - (after - before)).abs().mean(dim=(1, 2, 3))


@pytest.mark.parametrize("space", ["W", "W+"])
def test_both_pictures_are_explained_better_than_by_the_encoder(tiny, pairs, space):
    before, after = pairs()
    start = invert_pair(tiny, before, after, steps=0, space=space)
    found = invert_pair(tiny, before, after, steps=30, space=space)
    assert (found.before.psnr > start.before.psnr + 0.5).all()
    assert (found.after.psnr > start.after.psnr + 0.5).all()
    assert float(change_error(found, before, after).mean()) < 0.9 * float(
        change_error(start, before, after).mean()
    )


@pytest.mark.parametrize("space", ["W", "W+"])
def test_the_space_is_kept_and_recorded(tiny, pairs, space):
    before, after = pairs(1)
    found = invert_pair(tiny, before, after, steps=3, space=space)
    assert found.space == space
    layers = float((found.difference - found.difference[:, :1]).abs().max())
    assert (layers == 0) == (space == "W")
    assert torch.equal(found.after.codes, found.before.codes + found.difference)


def test_measures_are_of_these_codes(tiny, pairs):
    before, after = pairs(2)
    found = invert_pair(tiny, before, after, steps=3)
    assert torch.equal(tiny.generator.synthesis(found.after.codes).clamp(-1, 1), found.after.images)
    wanted = reconstruction_error(tiny, after, found.after.images)
    assert torch.allclose(found.after.errors, wanted, rtol=1e-4)
    assert len(found) == 2
    assert found.before.digest == tiny.digest


def test_company_does_not_matter(tiny, pairs):
    before, after = pairs(4)
    together = invert_pair(tiny, before, after, steps=12)
    for row in range(4):
        alone = invert_pair(tiny, before[row : row + 1], after[row : row + 1], steps=12)
        assert float((alone.after.images[0] - together.after.images[row]).abs().max()) < 2 / 255
        assert torch.allclose(alone.difference[0], together.difference[row], atol=0.02)
        assert int(alone.before.steps[0]) == int(together.before.steps[row])


def test_more_pairs_than_one_batch(tiny, pairs, monkeypatch):
    before, after = pairs(3)
    whole = invert_pair(tiny, before, after, steps=3)
    monkeypatch.setattr(joint_module, "BATCH", 4)  # two pairs
    calls = []
    parts = invert_pair(
        tiny, before, after, steps=3, progress=lambda step, total: calls.append((step, total))
    )
    assert torch.allclose(parts.difference, whole.difference, atol=0.02)
    assert calls == [(step, 6) for step in range(1, 7)]


def test_outside_the_region_less_changes(tiny, made, monkeypatch):
    """Two pictures that differ in a corner: with the term, the made change keeps to it more."""
    _, before = made(1)
    before = before.clamp(-0.6, 0.6)
    after = before.clone()
    after[..., :12, :12] += 0.4
    outside = []
    for weight in (0.0, 1.0):
        monkeypatch.setattr(joint_module, "OUTSIDE", weight)
        found = invert_pair(tiny, before, after, steps=25, space="W+", aligned=True)
        moved = (found.after.images - found.before.images).abs()
        moved[..., :16, :16] = 0
        outside.append(float(moved.mean()))
    assert outside[1] < 0.8 * outside[0]


def test_the_penalty_shortens_and_the_refit_repairs(tiny, pairs, monkeypatch):
    before, after = pairs(2)
    lengths = []
    for weight in (0.0, 0.03):
        monkeypatch.setattr(joint_module, "LASSO", weight)
        found = invert_pair(tiny, before, after, steps=15)
        lengths.append((found.difference.norm(dim=(1, 2)), found.lengths))
    plain, penalised = lengths
    assert (penalised[1] > plain[1]).all()  # the refit lengthens what was shortened
    assert (penalised[0] / penalised[1] < plain[0] / plain[1]).all()


def test_photos_are_told_from_edits(tiny, made, pairs):
    _, images = made(2)
    edited = images.clone()
    edited[..., :12, :12] = edited[..., :12, :12].clamp(-0.5, 0.5) + 0.3
    darker = images[1:] * 0.6 - 0.2  # other light: no part stays as it was
    before, after = images, torch.cat([edited[:1], darker])
    asked = invert_pair(tiny, before, after, steps=4)
    assert asked.aligned.tolist() == [True, False]
    told = invert_pair(tiny, before, after, steps=4, aligned=False)
    assert told.aligned.tolist() == [False, False]
    assert torch.allclose(asked.difference[1], told.difference[1], atol=1e-3)
    assert not torch.allclose(asked.difference[0], told.difference[0], atol=1e-3)


def test_one_difference_for_all_pairs(tiny, pairs):
    before, after = pairs(3)
    start = invert_pair(tiny, before, after, steps=0, together=True)
    found = invert_pair(tiny, before, after, steps=25, together=True)
    assert torch.equal(found.difference[0], found.difference[2])
    assert not torch.equal(found.before.codes[0], found.before.codes[1])
    assert float(found.after.psnr.mean()) > float(start.after.psnr.mean()) + 0.5
    with pytest.raises(OptionError) as caught:
        invert_pair(tiny, before.repeat(8, 1, 1, 1), after.repeat(8, 1, 1, 1), together=True)
    assert caught.value.code == "option:together"


def test_a_direction_of_it(tiny, pairs):
    before, after = pairs(1)
    found = invert_pair(tiny, before, after, steps=4)
    apart = direction_from_codes(tiny, found.before, found.after, before, after, space=found.space)
    direction = find_direction(tiny, before, after, steps=4, space="W", method="joint")
    assert direction.space == "W"
    assert np.allclose(direction.difference, found.difference[0].numpy(), atol=1e-4)
    assert np.allclose(direction.vector, apart.vector)
    assert direction.quality == apart.quality


def test_the_same_picture_twice(tiny, made):
    """Nothing changed: no region, no difference, and numbers all the same."""
    _, images = made(1)
    found = invert_pair(tiny, images, images, steps=4)
    assert torch.isfinite(found.difference).all()
    assert float((found.after.images - found.before.images).abs().mean()) < 0.02


def test_refusals(tiny, made):
    _, images = made(2)
    with pytest.raises(ShapeError) as caught:
        invert_pair(tiny, images, images[:1])
    assert caught.value.code == "shape:images"
    with pytest.raises(ShapeError) as caught:
        invert_pair(tiny, images, torch.zeros(2, 3, 64, 64))
    assert "after" in str(caught.value)
    for steps in (-1, 1.5, "3", True):
        with pytest.raises(OptionError) as refused:
            invert_pair(tiny, images, images, steps=steps)
        assert refused.value.code == "option:steps"
    with pytest.raises(DirectionError) as odd:
        invert_pair(tiny, images, images, space="Z")
    assert odd.value.code == "direction:space"
    with pytest.raises(OptionError) as unknown:
        find_direction(tiny, images[:1], images[1:], method="guess")
    assert unknown.value.code == "option:method"


def test_codes_to_start_from(tiny, pairs):
    before, after = pairs(2)
    codes = tiny.encoder(before) + 0.3, tiny.encoder(after) + 0.3
    found = invert_pair(tiny, before, after, steps=0, space="W+", start=codes)
    assert torch.allclose(found.before.codes, codes[0], atol=1e-5)
    moved = (codes[1] - codes[0]) * found.lengths[:, None, None]
    assert torch.allclose(found.difference, moved, atol=1e-5)
    for wrong in (codes[0][:1], codes[0][..., :4]):
        with pytest.raises(ShapeError) as caught:
            invert_pair(tiny, before, after, start=(codes[0], wrong))
        assert caught.value.code == "shape:codes"


def test_a_wish_to_stop_is_heard(tiny, pairs):
    before, after = pairs(1)

    class Cancelled(Exception):
        pass

    def abort(step, total):
        if step == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        invert_pair(tiny, before, after, steps=4, progress=abort)


def test_from_the_command_line(tiny, pairs, tmp_path):
    tiny.save(tmp_path / "tiny")
    for name, picture in zip(("before", "after"), pairs(1), strict=True):
        write_image(tmp_path / f"{name}.png", picture)
    files = [str(tmp_path / name) for name in ("before.png", "after.png", "d.npz")]
    options = ["--bundle", str(tmp_path / "tiny"), "--steps", "2", "--space", "W"]
    found = []
    for more in ([], ["--joint"]):
        assert main(["direction", *files[:2], "-o", files[2], *options, *more]) == 0
        found.append(Direction.load(files[2]))
    before, after = (read_image(path, 32) for path in files[:2])
    joint = invert_pair(tiny, before, after, steps=2)
    assert np.allclose(found[1].difference, joint.difference[0].numpy(), atol=1e-4)
    assert not np.allclose(found[0].difference, found[1].difference, atol=1e-3)
