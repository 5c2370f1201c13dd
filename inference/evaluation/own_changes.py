"""What a bundle keeps of a change that it only has to reconstruct: the bound on every edit in it.

A face is drawn without and with an attribute, both pictures are inverted, and the second is compared with the
truth inside the attribute's mask. No direction is involved. What is not reconstructed cannot be edited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from inference.bundle import Bundle
from inference.effect_metric import norm
from inference.evaluation.faces import as_tensors, face_examples
from inference.evaluation.figures import bootstrap, interval, plain
from inference.evaluation.judge_training import compressed
from inference.evaluation.measure import masked_error
from inference.inversion import Inversion, invert
from inference.portraits import ATTRIBUTES, render_many
from inference.portraits.training.data import held_out_scenes, to_images

Array = npt.NDArray[np.float64]
FIRST_KEPT = 301_000  # held-out people of `kept`
JPEG_QUALITY = 90


class Inverted(Protocol):
    """N people without and with one change, and both inverted; `faces.Faces` is such a thing."""

    @property
    def before(self) -> Tensor: ...  # [N, 3, H, W] in [-1, 1]

    @property
    def after(self) -> Tensor: ...

    @property
    def mask(self) -> Tensor: ...  # bool [N, 1, H, W]

    @property
    def base(self) -> Inversion: ...

    @property
    def own(self) -> Inversion: ...


@dataclass(frozen=True)
class InvertedFaces:
    """The plainest `Inverted`."""

    before: Tensor
    after: Tensor
    mask: Tensor
    base: Inversion
    own: Inversion


def inverted_faces(bundle: Bundle, attribute: str, count: int, steps: int) -> InvertedFaces:
    """The first `count` held-out faces of a judged attribute, inverted; no judge is asked."""
    before, after, mask = as_tensors(face_examples(attribute, count))
    both = invert(bundle, torch.cat([before, after]), steps)
    return InvertedFaces(before, after, mask, both[:count], both[count:])


def share_closed(error_own: Array, error_none: Array) -> float:
    """1 - mean error of the own inverted change over that of no change at all; both [N], inside the mask.

    1: the changed face comes back as drawn. 0: no nearer to it than the face without the change. Less: worse.
    """
    return float(1 - error_own.mean() / error_none.mean())


def closed(faces: Mapping[str, Inverted], *, resamples: int = 400, seed: int = 0) -> dict[str, Any]:
    """`share_closed` of each attribute with its interval over faces, their mean, and the worst."""
    columns = {
        name: (
            masked_error(found.own.images, found.after, found.mask),
            masked_error(found.before, found.after, found.mask),
        )
        for name, found in faces.items()
    }
    each = {
        name: plain(bootstrap(share_closed, *errors, resamples=resamples, seed=seed))
        for name, errors in columns.items()
    }
    worst = min(each, key=lambda name: each[name]["value"])
    rng = np.random.default_rng(seed)

    def drawn() -> float:
        picks = ((errors, rng.integers(0, len(errors[0]), len(errors[0]))) for errors in columns.values())
        return float(np.mean([share_closed(own[rows], none[rows]) for (own, none), rows in picks]))

    mean = float(np.mean([share_closed(*errors) for errors in columns.values()]))
    return {
        "people": min(len(found.before) for found in faces.values()),
        "mean": plain(interval(mean, np.array([drawn() for _ in range(resamples)]))),
        "worst": each[worst],
        "worst_attribute": worst,
        "each": each,
    }


def null_floor(
    bundle: Bundle, faces: Mapping[str, Inverted], steps: int, per_attribute: int = 2
) -> dict[str, Any]:
    """How far codes move when nothing changed but the file, in median steps of the effect metric.

    The first faces of each attribute are saved as JPEG (JPEG_QUALITY) and inverted again, with the `steps`
    that `faces` were inverted with. A step is a face's own inverted change. `share` is the median movement
    over the median step, with its interval over pictures, `share_95` the same of the 95th percentile.
    """
    weights = bundle.metric_weights.numpy()
    parts = list(faces.values())
    codes = torch.cat([found.base.codes[:per_attribute] for found in parts])
    again = invert(bundle, as_jpeg(torch.cat([found.before[:per_attribute] for found in parts])), steps)
    moved = norm((again.codes - codes).cpu().numpy(), weights)
    steps_of = [norm((found.own.codes - found.base.codes).cpu().numpy(), weights) for found in parts]
    step = float(np.median(np.concatenate(steps_of)))
    return {
        "pictures": len(codes),
        "jpeg_quality": JPEG_QUALITY,
        "moved_median": round(float(np.median(moved)), 4),
        "median_step": round(step, 4),
        "share": plain(bootstrap(lambda far: float(np.median(far)) / step, moved)),
        "share_95": plain(bootstrap(lambda far: float(np.percentile(far, 95)) / step, moved)),
    }


def as_jpeg(images: Tensor) -> Tensor:
    """images [B, 3, H, W] in [-1, 1] after a JPEG file of JPEG_QUALITY."""
    pictures = ((images + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return to_images(np.stack([compressed(picture, JPEG_QUALITY) for picture in pictures]))


def kept(
    bundle: Bundle,
    reconstruct: Callable[[Bundle, Tensor], Tensor],
    people: int = 12,
    *,
    resamples: int = 400,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float]]]:
    """For each of the renderer's attributes, from 0 to 1 on `people` held-out people, in its own region.

    `error` is the root mean squared error of the reconstruction there (0..255), `change` that of the change
    itself, and `kept` the share of the true change that the reconstructed pair shows: its projection on it.
    """
    size = bundle.generator.resolution
    results = {}
    for k, attribute in enumerate(ATTRIBUTES):
        before, after = held_out_scenes(people, FIRST_KEPT), held_out_scenes(people, FIRST_KEPT)
        before[:, k], after[:, k] = 0.0, 1.0
        true = [to_images(render_many(scenes, size, 1)) for scenes in (before, after)]
        made = [reconstruct(bundle, images) for images in true]
        change = true[1] - true[0]  # [N, 3, H, W]
        region = (change.abs().amax(1, keepdim=True) > 8 / 127.5).float()  # as region_mask, on this person
        sums = [  # of each person
            (values * region).sum((1, 2, 3)).double().numpy()
            for values in (
                torch.ones_like(change),
                change.square(),
                (made[1] - made[0]) * change,
                (made[1] - true[1]).square(),
            )
        ]
        figures: dict[str, Callable[[Array, Array, Array, Array], float]] = {
            "error": lambda area, moved, shown, wrong: _levels(wrong, area),
            "change": lambda area, moved, shown, wrong: _levels(moved, area),
            "kept": lambda area, moved, shown, wrong: float(shown.sum() / max(moved.sum(), 1e-6)),
            "region": lambda area, moved, shown, wrong: float(area.mean() / (3 * size**2)),
        }
        results[attribute.name] = {
            name: plain(bootstrap(figure, *sums, resamples=resamples, seed=seed))
            for name, figure in figures.items()
        }
    return results


def _levels(squares: Array, area: Array) -> float:
    """The root mean square in the region, in levels of 0..255."""
    return float(np.sqrt(squares.sum() / max(area.sum(), 1.0)) * 127.5)
