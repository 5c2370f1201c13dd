"""Writes on pairs: contribute, cancel, try again, show, withdraw, delete. Their directions: `derivation.py`.

Whatever is refused says why, and what is withdrawn leaves no picture, code or direction behind.

Locks are taken in one order everywhere, here and in the workers' finishing transactions: person, pairs,
pictures, inversions by (generator, image), directions, the rooms above, job rows; rows of a kind by their id.
A pair and its worker may meet, and so may two pairs of the same pictures, but never in a deadlock.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

import structlog
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from direction_commons.accounts.models import User
from direction_commons.accounts.quotas import person_lock, quota_spend
from direction_commons.errors import NotFound, UserError
from direction_commons.jobs.services import job_cancel
from direction_commons.media.models import StoredImage
from direction_commons.media.services import files_forget, image_delete, image_intake, images_held
from directions.generators.selectors import active_generators, default_generator
from directions.inversions.models import Inversion
from directions.inversions.services import KIND as INVERSION
from directions.inversions.services import picture_erase
from directions.pairs.derivation import KIND, UNFINISHED, direction_request
from directions.pairs.models import Direction, Pair
from directions.pairs.signals import pair_withdrawn
from directions.semantics.naming import name_clean
from directions.semantics.services import semantic_get_or_create

log = structlog.get_logger(__name__)


@transaction.atomic
def pair_submit(
    *,
    contributor: User,
    semantic_name: str,
    before: StoredImage,
    after: StoredImage,
    pictures_public: bool = False,
    demonstration: bool = False,
) -> Pair:
    """Accept a pair; its work on all active generators is queued in the same transaction.

    A person's own contributions come by `pair_contribute`, which counts them.

    Raises UserError: a name that cannot be one, no generator registered.
    """
    for image in (before, after):
        if image.owner_id != contributor.pk:
            raise UserError(
                "pairs:picture", "A pair is made of pictures of one's own.", "Upload the picture."
            )
    if demonstration != contributor.is_demonstration:
        raise ValueError("demonstration pairs are contributed by demonstration people, and only by them")
    default_generator()
    semantic = semantic_get_or_create(name=semantic_name, user=contributor)
    pair = Pair(
        semantic=semantic,
        contributor=contributor,
        before=before,
        after=after,
        pictures_public=pictures_public,
        demonstration=demonstration,
    )
    pair.full_clean()
    pair.save()
    if pictures_public:
        _pictures_public(pair)
    for generator in sorted(active_generators(), key=lambda row: row.pk):
        direction_request(pair=pair, generator=generator)
    log.info("pair.submitted", pair=str(pair.pk), semantic=semantic.slug, demonstration=demonstration)
    return pair


def pair_contribute(
    *,
    contributor: User,
    semantic_name: str,
    before: bytes | UploadedFile[Any],
    after: bytes | UploadedFile[Any],
    pictures_public: bool = False,
) -> Pair:
    """A person's contribution from two uploads: both are taken in and the pair accepted, or neither.

    Raises UserError: as `pair_submit`, "accounts:quota" (429) when the day's pairs are used up, and what
    media refuses ("media:..."), saying which of the two it is.
    """
    name_clean(semantic_name)  # before the pictures are decoded
    images: list[StoredImage] = []
    try:
        with transaction.atomic():
            person_lock(user=contributor)
            _spend(contributor)
            for side, data in (("before", before), ("after", after)):
                try:
                    images.append(image_intake(owner=contributor, data=data))
                except UserError as error:
                    raise UserError(
                        error.code, f"The {side} picture: {error.message}", error.todo, status=error.status
                    ) from error
            return pair_submit(
                contributor=contributor,
                semantic_name=semantic_name,
                before=images[0],
                after=images[1],
                pictures_public=pictures_public,
            )
    except UserError:
        # Their rows are rolled back, and no quota counts a file without a row: it must not stay.
        for image in images:
            files_forget(image=image)
        raise


@transaction.atomic
def pair_cancel(*, pair: Pair) -> Pair:
    """Stop what is still waiting or running. The pictures stay until the pair is withdrawn or deleted."""
    pair = _locked(pair)
    unfinished = list(
        pair.directions.select_for_update(of=("self",))
        .select_related("before_inversion", "after_inversion")
        .filter(state__in=UNFINISHED)
        .order_by("pk")
    )
    if pair.cancelled_at is not None:
        return pair
    if pair.withdrawn_at is not None or not unfinished:
        raise UserError(
            "pairs:finished", "This contribution is finished already.", "Withdraw it instead.", status=409
        )
    _stop(pair, unfinished)
    now = timezone.now()
    for direction in unfinished:
        direction.state, direction.finished_at = Direction.State.CANCELLED, now
        direction.reason = "You cancelled it."
        direction.save(update_fields=["state", "finished_at", "reason"])
    pair.cancelled_at = now
    pair.save(update_fields=["cancelled_at"])
    return pair


@transaction.atomic
def pair_retry(*, pair: Pair) -> Pair:
    """Try again what failed or was cancelled. A refusal stands: the same pictures give the same answer."""
    pair = _locked(pair)
    again = (
        pair.directions.select_for_update(of=("self",))
        .select_related("generator")
        .filter(state__in=[Direction.State.FAILED, Direction.State.CANCELLED])
        .order_by("pk")
    )
    if pair.withdrawn_at is not None or not again:
        raise UserError(
            "pairs:nothing-to-retry",
            "Nothing of this contribution failed or was cancelled.",
            "Contribute another pair.",
            status=409,
        )
    _spend(pair.contributor)  # it is as much work as a new pair
    pair.cancelled_at = None
    pair.save(update_fields=["cancelled_at"])
    for direction in again:
        direction.state, direction.verdict, direction.reason = Direction.State.WAITING, "", ""
        direction.finished_at = None
        direction.save(update_fields=["state", "verdict", "reason", "finished_at"])
        direction_request(pair=pair, generator=direction.generator)
    return pair


@transaction.atomic
def pair_show(*, pair: Pair, pictures_public: bool) -> Pair:
    """Let everybody see the pair's pictures, or nobody but its contributor: from now on, at once.

    A picture that another pair of the person shows stays public.
    """
    pair = _locked(pair)
    if pair.withdrawn_at is not None:
        raise UserError(
            "pairs:withdrawn",
            "This contribution was withdrawn; it has no pictures any more.",
            "Contribute another pair.",
            status=409,
        )
    pair.pictures_public = pictures_public
    pair.save(update_fields=["pictures_public"])
    _pictures_public(pair)
    log.info("pair.shown" if pictures_public else "pair.hidden", pair=str(pair.pk))
    return pair


@transaction.atomic
def pair_withdraw(*, pair: Pair) -> Pair:
    """Take it back: pictures, codes, directions, strips are deleted; community versions follow.

    The row stays, so that the contributor's list says what became of it; `pair_delete` takes that, too.
    """
    pair = _locked(pair)
    if pair.withdrawn_at is not None:
        return pair
    directions = list(
        pair.directions.select_for_update(of=("self",))
        .select_related("strip", "sample_strip", "before_inversion", "after_inversion")
        .order_by("pk")
    )
    _stop(pair, directions)
    pictures = {image.pk: image for image in (pair.before, pair.after) if image is not None}
    strips = [image for row in directions for image in (row.strip, row.sample_strip) if image is not None]
    gone = [
        (str(row.pk), row.generator_id, row.space) for row in directions if row.state == Direction.State.READY
    ]
    for direction in directions:
        direction.delete()
    pair.before = pair.after = None
    pair.withdrawn_at = timezone.now()
    pair.save(update_fields=["before", "after", "withdrawn_at"])
    for _, image in sorted(pictures.items()):
        if not picture_erase(image=image) and not _shown_publicly(image):
            StoredImage.objects.filter(pk=image.pk).update(public=False)
    for image in strips:
        image_delete(image=image)
    pair_withdrawn.send(sender=Pair, pair=pair, directions=gone)
    log.info("pair.withdrawn", pair=str(pair.pk), directions=len(gone))
    return pair


@transaction.atomic
def pair_delete(*, pair: Pair) -> None:
    """Withdraw, and forget that it ever was."""
    pair_withdraw(pair=pair).delete()


def pairs_erase(*, user: User) -> None:
    """All pairs of a person who deletes the account; registered with accounts."""
    person_lock(user=user)
    for pair in Pair.objects.filter(contributor=user).order_by("pk"):
        pair_delete(pair=pair)


def _locked(pair: Pair) -> Pair:
    """The pair's present row, its pictures and its inversions, locked. NotFound: deleted meanwhile."""
    person_lock(user=pair.contributor)
    row = (
        Pair.objects.select_for_update(of=("self",))
        .select_related("before", "after", "contributor", "semantic")
        .filter(pk=pair.pk)
        .first()
    )
    if row is None:
        raise NotFound("pair")
    pictures = StoredImage.objects.filter(pk__in=[row.before_id, row.after_id])
    list(pictures.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    inversions = Inversion.objects.filter(image__in=[row.before_id, row.after_id])
    list(inversions.select_for_update().order_by("generator", "image").values_list("pk"))
    return row


def _stop(pair: Pair, directions: Iterable[Direction]) -> None:
    """Cancel the jobs of these directions; an inversion that another pair or a photo waits for goes on."""
    shared = _held_by_others(pair)
    for direction in directions:
        job_cancel(kind=KIND, key=str(direction.pk))
        for inversion in {direction.before_inversion, direction.after_inversion}:
            if inversion.image_id not in shared:
                job_cancel(kind=INVERSION, key=str(inversion.pk))


def _held_by_others(pair: Pair) -> set[uuid.UUID]:
    """Which pictures of this pair anything else holds: asked while the pair lets go for a moment."""
    images = [image for image in (pair.before, pair.after) if image is not None]
    with transaction.atomic():
        Pair.objects.filter(pk=pair.pk).update(before=None, after=None)
        held: set[uuid.UUID] = images_held(images)
        Pair.objects.filter(pk=pair.pk).update(before=pair.before, after=pair.after)
    return held


def _spend(contributor: User) -> None:
    quota_spend(user=contributor, what="pairs", limit=settings.QUOTA_PAIRS_A_DAY)


def _pictures_public(pair: Pair) -> None:
    """Each of the pair's pictures is public if any pair shows it."""
    images = StoredImage.objects.filter(pk__in=[pair.before_id, pair.after_id])
    for image in images.select_for_update(no_key=True).order_by("pk"):
        shown = _shown_publicly(image)
        if shown != image.public:
            image.public = shown
            image.save(update_fields=["public"])


def _shown_publicly(image: StoredImage) -> bool:
    return Pair.objects.filter(pictures_public=True).filter(_shows(image)).exists()


def _shows(image: StoredImage) -> Q:
    return Q(before=image) | Q(after=image)
