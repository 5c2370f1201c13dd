"""The "inversion" job: several pictures of one generator inverted as one batch.

A picture's result does not depend on its company, so batching is only about speed. A picture that was erased
in the meantime ends quietly; one that cannot be read fails alone.
"""

from __future__ import annotations

import structlog

from direction_commons.jobs.handling import Batch, Claim, ClaimLost, handler, on_failed
from direction_commons.media.services import image_keep, image_read, images_written
from directions.inversions.models import Inversion
from directions.inversions.services import KIND, STEPS, inversion_fail, inversion_store

log = structlog.get_logger(__name__)


@handler(kind=KIND, batch=8)
def run(batch: Batch) -> None:
    """Invert the pictures of all claims; each is saved, or fails, by itself."""
    import torch

    from directions.inversions.runtime import bundle_for
    from inference import ImageError, invert, read_image, to_uint8

    found = Inversion.objects.select_related("image__owner", "generator").in_bulk(
        [claim.key for claim in batch.claims]
    )
    rows = {str(key): row for key, row in found.items()}
    work: list[tuple[Claim, Inversion, torch.Tensor]] = []
    for claim in batch.claims:
        row = rows.get(claim.key)
        if row is None or row.state == Inversion.State.READY:
            _finish_idle(batch, claim)
            continue
        try:
            work.append((claim, row, read_image(image_read(row.image), row.generator.resolution)))
        except (ImageError, OSError) as error:
            log.warning("inversion.unreadable", inversion=claim.key, error=str(error))
            batch.fail(
                claim,
                "The picture cannot be read any more. Upload it again.",
                code="inversion:unreadable",
                retry=False,
            )
    if not work:
        return
    # A process's first batch has imported torch by now and loads a bundle: long, on a busy machine.
    batch.renew(0.0)
    bundle = bundle_for(work[0][1].generator)
    batch.renew(0.0)
    images = torch.cat([image for _, _, image in work]).to(bundle.device)  # [B, 3, H, W]
    result = invert(bundle, images, STEPS, lambda step, total: batch.renew(step / total))
    reconstructions = to_uint8(result.images)  # [B, H, W, 3]
    codes = result.codes.cpu().numpy()  # [B, L, D]
    for place, (claim, row, _) in enumerate(work):
        owner = row.image.owner
        drawn = images_written(owner=owner, arrays=[reconstructions[place]], public=owner is None)
        try:
            with drawn as [reconstruction], batch.finishing(claim):
                inversion = (
                    Inversion.objects.select_for_update(of=("self",))
                    .select_related("generator")
                    .filter(pk=row.pk)
                    .first()
                )
                if inversion is None:
                    continue
                inversion_store(
                    inversion=inversion,
                    codes=codes[place],
                    digest=bundle.digest,
                    error=float(result.errors[place]),
                    psnr=float(result.psnr[place]),
                    lpips=float(result.lpips[place]),
                    steps=int(result.steps[place]),
                    reconstruction=image_keep(written=reconstruction),
                )
        except ClaimLost:
            log.info("inversion.lost", inversion=claim.key)


@on_failed(KIND)
def failed(key: str, code: str, reason: str) -> None:
    """The job gave up: say so on the inversion."""
    inversion = Inversion.objects.select_for_update().filter(pk=key, state=Inversion.State.WAITING).first()
    if inversion is not None:
        inversion_fail(inversion=inversion, reason=reason)


def _finish_idle(batch: Batch, claim: Claim) -> None:
    try:
        with batch.finishing(claim):
            pass
    except ClaimLost:
        log.info("inversion.lost", inversion=claim.key)
