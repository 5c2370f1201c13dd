"""A direction from one before/after pair: the difference of the two codes.

In space "W+" each layer has its own difference. In "W" all layers share one, the shared delta that is nearest
to the layers' own in the effect metric:  delta = sum_l weight_l (z'_l - z_l) / sum_l weight_l.

`find_direction` never refuses a pair for being poor: it says so in `quality["verdict"]`, and what follows
from that is the caller's decision. It refuses only what is not a pair of pictures for this generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import torch

from inference import effect_metric
from inference.errors import DirectionError, ShapeError
from inference.finders.base import FINDERS
from inference.finders.direction import Direction
from inference.finders.quality import pair_quality
from inference.images import check_images
from inference.inversion import DEFAULT_STEPS, Inversion, Progress, invert

if TYPE_CHECKING:
    from inference.bundle import Bundle


@FINDERS.register("pair")
class PairDifference:
    """z' - z, scaled to unit length; learns `vector_` `[L, D]` and `step_`."""

    vector_: npt.NDArray[np.float32]
    step_: float

    def __init__(self, space: str = "W+") -> None:
        self.space = space

    def fit(self, before: npt.ArrayLike, after: npt.ArrayLike, weights: npt.ArrayLike) -> Self:
        """Learn from codes before and after, `[L, D]` each, and metric weights `[L]`."""
        start, end = np.asarray(before, np.float64), np.asarray(after, np.float64)
        if start.ndim != 2 or start.shape != end.shape:
            raise ShapeError(
                f"codes of shapes {list(start.shape)} and {list(end.shape)}",
                "two of [L, D]",
                code="shape:codes",
            )
        if self.space not in ("W", "W+"):
            raise DirectionError(f"the space {self.space!r}", "'W+' or 'W'", code="direction:space")
        difference = end - start  # [L, D]
        if self.space == "W":
            scale = effect_metric.check_weights(weights, len(start))
            difference = np.broadcast_to(np.average(difference, axis=0, weights=scale), start.shape)
        self.step_ = float(np.linalg.norm(difference))
        self.vector_ = (difference / self.step_ if self.step_ > 0 else np.zeros_like(start)).astype(
            np.float32
        )
        return self


def find_direction(
    bundle: Bundle,
    before: torch.Tensor,
    after: torch.Tensor,
    steps: int = DEFAULT_STEPS,
    *,
    space: str = "W+",
    progress: Progress | None = None,
) -> Direction:
    """Invert both pictures of a pair and take the direction from one code to the other.

    Args:
        before, after: `[1, 3, H, W]` in [-1, 1].
        steps: at most so many inversion steps.
        space: "W+" for a difference per layer, "W" for one shared by all.

    Example:
        >>> direction = find_direction(bundle, read_image("before.png", 128), read_image("after.png", 128))
        >>> direction.quality["verdict"] is None
        True
    """
    _check_pair(bundle, before, after)
    both = invert(bundle, torch.cat([before.to(bundle.device), after.to(bundle.device)]), steps, progress)
    return direction_from_codes(bundle, both[0], both[1], before, after, space=space)


def direction_from_codes(
    bundle: Bundle,
    before_inversion: Inversion,
    after_inversion: Inversion,
    before: torch.Tensor,
    after: torch.Tensor,
    *,
    space: str = "W+",
) -> Direction:
    """The second half of `find_direction`, when both inversions (of one image each) exist already."""
    _check_pair(bundle, before, after)
    for name, inversion in (("before", before_inversion), ("after", after_inversion)):
        if len(inversion) != 1:
            raise ShapeError(
                f"{name} inversion of {len(inversion)} images", "of one image", code="shape:inversion"
            )
        if inversion.digest != bundle.digest:
            raise DirectionError(
                f"{name} inversion on generator {inversion.digest[:12]}",
                f"on {bundle.name}, generator {bundle.digest[:12]}",
                "invert the picture on this generator",
                code="direction:generator",
            )
    start = before_inversion.codes[0].cpu().numpy()  # [L, D]
    end = after_inversion.codes[0].cpu().numpy()  # [L, D]
    weights = np.asarray(bundle.metric_weights, dtype=np.float32)  # [L]
    fitted = FINDERS.get("pair")(space).fit(start, end, weights)
    return Direction(
        vector=fitted.vector_,
        step=fitted.step_,
        space=space,
        before_codes=start,
        after_codes=end,
        digest=bundle.digest,
        metric_weights=weights,
        quality=pair_quality(bundle, before, after, before_inversion, after_inversion),
    )


def _check_pair(bundle: Bundle, before: torch.Tensor, after: torch.Tensor) -> None:
    for name, images in (("before", before), ("after", after)):
        check_images(images, bundle.generator.resolution, name=name)
        if len(images) != 1:
            raise ShapeError(f"{name} of {len(images)} images", "one image", code="shape:images")
