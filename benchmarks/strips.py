"""How far out an edit is still of the generator's world: re-encoding error of strips drawn further.

The community directions of eight changes, each of six people's pairs, encoder only, on four sample faces of
other people: the error of what the encoder makes of the drawn picture in one pass, as the studio asks it.
Compare it with the bundle's threshold, and do not believe it more than the eye: an error is small where a
picture dissolves into what the encoder knows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from benchmarks import Measurement
from inference import Bundle, average, direction_from_codes, edit, invert, render

CHANGES = (
    ("smile", 0.1, 0.9),
    ("glasses", 0.0, 1.0),
    ("beard", 0.0, 1.0),
    ("hair_length", 0.1, 0.9),
    ("head_turn", 0.2, 0.8),
    ("hat", 0.0, 1.0),
    ("mouth_open", 0.0, 0.9),
    ("hair_colour", 0.2, 0.9),
)
PEOPLE = 6
FACES = 4
FIRST = 9_200_000
REACHES = (-2.0, -1.5, -1.0, 0.0, 1.0, 1.5, 2.0)
PLAIN = {"hat": 0.0, "glasses": 0.0, "beard": 0.0}


def measurements() -> Iterator[Measurement]:
    """The largest error at each reach, whose it is, and which other changes are beyond the threshold."""
    bundle = Bundle.load("portraits")
    limit = float(bundle.thresholds["out_of_domain"])
    faces = invert(bundle, drawn(bundle, [PLAIN] * FACES, FIRST), steps=0).codes
    worst: dict[float, dict[str, float]] = {reach: {} for reach in REACHES}
    for name, low, high in CHANGES:
        seed = FIRST + 100
        before = drawn(bundle, [{**PLAIN, name: low}] * PEOPLE, seed)
        after = drawn(bundle, [{**PLAIN, name: high}] * PEOPLE, seed)
        first, second = invert(bundle, before, steps=0), invert(bundle, after, steps=0)
        learned = average(
            [
                direction_from_codes(bundle, first[i], second[i], before[i : i + 1], after[i : i + 1])
                for i in range(PEOPLE)
            ]
        )
        for reach in REACHES:
            pictures = edit(bundle, faces, [(learned, reach)]).clamp(-1, 1)
            worst[reach][name] = float(invert(bundle, pictures, steps=0).errors.max())
    yield Measurement("threshold", limit, "error", f"bundle {bundle.digest[:12]}")
    for reach, of_change in worst.items():
        name = max(of_change, key=lambda change: of_change[change])
        beyond = ", ".join(change for change, error in of_change.items() if error > limit)
        yield Measurement(
            f"largest at {reach:+.1f} steps", of_change[name], "error", f"{name}; beyond: {beyond or 'none'}"
        )


def drawn(bundle: Bundle, scenes: list[dict[str, float]], seed: int) -> torch.Tensor:
    """Images `[B, 3, H, W]` in [-1, 1]; person i has seed + i."""
    pictures = [render(values, seed + person) for person, values in enumerate(scenes)]
    return torch.from_numpy(np.stack(pictures)).to(bundle.device).permute(0, 3, 1, 2).float() / 127.5 - 1
