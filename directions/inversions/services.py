"""Writes on inversions: *(picture, generator)* is inverted once, whoever asks.

Nothing here computes: the handler does. A code is never given to another generator: `inversion_store` refuses
a result whose digest is not the generator's.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from direction_commons.accounts.models import User
from direction_commons.jobs.models import Job
from direction_commons.jobs.services import job_cancel, job_enqueue
from direction_commons.media.models import StoredImage
from direction_commons.media.services import image_delete, images_held
from directions.generators.models import Generator
from directions.inversions.codes import Codes, codes_pack
from directions.inversions.models import Inversion
from directions.inversions.signals import inversion_failed, inversion_finished

KIND = "inversion"
STEPS = 30  # at most so many optimisation steps an image


@transaction.atomic
def inversion_request(
    *,
    image: StoredImage,
    generator: Generator,
    priority: int = Job.Priority.PERSON,
    owner: User | None = None,
) -> Inversion:
    """The inversion of this picture on this generator; a job is queued unless it is there already.

    One that failed earlier is tried again.
    """
    Inversion.objects.bulk_create([Inversion(image=image, generator=generator)], ignore_conflicts=True)
    inversion = Inversion.objects.select_for_update().get(image=image, generator=generator)
    if inversion.state == Inversion.State.READY:
        return inversion
    if inversion.state == Inversion.State.FAILED:
        inversion.state, inversion.reason, inversion.finished_at = Inversion.State.WAITING, "", None
        inversion.save(update_fields=["state", "reason", "finished_at"])
    job_enqueue(kind=KIND, key=str(inversion.pk), group=str(generator.pk), priority=priority, owner=owner)
    return inversion


def inversion_store(
    *,
    inversion: Inversion,
    codes: Codes,
    digest: str,
    error: float,
    psnr: float,
    lpips: float,
    steps: int,
    reconstruction: StoredImage,
) -> None:
    """Save a finished inversion and tell the rooms above; to be called in the job's finishing transaction."""
    generator = inversion.generator
    if digest != generator.digest or codes.shape != (generator.num_layers, generator.code_dim):
        raise ValueError(
            f"codes {codes.shape} of bundle {digest[:12]} for {generator.slug}, "
            f"({generator.num_layers}, {generator.code_dim}) of {generator.digest[:12]}"
        )
    inversion.codes, inversion.shape = codes_pack(codes)
    inversion.digest = digest
    inversion.error, inversion.psnr, inversion.lpips, inversion.steps = error, psnr, lpips, steps
    inversion.out_of_domain = error > float(generator.thresholds["out_of_domain"])
    inversion.reconstruction = reconstruction
    inversion.state, inversion.reason, inversion.finished_at = Inversion.State.READY, "", timezone.now()
    inversion.save()
    inversion_finished.send(sender=Inversion, inversion=inversion)


def inversion_fail(*, inversion: Inversion, reason: str) -> None:
    """Save that it cannot be inverted, in words for the person, and tell the rooms above."""
    inversion.state, inversion.reason, inversion.finished_at = Inversion.State.FAILED, reason, timezone.now()
    inversion.save(update_fields=["state", "reason", "finished_at"])
    inversion_failed.send(sender=Inversion, inversion=inversion)


@transaction.atomic
def picture_erase(*, image: StoredImage) -> bool:
    """Delete a picture with its inversions and reconstructions, unless a pair, a photo or a strip holds it.

    Call it after the row that pointed at the picture is gone. True when it was deleted.
    """
    StoredImage.objects.select_for_update().filter(pk=image.pk).first()
    if images_held([image]):
        return False
    # A worker locks its inversion before its job, and so do we.
    inversions = Inversion.objects.select_for_update(of=("self",)).filter(image=image).order_by("generator")
    for inversion in inversions.select_related("reconstruction"):
        job_cancel(kind=KIND, key=str(inversion.pk))
        inversion.delete()
        if inversion.reconstruction is not None:
            image_delete(image=inversion.reconstruction)
    return image_delete(image=image)
