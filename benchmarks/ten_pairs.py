"""From twenty picture files to one community direction file: what a change of ten pairs costs.

Timed in this process, with reading the files and loading the generator; importing torch is not in it. Apart
is what the platform does; joint inversion stands beside it, of as many steps.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks import Measurement
from inference import Bundle, Inversion, average, direction_from_codes, invert, read_image, write_image
from inference.inversion import DEFAULT_STEPS
from inference.joint_inversion import invert_pair
from inference.portraits import render

PEOPLE = tuple(range(8_100_001, 8_100_011))


def measurements() -> Iterator[Measurement]:
    """Seconds for each way of inverting."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for person in PEOPLE:
            for side, value in (("before", 0.0), ("after", 1.0)):
                write_image(folder / f"{person}-{side}.png", render({"glasses": value}, person, 128))
        for way, find in WAYS.items():
            start = time.perf_counter()
            rho = find(folder)
            seconds = time.perf_counter() - start
            yield Measurement(f"ten pairs to a direction, {way}", seconds, "s", f"rho {rho:.2f}")


def apart(folder: Path) -> float:
    bundle, before, after = _read(folder)
    found = invert(bundle, torch.cat([before, after]), DEFAULT_STEPS)
    count = len(before)
    return _averaged(bundle, folder, before, after, found[:count], found[count:], "W+")


def joint(folder: Path) -> float:
    bundle, before, after = _read(folder)
    found = invert_pair(bundle, before, after, DEFAULT_STEPS)
    return _averaged(bundle, folder, before, after, found.before, found.after, "W")


WAYS: dict[str, Callable[[Path], float]] = {"apart": apart, "joint": joint}


def _read(folder: Path) -> tuple[Bundle, torch.Tensor, torch.Tensor]:
    bundle = Bundle.load("portraits")
    size = bundle.generator.resolution
    before, after = (
        torch.cat([read_image(folder / f"{person}-{side}.png", size) for person in PEOPLE])
        for side in ("before", "after")
    )
    return bundle, before, after


def _averaged(
    bundle: Bundle,
    folder: Path,
    before: torch.Tensor,
    after: torch.Tensor,
    starts: Inversion,
    ends: Inversion,
    space: str,
) -> float:
    directions = [
        direction_from_codes(bundle, starts[i], ends[i], before[i : i + 1], after[i : i + 1], space=space)
        for i in range(len(before))
    ]
    community = average(directions)
    community.save(folder / f"community-{space.replace('+', 'plus')}.safetensors")
    return float(community.rho or 0.0)
