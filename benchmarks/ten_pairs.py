"""From twenty picture files to one community direction file: what a change of ten pairs costs.

On both embedded bundles. Timed in this process, with reading the files and loading the generator; importing
torch is not in it. Apart is what the platform does; joint inversion stands beside it, of as many steps.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from benchmarks import Measurement
from inference import (
    Bundle,
    CommunityDirection,
    Inversion,
    average,
    direction_from_codes,
    invert,
    read_image,
    write_image,
)
from inference.embedded import EMBEDDED
from inference.inversion import DEFAULT_STEPS
from inference.joint_inversion import invert_pair
from inference.portraits import render

PEOPLE = tuple(range(8_100_001, 8_100_011))


def measurements() -> Iterator[Measurement]:
    """Seconds for each way of inverting, on every embedded bundle."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for person in PEOPLE:
            for side, value in (("before", 0.0), ("after", 1.0)):
                write_image(folder / f"{person}-{side}.png", render({"glasses": value}, person, 128))
        for name, (way, find) in itertools.product(EMBEDDED, WAYS.items()):
            start = time.perf_counter()
            found = find(folder, name)
            seconds = time.perf_counter() - start
            told = f"rho {found.rho or 0.0:.2f}, bundle {found.digest[:12]}"
            yield Measurement(f"{name}, ten pairs to a direction, {way}", seconds, "s", told)


def apart(folder: Path, name: str) -> CommunityDirection:
    bundle, before, after = _read(folder, name)
    found = invert(bundle, torch.cat([before, after]), DEFAULT_STEPS)
    count = len(before)
    return _averaged(bundle, folder, before, after, found[:count], found[count:], "W+")


def joint(folder: Path, name: str) -> CommunityDirection:
    bundle, before, after = _read(folder, name)
    found = invert_pair(bundle, before, after, DEFAULT_STEPS)
    return _averaged(bundle, folder, before, after, found.before, found.after, "W")


WAYS: dict[str, Callable[[Path, str], CommunityDirection]] = {"apart": apart, "joint": joint}


def _read(folder: Path, name: str) -> tuple[Bundle, torch.Tensor, torch.Tensor]:
    bundle = Bundle.load(name)
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
) -> CommunityDirection:
    directions = [
        direction_from_codes(bundle, starts[i], ends[i], before[i : i + 1], after[i : i + 1], space=space)
        for i in range(len(before))
    ]
    community = average(directions)
    community.save(folder / f"{bundle.name}-{space.replace('+', 'plus')}.safetensors")
    return community
