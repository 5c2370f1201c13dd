"""A component: what a finder that had no pair found on one generator, as a file that says where it is from.

It edits as a direction does (`vector`, `step`, `digest`), and is never averaged with directions from pairs: a
component is no contribution, and its meaning is what people say of its pictures. This module needs no torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.direction_files import read_arrays, write_arrays
from inference.errors import DirectionError
from inference.finders.direction import check_header, check_vector

KIND = "component"


@dataclass(frozen=True, eq=False)
class Component:
    """One component of one finder on one generator.

    Attributes:
        vector: unit `[L, D]`, float32; zeros in the layers that it leaves alone.
        step: latent units for intensity 1: one standard deviation of the codes along it, or, from a
            supervised finder, the distance between the classes' means.
        space: "W" when all layers share one difference, "W+" when they do not.
        finder, index: the registered name, and which of its components this is, from 0.
        options: what the finder was built with, as plain JSON values.
        samples, seed: how many codes it learned from, and how these were drawn (None when they were given).
        explained: share of those codes' variance that lies along it, in the effect metric.
    """

    vector: npt.NDArray[np.float32]  # [L, D]
    step: float
    space: str
    digest: str
    metric_weights: npt.NDArray[np.float32]  # [L]
    finder: str
    index: int
    samples: int
    seed: int | None
    explained: float
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_vector(self.vector, self.step, self.space, self.digest, self.metric_weights)
        if self.step < 0:
            raise DirectionError(f"a step of {self.step:g}", "a magnitude, 0 or more", code="direction:step")
        if not self.finder or self.index < 0 or self.samples < 1 or not 0 <= self.explained <= 1 + 1e-6:
            raise DirectionError(
                f"finder {self.finder!r}, index {self.index}, samples {self.samples}, "
                f"explained {self.explained}",
                "a finder's name, an index from 0, samples from 1 and a share in 0..1",
                code="direction:component",
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to .safetensors or .npz, as the ending says."""
        header = {
            "kind": KIND,
            "step": self.step,
            "space": self.space,
            "digest": self.digest,
            "finder": self.finder,
            "index": self.index,
            "samples": self.samples,
            "seed": self.seed,
            "explained": self.explained,
            "options": self.options,
        }
        write_arrays(path, {"vector": self.vector, "metric_weights": self.metric_weights}, header)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Component:
        """Read what `save` wrote; DirectionError for anything else."""
        arrays, header = read_arrays(path)
        return cls.from_arrays(arrays, header)

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.float32]], header: dict[str, Any]) -> Component:
        """Build from what `read_arrays` gives."""
        fields = {"step": float, "space": str, "digest": str, "finder": str, "index": int, "samples": int}
        check_header(
            arrays,
            header,
            KIND,
            {"vector", "metric_weights"},
            {**fields, "explained": float, "options": dict},
        )
        seed = header.get("seed")
        return cls(
            **arrays,
            step=float(header["step"]),
            space=header["space"],
            digest=header["digest"],
            finder=header["finder"],
            index=header["index"],
            samples=header["samples"],
            seed=None if seed is None else int(seed),
            explained=float(header["explained"]),
            options=header["options"],
        )
