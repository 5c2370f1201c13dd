"""Components that tests stand on: small numbers and noise for strips, as if a finder had found them."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.utils import timezone

from directions.discover.models import Component, ComponentStrip
from directions.discover.services import run_name
from directions.generators.models import Generator
from directions.inversions.codes import codes_sha256
from tests.conftest import image_store
from tests.directions.studio_rows import a_unit_vector

_numbers = iter(range(10**9))


def a_component(generator: Generator, *, drawn: bool = True, faces: int = 2, **more: Any) -> Component:
    """One of SeFa, its strips drawn."""
    data, shape = a_unit_vector(generator)
    options = {"components": 10, "layers": None, "normalize": True}
    fields: dict[str, Any] = {
        "finder": "sefa",
        "index": next(_numbers),
        "options": options,
        "samples": 100,
        "seed": 0,
        "explained": 0.125,
        "step": 1.5,
        "space": "W",
        "bundle_digest": generator.digest,
        "vector": data,
        "shape": shape,
        "vector_digest": codes_sha256(data),
        "drawn_at": timezone.now() if drawn else None,
        **more,
    }
    fields["run"] = run_name(
        finder=fields["finder"], options=options, samples=fields["samples"], seed=fields["seed"]
    )
    component = Component.objects.create(generator=generator, **fields)
    for face in range(faces if drawn else 0):
        pixels = np.random.default_rng(next(_numbers)).integers(0, 255, (8, 40, 3), dtype=np.uint8)
        image = image_store(owner=None, array=pixels, public=True)
        ComponentStrip.objects.create(
            component=component, face=face, intensities=[-2, -1, 0, 1, 2], image=image
        )
    return component
