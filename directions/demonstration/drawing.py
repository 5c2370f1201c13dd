"""Draws the two pictures of a planned pair with the renderer; no generator has a part in it, and no torch."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from directions.demonstration.models import PlannedPair
from directions.demonstration.plan import Scene
from inference.portraits import region_mask, render

Picture = npt.NDArray[np.uint8]  # [H, W, 3]
SIZE = 128


def pair_draw(plan: PlannedPair) -> tuple[bytes, bytes]:
    """Before and after as PNG, as a person would upload them."""
    scene: Scene = plan.scene
    before = render(scene["before"], scene["seed"], SIZE)
    if plan.flaw == PlannedPair.Flaw.PASTE_UP:
        after = _pasted(before, scene)
    else:
        after = render(scene["after"], scene["seed"], SIZE)
    return _png(before), _png(after)


def _pasted(before: Picture, scene: Scene) -> Picture:
    """The feature cut out of somebody else's picture and laid over this one: a hard or a feathered edge."""
    donor = render(scene["after"], scene["donor"], SIZE)
    mask = region_mask(scene["attribute"], scene["donor"], SIZE, scene["after"])  # [H, W]
    stencil = Image.fromarray((mask * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(5))
    if scene["feather"]:
        stencil = stencil.filter(ImageFilter.GaussianBlur(scene["feather"]))
    share = np.asarray(stencil, dtype=np.float32)[:, :, None] / 255.0  # [H, W, 1]
    mixed = share * donor + (1.0 - share) * before
    pasted: Picture = mixed.round().astype(np.uint8)
    return pasted


def _png(picture: Picture) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
