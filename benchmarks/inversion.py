"""Quality per time of the inversion: what more steps buy in pictures, and what they do to directions.

For the glasses and hair length of four held-out people each: PSNR of the reconstructions, agreement of the
four directions, and *transfer*: how many dB nearer to the true picture the average direction of two people
brings the other two, than no edit does. The default number of steps is chosen from this table.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch

from benchmarks import Measurement
from inference import Bundle, Direction, Inversion, average, direction_from_codes, edit, invert
from inference.portraits import render_many, scene

PEOPLE = (8_000_001, 8_000_002, 8_000_003, 8_000_004)
CHANGES = ("glasses", "hair_length")
STEPS = (0, 5, 10, 20, 30, 60)


def measurements() -> Iterator[Measurement]:
    """A row of four numbers for each number of steps."""
    bundle = Bundle.load("portraits")
    vectors = [
        scene({change: value, "hat": 0.0}, seed)
        for change in CHANGES
        for seed in PEOPLE
        for value in (0.0, 1.0)
    ]
    pictures = torch.from_numpy(render_many(np.stack(vectors), bundle.generator.resolution, 1))
    images = pictures.to(bundle.device).permute(0, 3, 1, 2).float() / 127.5 - 1  # [16, 3, H, W]
    told = f"{bundle.name} {bundle.digest[:12]}"
    for steps in STEPS:
        start = time.perf_counter()
        found = invert(bundle, images, steps=steps)
        seconds = (time.perf_counter() - start) / len(images)
        agreement, transfer = usefulness(bundle, images, found)
        pace = f"{seconds:.3f} s an image, {told}"
        yield Measurement(f"PSNR, {steps} steps", float(found.psnr.mean()), "dB", pace)
        yield Measurement(f"agreement, {steps} steps", agreement, "rho", told)
        yield Measurement(f"transfer, {steps} steps", transfer, "dB", told)


def usefulness(bundle: Bundle, images: torch.Tensor, found: Inversion) -> tuple[float, float]:
    """Mean agreement of a change's directions, and mean gain of one half's average on the other half."""
    agreements, gains = [], []
    for first in range(0, len(images), 2 * len(PEOPLE)):
        places = range(first, first + 2 * len(PEOPLE), 2)
        directions = [pair(bundle, images, found, place) for place in places]
        agreements.append(float(average(directions).rho or 0.0))
        half = len(PEOPLE) // 2
        learned = average(directions[:half])
        for place in places[half:]:
            truth = images[place + 1 : place + 2]
            edited = edit(bundle, found[place].codes, [(learned, 1.0)])
            gains.append(psnr(edited, truth) - psnr(found[place].images, truth))
    return sum(agreements) / len(agreements), sum(gains) / len(gains)


def pair(bundle: Bundle, images: torch.Tensor, found: Inversion, place: int) -> Direction:
    before, after = images[place : place + 1], images[place + 1 : place + 2]
    return direction_from_codes(bundle, found[place], found[place + 1], before, after)


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(10 * torch.log10(4 / (a - b).square().mean()))
