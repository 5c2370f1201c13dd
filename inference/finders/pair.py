"""A direction from one before/after pair: the difference of the two codes.

In space "W+" each layer has its own difference. In "W" all layers share one, the shared delta that is nearest
to the layers' own in the effect metric:  delta = sum_l weight_l (z'_l - z_l) / sum_l weight_l.

`find_direction` never refuses a pair for being poor: it says so in `quality["verdict"]`, and what follows
from that is the caller's decision. It refuses only what is not a pair of pictures for this generator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch

from inference.errors import DirectionError, FinderError, OptionError, ShapeError
from inference.finders.base import FINDERS, Array, check_space
from inference.finders.direction import Direction
from inference.finders.material import Material
from inference.finders.quality import pair_quality
from inference.images import check_images
from inference.inversion import DEFAULT_STEPS, Inversion, Progress, invert
from inference.joint_inversion import invert_pair

if TYPE_CHECKING:
    from inference.bundle import Bundle


@FINDERS.register("pair")
class PairDifference:
    """z' - z, scaled to unit length: one component, whose step is the length of the difference.

    A pair without any movement gives zeros and step 0, for its verdict's sake.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    components_: npt.NDArray[np.float32]  # [1, L, D]
    steps_: Array  # [1]
    explained_: Array  # [1]

    def __init__(self, space: str = "W+") -> None:
        self.space = space

    def fit(self, material: Material) -> Self:
        """Learn from two codes: the one before, labelled 0, and the one after, labelled 1."""
        check_space(self.space)
        labels = material.labels
        if len(labels) != 2:
            raise FinderError(
                f"{len(labels)} codes",
                "two, one before and one after",
                "mean-difference learns from more",
                code="finder:pair",
            )
        difference = material.codes[labels][0] - material.codes[~labels][0]  # [L, D]
        if self.space == "W":
            difference = np.broadcast_to(
                np.average(difference, axis=0, weights=material.weights), difference.shape
            )
        step = float(np.linalg.norm(difference))
        self.steps_ = np.array([step])
        if step > 0:
            self.components_ = (difference / step).astype(np.float32)[None]
            self.explained_ = material.explained(self.components_)
        else:
            self.components_ = np.zeros((1, *difference.shape), np.float32)
            self.explained_ = np.zeros(1)
        return self


def find_direction(
    bundle: Bundle,
    before: torch.Tensor,
    after: torch.Tensor,
    steps: int = DEFAULT_STEPS,
    *,
    space: str = "W+",
    method: str = "apart",
    progress: Progress | None = None,
) -> Direction:
    """Invert both pictures of a pair and take the direction from one code to the other.

    Args:
        before, after: `[1, 3, H, W]` in [-1, 1].
        steps: at most so many inversion steps.
        space: "W+" for a difference per layer, "W" for one shared by all.
        method: "apart" inverts each picture by itself, "joint" both together (`joint_inversion`).

    Example:
        >>> direction = find_direction(bundle, read_image("before.png", 128), read_image("after.png", 128))
        >>> direction.quality["verdict"] is None
        True
    """
    _check_pair(bundle, before, after)
    if method == "joint":
        found = invert_pair(bundle, before, after, steps, space=space, progress=progress)
        return direction_from_codes(bundle, found.before, found.after, before, after, space=space)
    if method != "apart":
        raise OptionError(f"the method {method!r}", "'apart' or 'joint'", code="option:method")
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
    fitted = PairDifference(space).fit(Material([start, end], weights, labels=[0, 1]))
    return Direction(
        vector=fitted.components_[0],
        step=float(fitted.steps_[0]),
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
