"""What the Discover page's finders cost: codes to learn from, ten components a finder, strips.

As many of everything as the platform's two jobs take, on both embedded bundles, without database and files.
Beside each time is how many plain pictures (a code drawn as it is, and made bytes) take as long; the pictures
are measured in the same run, as many at once as the strips of one component hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks import Measurement, timed
from inference import Bundle, find_components, strip, to_uint8
from inference.editing import synthesise
from inference.embedded import EMBEDDED
from inference.finders.discovery import SAMPLES, draw_codes

# As in directions/discover and directions/inversions/runtime.py, which cannot be loaded without the platform.
FINDERS = ("ganspace", "sefa")
COMPONENTS = 10
FACES = 4
INTENSITIES = (-2.0, -1.0, 0.0, 1.0, 2.0)


def measurements() -> Iterator[Measurement]:
    """Seconds of each part, on every embedded bundle."""
    for name in EMBEDDED:
        yield from _of(Bundle.load(name))


def _of(bundle: Bundle) -> Iterator[Measurement]:
    weights = f"bundle {bundle.digest[:12]}"
    codes = draw_codes(bundle, SAMPLES, seed=0)  # [N, L, D]
    pictures = FACES * len(INTENSITIES)
    plain = timed(lambda: to_uint8(synthesise(bundle, torch.from_numpy(codes[:pictures]))))
    yield Measurement(f"{bundle.name}, {pictures} plain pictures", plain, "s", weights)

    def row(what: str, seconds: float) -> Measurement:
        told = f"as long as {seconds / plain * pictures:.1f} plain pictures, {weights}"
        return Measurement(f"{bundle.name}, {what}", seconds, "s", told)

    yield row(f"{SAMPLES} codes drawn", timed(lambda: draw_codes(bundle, SAMPLES, seed=0)))
    for finder in FINDERS:
        options = {"components": COMPONENTS}
        find = partial(find_components, bundle, finder, options, codes=codes)
        yield row(f"{COMPONENTS} components, {finder}", timed(find))
    component = find_components(bundle, FINDERS[0], {"components": 1}, codes=codes)[0]
    faces = torch.from_numpy(codes[:FACES])
    seconds = timed(lambda: to_uint8(strip(bundle, faces, component, INTENSITIES).flatten(0, 1)))
    yield row(f"strips of one component, {FACES} faces", seconds)
