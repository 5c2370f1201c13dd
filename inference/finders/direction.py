"""A direction: what one pair gives on one generator.

    d = (z' - z) / ||z' - z||     with the norm over the whole code [L, D], and  step = ||z' - z||

Arrays are numpy, so that averaging and storing need no torch. A direction carries its bundle's digest and
metric weights, because a code means nothing without its generator. A pair without any movement has a zero
vector and step 0: it is kept for its verdict, and neither edits nor averages.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.direction_files import read_arrays, write_arrays
from inference.effect_metric import check_weights
from inference.errors import DirectionError, ShapeError

SPACES = ("Z", "W", "W+")  # Z, W: one difference shared by all layers; W+: one per layer
KIND = "direction"


@dataclass(frozen=True, eq=False)
class Direction:
    """One pair's direction on one generator.

    Attributes:
        vector: unit `[L, D]`, float32.
        step: the magnitude of the difference in latent units.
        space: "W+" when each layer has its own difference, "W" (or "Z") when all share one.
        before_codes, after_codes: both codes `[L, D]`.
        digest: sha256 of the bundle.
        metric_weights: the bundle's effect metric `[L]`.
        quality: the numbers and the verdict, see finders/quality.py.
    """

    vector: npt.NDArray[np.float32]  # [L, D]
    step: float
    space: str
    before_codes: npt.NDArray[np.float32]  # [L, D]
    after_codes: npt.NDArray[np.float32]  # [L, D]
    digest: str
    metric_weights: npt.NDArray[np.float32]  # [L]
    quality: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_vector(self.vector, self.step, self.space, self.digest, self.metric_weights)
        if self.step < 0:
            raise DirectionError(f"a step of {self.step:g}", "a magnitude, 0 or more", code="direction:step")
        for name, code in (("before_codes", self.before_codes), ("after_codes", self.after_codes)):
            if code.shape != self.vector.shape or not np.all(np.isfinite(code)):
                raise ShapeError(
                    f"{name} of shape {list(code.shape)}",
                    f"finite numbers of shape {list(self.vector.shape)}, as the vector has",
                    code="shape:codes",
                )

    @property
    def difference(self) -> npt.NDArray[np.float64]:
        """The direction at its own length, step * vector, `[L, D]`."""
        return self.step * self.vector.astype(np.float64)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to .safetensors or .npz, as the ending says."""
        arrays = {
            "vector": self.vector,
            "before_codes": self.before_codes,
            "after_codes": self.after_codes,
            "metric_weights": self.metric_weights,
        }
        header = {
            "kind": KIND,
            "step": self.step,
            "space": self.space,
            "digest": self.digest,
            "quality": self.quality,
        }
        write_arrays(path, arrays, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Direction:
        """Read what `save` wrote; DirectionError for anything else, a community direction among it."""
        arrays, header = read_arrays(path)
        return cls.from_arrays(arrays, header)

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.float32]], header: dict[str, Any]) -> Direction:
        """Build from what `read_arrays` gives."""
        wanted = {"vector", "before_codes", "after_codes", "metric_weights"}
        check_header(
            arrays, header, KIND, wanted, {"step": float, "space": str, "digest": str, "quality": dict}
        )
        return cls(
            **arrays,
            step=float(header["step"]),
            space=header["space"],
            digest=header["digest"],
            quality=header["quality"],
        )


def check_vector(
    vector: npt.NDArray[np.float32],
    step: float,
    space: str,
    digest: str,
    metric_weights: npt.NDArray[np.float32],
) -> None:
    """What every direction, a pair's or a community's, must fulfil. vector `[L, D]`, metric_weights `[L]`."""
    if vector.ndim != 2 or 0 in vector.shape or not np.all(np.isfinite(vector)):
        raise ShapeError(
            f"a vector of shape {list(vector.shape)}", "finite numbers [L, D]", code="shape:vector"
        )
    if not np.isfinite(step):
        raise DirectionError(f"a step of {step}", "a finite number", code="direction:step")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if abs(length - 1.0) > 1e-4 and not (length == 0.0 and step == 0.0):
        raise DirectionError(
            f"a vector of length {length:g}", "a unit vector (or zeros with step 0)", code="direction:unit"
        )
    if space not in SPACES:
        raise DirectionError(f"the space {space!r}", f"one of {', '.join(SPACES)}", code="direction:space")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise DirectionError(
            f"the bundle digest {digest!r}", "64 hexadecimal digits", code="direction:digest"
        )
    check_weights(metric_weights, vector.shape[0])


def check_header(
    arrays: dict[str, npt.NDArray[np.float32]],
    header: dict[str, Any],
    kind: str,
    names: set[str],
    fields: dict[str, type],
) -> None:
    """Refuse a file of another kind, or one that lacks an array or a field."""
    if header.get("kind") != kind:
        raise DirectionError(
            f"a file of kind {header.get('kind')!r}",
            f"kind {kind!r}",
            "inference.load_direction reads every kind",
            code="direction:kind",
        )
    if set(arrays) != names:
        raise DirectionError(
            f"a file with the arrays {sorted(arrays)}", f"exactly {sorted(names)}", code="direction:arrays"
        )
    for name, type_ in fields.items():
        value = header.get(name)
        right = isinstance(value, (int, float) if type_ is float else type_) and not isinstance(value, bool)
        if not right:
            raise DirectionError(
                f"a header whose {name} is {value!r}", f"{name} as {type_.__name__}", code="direction:header"
            )
