"""Held-out balanced faces, with and without a change, as drawn and as a bundle inverts them.

What every direction of a semantic is judged on: nobody here was trained on, gave a pair, or tuned a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from inference.bundle import Bundle
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.pair_kinds import Example, make_pair
from inference.inversion import Inversion, invert
from inference.portraits.training.data import HELD_OUT_SEED, to_images

FIRST_FACE = HELD_OUT_SEED + 400_000

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Faces:
    """N people without (`before`) and with (`after`) one change.

    Attributes:
        before, after: drawn pictures `[N, 3, H, W]` in [-1, 1].
        mask: where the change shows, bool `[N, 1, H, W]`.
        base, own: inversions of both; `own` is the best that an edit of this face could be.
        scenes: what the people without the change are drawn from, `[N, K]`.
        read_before, read_after, read_base, read_own: the judge's readings of all four, `[N, K]`.
    """

    attribute: str
    before: torch.Tensor
    after: torch.Tensor
    mask: torch.Tensor
    base: Inversion
    own: Inversion
    scenes: Array
    read_before: Array
    read_after: Array
    read_base: Array
    read_own: Array


def held_out_faces(bundle: Bundle, judge: Judge, attribute: str, count: int, *, steps: int) -> Faces:
    """The first `count` held-out people for an attribute."""
    examples = face_examples(attribute, count)
    before, after, mask = as_tensors(examples)
    base, own = invert(bundle, before, steps), invert(bundle, after, steps)
    readings = [read(judge, images) for images in (before, after, base.images, own.images)]
    scenes = np.stack([example.scene_before for example in examples]).astype(np.float64)
    return Faces(attribute, before, after, mask, base, own, scenes, *readings)


def filled(attribute: str, count: int) -> float:
    """The mean share of the picture in which the change shows on these people."""
    return float(np.mean([example.region.mean() for example in face_examples(attribute, count)]))


def face_examples(attribute: str, count: int) -> list[Example]:
    """The first `count` held-out people for an attribute, as they are drawn."""
    seed = FIRST_FACE + 1000 * JUDGED.index(attribute)
    return [make_pair("clean", attribute, person) for person in range(seed, seed + count)]


def as_tensors(examples: Sequence[Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures before and after `[N, 3, H, W]` in [-1, 1], and where they differ, bool `[N, 1, H, W]`."""
    before = to_images(np.stack([example.before for example in examples]))
    after = to_images(np.stack([example.after for example in examples]))
    return before, after, torch.from_numpy(np.stack([example.region for example in examples]))[:, None]


def read(judge: Judge, images: torch.Tensor) -> Array:
    """The judge's readings of images [B, 3, H, W], `[B, K]`."""
    with torch.no_grad():
        parts = [judge(part.cpu()) for part in torch.split(images, 64)]
    return torch.cat(parts).double().numpy()
