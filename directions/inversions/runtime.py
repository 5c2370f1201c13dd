"""The networks of this worker process: each bundle is loaded once, onto the device that the settings name.

Only handlers and tasks call this: it imports torch. It refuses a bundle whose content is not what was
registered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from direction_commons.errors import UserError
from directions.generators.models import Generator
from directions.inversions.faces import faces_of
from directions.tray import tray

if TYPE_CHECKING:
    import torch

    from inference import Bundle

log = structlog.get_logger(__name__)

SAMPLE_FACES = 4

_bundles: dict[str, Bundle] = {}
_samples: dict[str, torch.Tensor] = {}


def bundle_for(generator: Generator) -> Bundle:
    """The generator's bundle on this process's device; UserError when it is not what was registered."""
    if generator.digest not in _bundles:
        from inference import Bundle, BundleError

        try:
            bundle = Bundle.load(generator.location, device=settings.DEVICE or None)
        except BundleError as error:
            raise UserError(
                "generators:bundle-unreadable",
                f"The files of {generator.title} cannot be read at the moment. What you uploaded is kept.",
                str(error),
                status=503,
            ) from error
        if bundle.digest != generator.digest:
            log.error("bundle.changed", generator=generator.slug, wanted=generator.digest, came=bundle.digest)
            raise UserError(
                "generators:bundle-changed",
                f"The files of {generator.title} are not those that were registered "
                f"({bundle.digest[:12]}, wanted {generator.digest[:12]}). What you uploaded is kept.",
                "The operator runs `manage.py generator_register` again.",
                status=503,
            )
        _bundles[generator.digest] = bundle
        log.info("bundle.loaded", generator=generator.slug, device=str(bundle.device))
    return _bundles[generator.digest]


def sample_codes(generator: Generator) -> torch.Tensor:
    """Codes [SAMPLE_FACES, L, D] of the faces that directions are shown on."""
    if generator.digest not in _samples:
        pictures = [single.picture.read() for single in tray().singles]
        _samples[generator.digest] = faces_of(bundle_for(generator), pictures, SAMPLE_FACES)
    return _samples[generator.digest]
