"""A community direction: the average of many people's directions for one change, on one generator.

    R    = || mean of the unit directions ||_M      grows by itself when n is small, so it is no agreement
    rho  = (n R^2 - 1) / (n - 1)                    the mean cosine between two members, told from n = 3 on
    step = what is typical of  <Delta_i, a_i>_M / <a_i, a_i>_M  over members i, times 1 / sqrt(kept);
           a_i = the average without i,  kept = the share of the change that inversions show (median member's)

The first is the length along the average (in latent units) that best gives back a member's own difference in
the effect metric, each judged by an average it had no part in; with uniform weights it is the plain
projection. How much each member counts, and what is typical, is the method's choice (estimators.py). But an
inverted pair is fainter than its pictures: a code that shows half of a lip's paint moves half as far. Going
1 / kept times as far changes other faces as much as the pictures changed and enlarges what is wrong as well;
not going further has the least error and too little of the change. The root lies between (docs/library.md).

All members must be of one generator, space and shape: nothing is converted. Which pairs deserve to be members
is the caller's question; only a direction that goes nowhere is refused.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from inference import effect_metric
from inference.averaging.estimators import AVERAGERS, DEFAULT_METHOD, Averager
from inference.direction_files import read_arrays, write_arrays
from inference.errors import AveragingError, DirectionError
from inference.finders import component
from inference.finders.component import Component
from inference.finders.direction import Direction, check_header, check_vector

KIND = "community"
MIN_FOR_AGREEMENT = 3
LEAST_SHOWN = 1 / 3  # a step is lengthened by no more than its root: what is hardly shown is mostly chance


@dataclass(frozen=True, eq=False)
class CommunityDirection:
    """The published average of `n` directions.

    Attributes:
        vector: unit `[L, D]` in the plain norm, float32, as a single direction's.
        step: latent units along `vector` for intensity 1; not positive when the members do not agree at all.
        R: mean resultant length, 0..1.
        rho: agreement, None below three members.
        member_shares: what each member counts for, in the order given; their sum is 1.
        member_cosines: each member's cosine with the average that leaves it out, in the order given; the lone
            member of n = 1 has 1.0.
    """

    vector: npt.NDArray[np.float32]  # [L, D]
    step: float
    R: float
    rho: float | None
    n: int
    digest: str
    space: str
    metric_weights: npt.NDArray[np.float32]  # [L]
    method: str
    member_cosines: tuple[float, ...]
    member_shares: tuple[float, ...]

    def __post_init__(self) -> None:
        check_vector(self.vector, self.step, self.space, self.digest, self.metric_weights)
        told = {len(self.member_cosines), len(self.member_shares)}
        if self.n < 1 or told != {self.n} or not 0 <= self.R <= 1 + 1e-6:
            raise DirectionError(
                f"n={self.n}, R={self.R}, {sorted(told)} member cosines and shares",
                "n >= 1, R in 0..1 and n cosines and shares",
                code="direction:community",
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to .safetensors or .npz, as the ending says."""
        header = {
            "kind": KIND,
            "step": self.step,
            "R": self.R,
            "rho": self.rho,
            "n": self.n,
            "digest": self.digest,
            "space": self.space,
            "method": self.method,
            "member_cosines": list(self.member_cosines),
            "member_shares": list(self.member_shares),
        }
        write_arrays(path, {"vector": self.vector, "metric_weights": self.metric_weights}, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CommunityDirection:
        """Read what `save` wrote; DirectionError for anything else."""
        arrays, header = read_arrays(path)
        return cls.from_arrays(arrays, header)

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, npt.NDArray[np.float32]], header: dict[str, Any]
    ) -> CommunityDirection:
        """Build from what `read_arrays` gives."""
        fields = {"step": float, "R": float, "n": int, "digest": str, "space": str, "method": str}
        check_header(arrays, header, KIND, {"vector", "metric_weights"}, {**fields, "member_cosines": list})
        rho = header.get("rho")
        equal = [1.0 / max(header["n"], 1)] * header["n"]  # files from before members could count unequally
        return cls(
            **arrays,
            step=float(header["step"]),
            R=float(header["R"]),
            rho=None if rho is None else float(rho),
            n=header["n"],
            digest=header["digest"],
            space=header["space"],
            method=header["method"],
            member_cosines=tuple(float(value) for value in header["member_cosines"]),
            member_shares=tuple(float(value) for value in header.get("member_shares", equal)),
        )


def average(
    directions: Sequence[Direction],
    metric_weights: npt.ArrayLike | None = None,
    *,
    method: str = DEFAULT_METHOD,
) -> CommunityDirection:
    """Average directions into a community direction; the order of `directions` does not matter.

    Args:
        directions: one or more of the same generator and space, each with a step above 0.
        metric_weights: `[L]`; default: those that the directions carry.
        method: a registered averager.
    Raises:
        AveragingError: none given, mixed, without movement, or cancelling each other out.
    """
    _check_members(directions)
    first = directions[0]
    weights = effect_metric.check_weights(
        first.metric_weights if metric_weights is None else metric_weights, first.vector.shape[0]
    )
    differences = np.stack([member.difference for member in directions])  # [n, L, D]
    averager = AVERAGERS.get(method)().fit(differences, weights)
    resultant = float(min(averager.resultant_length_, 1.0))
    n = len(directions)
    if n == 1:
        step, cosines = first.step, (1.0,) * n
    else:
        projections, cosines = _judged_by_the_others(differences, weights, averager)
        step = averager.typical(projections, effect_metric.norm(differences, weights))
    return CommunityDirection(
        vector=_euclidean_unit(averager.direction_).astype(np.float32),
        step=step / shown_share(directions) ** 0.5,
        R=resultant,
        rho=(n * resultant**2 - 1) / (n - 1) if n >= MIN_FOR_AGREEMENT else None,
        n=n,
        digest=first.digest,
        space=first.space,
        metric_weights=weights.astype(np.float32),
        method=method,
        member_cosines=cosines,
        member_shares=tuple(averager.shares_.tolist()),
    )


def _check_members(directions: Sequence[Direction]) -> None:
    if not directions:
        raise AveragingError("no direction", "at least one", code="averaging:none")
    first = directions[0]
    for number, member in enumerate(directions, start=1):
        if member.digest != first.digest:
            raise AveragingError(
                f"direction {number} of generator {member.digest[:12]}",
                f"all of generator {first.digest[:12]}, as the first",
                "derive its pair on this generator",
                code="averaging:generator",
            )
        if member.space != first.space or member.vector.shape != first.vector.shape:
            raise AveragingError(
                f"direction {number} in {member.space} {list(member.vector.shape)}",
                f"all in {first.space} {list(first.vector.shape)}, as the first",
                code="averaging:space",
            )
        if member.step <= 0:
            raise AveragingError(
                f"direction {number} with step 0",
                "directions that move",
                "leave it out",
                code="averaging:still",
            )


def _judged_by_the_others(
    differences: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], averager: Averager
) -> tuple[npt.NDArray[np.float64], tuple[float, ...]]:
    """Each member's projection on, and cosine with, the average that leaves it out. Arrays `[n, L, D]`.

    A member whose others cancel out has nothing to be projected on: 0 for both.
    """
    others = averager.leaving_each_out(differences, weights)  # [n, L, D], effect length 1 or 0
    lengths = np.linalg.norm(others, axis=(1, 2))  # [n]; others / lengths is the unit vector a_i
    projections = effect_metric.inner(differences, others, weights) * lengths  # = <D, a> / <a, a>
    cosines = effect_metric.cosine(differences, others, weights)
    return projections, tuple(cosines.tolist())


def shown_share(directions: Sequence[Direction]) -> float:
    """The share of the change that the median member's inversions show (quality.py); 1 where none says."""
    told = [member.quality.get("change_kept") for member in directions]
    shares = [share for share in told if isinstance(share, float) and np.isfinite(share)]
    return float(np.clip(np.median(shares), LEAST_SHOWN, 1.0)) if shares else 1.0


def _euclidean_unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    unit: npt.NDArray[np.float64] = vector / np.linalg.norm(vector)
    return unit


def load_direction(path: str | os.PathLike[str]) -> Direction | CommunityDirection | Component:
    """Read a direction file of any kind, as the file itself says."""
    arrays, header = read_arrays(path)
    if header.get("kind") == KIND:
        return CommunityDirection.from_arrays(arrays, header)
    if header.get("kind") == component.KIND:
        return Component.from_arrays(arrays, header)
    return Direction.from_arrays(arrays, header)
