"""Apply directions to held-out faces and write down what a figure needs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from inference.bundle import Bundle
from inference.editing import Movable, edit
from inference.evaluation.faces import Faces, read
from inference.evaluation.figures import Readings
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.inversion import reconstruction_error
from inference.portraits import ATTRIBUTES, SCENE_NAMES

READABLE = 0.5  # R2 from which a nuisance number counts: what the judge cannot see says nothing of identity
INTENSITIES = (0.0, 0.5, 1.0, 1.5)  # of the curve; 0 is the reconstruction and 1 the edit itself


def measure(bundle: Bundle, judge: Judge, faces: Faces, directions: Sequence[Movable]) -> Readings:
    """Readings of P directions, each at intensity 1 on all N faces."""
    base = faces.base.images
    edited, curves, errors, leaks, foreign = [], [], [], [], []
    target = SCENE_NAMES.index(faces.attribute)
    base_error = _encoder_error(bundle, base)
    for direction in directions:
        at = {0.0: base}
        for intensity in INTENSITIES[1:]:
            at[intensity] = edit(bundle, faces.base.codes, [(direction, intensity)]).cpu()
        readings = {intensity: read(judge, images) for intensity, images in at.items() if intensity}
        readings[0.0] = faces.read_base
        edited.append(readings[1.0])
        curves.append(np.stack([readings[intensity][:, target] for intensity in INTENSITIES], axis=1))
        errors.append(masked_error(at[1.0], faces.after, faces.mask))
        leaks.append(_leakage(base, at[1.0], faces.mask))
        foreign.append(_encoder_error(bundle, at[1.0]) / base_error)
    return Readings(
        target=target,
        others=tuple(SCENE_NAMES.index(name) for name in JUDGED if name != faces.attribute),
        nuisance=tuple(k for k in range(len(ATTRIBUTES), len(SCENE_NAMES)) if judge.r2[k] >= READABLE),
        sigma=judge.sigma.double().numpy(),
        base=faces.read_base,
        edited=np.stack(edited),
        intensities=np.array(INTENSITIES),
        curve=np.stack(curves),
        true_before=faces.read_before,
        true_after=faces.read_after,
        error_none=masked_error(base, faces.after, faces.mask),
        error_own=masked_error(faces.own.images, faces.after, faces.mask),
        error_edited=np.stack(errors),
        leakage=np.stack(leaks),
        foreign=np.stack(foreign),
    )


def masked_error(made: torch.Tensor, true: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    """Mean squared error inside each mask; images [N, 3, H, W], mask bool [N, 1, H, W] -> [N]."""
    squared = (made.cpu().double() - true.cpu().double()).square().mean(1, keepdim=True) * mask
    size = mask.sum((1, 2, 3)).clamp(min=1)
    return (squared.sum((1, 2, 3)) / size).numpy()


def _leakage(base: torch.Tensor, edited: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    change = (edited.cpu() - base.cpu()).abs().mean(1, keepdim=True).double()  # [N, 1, H, W]
    inside = (change * mask).sum((1, 2, 3)) / mask.sum((1, 2, 3)).clamp(min=1)
    outside = (change * ~mask).sum((1, 2, 3)) / (~mask).sum((1, 2, 3)).clamp(min=1)
    return (outside / inside.clamp(min=1e-4)).numpy()


def _encoder_error(bundle: Bundle, images: torch.Tensor) -> np.ndarray:
    """How much of each picture the encoder and generator lose, [N]: what is not of this world loses more."""
    parts = []
    with torch.no_grad():
        for part in torch.split(images.to(bundle.device), 16):
            again = bundle.generator.synthesis(bundle.encoder(part)).clamp(-1, 1)
            parts.append(reconstruction_error(bundle, part, again).cpu().double())
    return torch.cat(parts).numpy()
