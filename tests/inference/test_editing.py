from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.editing import edit, moved, strip
from inference.errors import DirectionError, OptionError, ShapeError


def test_intensity_one_is_one_step(tiny, made, direction_of):
    codes, _ = made(2)
    direction = direction_of(seed=1)
    wanted = codes + torch.from_numpy(direction.difference).float()
    assert torch.allclose(moved(tiny, codes, [(direction, 1.0)]), wanted, atol=1e-5)
    with torch.no_grad():
        pictures = tiny.generator.synthesis(wanted).clamp(-1, 1)
    assert float((edit(tiny, codes, [(direction, 1.0)]) - pictures).abs().max()) < 1 / 255


def test_numpy_numbers_are_numbers(tiny, made, direction_of):
    codes, _ = made(1)
    assert torch.equal(
        moved(tiny, codes, [(direction_of(), np.float32(1))]), moved(tiny, codes, [(direction_of(), 1)])
    )


def test_no_move_is_the_reconstruction(tiny, made, direction_of):
    codes, images = made(2)
    assert torch.allclose(edit(tiny, codes, []), images, atol=1e-6)
    assert torch.allclose(edit(tiny, codes, [(direction_of(), 0.0)]), images, atol=1e-6)


def test_one_pair_goes_from_its_before_to_its_after(tiny, made, direction_of):
    codes, images = made(2)
    difference = (codes[1] - codes[0]).numpy().astype(np.float64)
    assert torch.allclose(edit(tiny, codes[:1], [(direction_of(difference), 1.0)]), images[1:], atol=1e-4)


def test_moves_add_up_in_any_order(tiny, made, direction_of):
    codes, _ = made(1)
    moves = [(direction_of(seed=1), 0.7), (direction_of(seed=2), -1.3), (direction_of(seed=3), 0.2)]
    first = moved(tiny, codes, moves)
    assert torch.equal(first, moved(tiny, codes, moves[::-1]))
    step_by_step = moved(tiny, moved(tiny, codes, moves[:1]), moves[1:])
    assert torch.allclose(first, step_by_step, atol=1e-5)


def test_the_same_recipe_gives_the_same_pixels(tiny, made, direction_of):
    codes, _ = made(3)
    moves = [(direction_of(seed=1), 1.0)]
    together = edit(tiny, codes, moves)
    assert torch.equal(together, edit(tiny, codes, moves))
    assert float((edit(tiny, codes[1:2], moves) - together[1:2]).abs().max()) < 1 / 255


def test_more_codes_than_one_batch(tiny, made, direction_of):
    codes, _ = made(2)
    many = codes.repeat(10, 1, 1)
    images = edit(tiny, many, [(direction_of(seed=1), 0.5)])
    assert images.shape == (20, 3, 32, 32)
    assert torch.allclose(images[0], images[18], atol=1e-5)


def test_strip(tiny, made, direction_of):
    codes, images = made(2)
    direction = direction_of(seed=1)
    row = strip(tiny, codes, direction, (-1, 0, 2))
    assert row.shape == (2, 3, 3, 32, 32)
    assert torch.allclose(row[:, 1], images, atol=1e-5)
    assert torch.allclose(row[:, 2], edit(tiny, codes, [(direction, 2)]), atol=1e-5)
    assert strip(tiny, codes, direction).shape[1] == 5


def test_another_generators_direction_is_refused(tiny, other_tiny, made, direction_of):
    direction = direction_of(digest=other_tiny.digest)
    with pytest.raises(DirectionError) as caught:
        edit(tiny, made(1)[0], [(direction, 1.0)])
    assert caught.value.code == "direction:generator"
    assert other_tiny.digest[:12] in caught.value.came
    assert tiny.digest[:12] in caught.value.wanted


@pytest.mark.parametrize("intensity", [float("nan"), float("inf"), "1", True, None])
def test_wrong_intensities(tiny, made, direction_of, intensity):
    with pytest.raises(OptionError) as caught:
        edit(tiny, made(1)[0], [(direction_of(), intensity)])
    assert caught.value.code == "option:intensity"


@pytest.mark.parametrize(
    "codes",
    [
        torch.zeros(8, 16),
        torch.zeros(1, 7, 16),
        torch.full((1, 8, 16), torch.nan),
        np.zeros((1, 8, 16)),
        None,
    ],
)
def test_wrong_codes(tiny, direction_of, codes):
    with pytest.raises(ShapeError) as caught:
        edit(tiny, codes, [(direction_of(), 1.0)])
    assert caught.value.code == "shape:codes"


def test_wrong_direction_shape(tiny, made, direction_of):
    narrow = direction_of(np.ones((4, 16)), metric_weights=np.ones(4, np.float32))
    with pytest.raises(ShapeError) as caught:
        edit(tiny, made(1)[0], [(narrow, 1.0)])
    assert caught.value.code == "shape:vector"
