"""Writes of evidence: a report's numbers into the database, its strips through the picture intake.

Nothing of a report is served as it came but its numbers: pictures are decoded under the intake's limits and
encoded anew, pages and plots are made here, and files other than report.json and strips are never opened.
A report belongs to one content of one generator; that of another digest is refused.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import structlog
from django.conf import settings
from django.db import transaction
from numpy.typing import NDArray

from direction_commons.errors import UserError
from direction_commons.media.pictures import picture_open, too_large
from direction_commons.media.services import image_delete, image_keep, images_written
from directions.evidence.models import Report, StripRow
from directions.evidence.reading import MAX_BYTES, WRITE_AGAIN, Evidence, evidence_parse
from directions.evidence.strips import CASE_ROWS, Row, strip_rows, strip_ways
from directions.generators.models import Generator

log = structlog.get_logger(__name__)


def report_import(*, generator: Generator, folder: Path) -> tuple[Report, bool]:
    """The report in a folder becomes the generator's, in place of an older one; and whether it is another.

    Raises:
        UserError: "evidence:unreadable", "evidence:too-large", "evidence:broken", "evidence:report",
            "evidence:other-generator", "evidence:strip", and what the picture intake refuses.
    """
    text, sha256 = report_text(folder)
    evidence = evidence_parse(text)
    if evidence.digest != generator.digest:
        raise UserError(
            "evidence:other-generator",
            f"The report in {str(folder)!r} is of the generator {evidence.digest[:12]}…; "
            f"{generator.title} ({generator.slug}) is {generator.digest[:12]}….",
            "Name the generator that was measured, or measure this one.",
        )
    known = Report.objects.filter(generator=generator, sha256=sha256).first()
    if known is not None:
        return known, False
    rows = [(semantic, row) for semantic in evidence.semantics for row in _rows(folder, evidence, semantic)]
    rows += [(case, row) for case in evidence.cases for row in _case_rows(folder, case)]
    with (
        images_written(owner=None, arrays=[row.pixels for _, row in rows], public=True) as written,
        transaction.atomic(),
    ):
        Generator.objects.select_for_update(no_key=True).filter(pk=generator.pk).first()
        older = StripRow.objects.filter(report__generator=generator).select_related("image")
        before = {row.image for row in older}
        Report.objects.filter(generator=generator).delete()
        report = Report(generator=generator, text=text, sha256=sha256, measured_at=evidence.measured)
        report.full_clean()
        report.save()
        images = [image_keep(written=one) for one in written]
        StripRow.objects.bulk_create(
            StripRow(
                report=report,
                semantic=semantic,
                position=position,
                way=row.way,
                faces=row.faces,
                image=image,
            )
            for position, ((semantic, row), image) in enumerate(zip(rows, images, strict=True))
        )
    for image in before - set(images):
        image_delete(image=image)
    log.info("evidence.imported", generator=generator.slug, sha256=sha256, rows=len(rows))
    return report, True


def shipped_reports_import() -> tuple[list[Report], list[UserError]]:
    """Reports that came with the program (`docs/evidence/*/`), for the generators they are of.

    One that was measured later, by this operator say, is never replaced by an older shipped one. A refused
    report keeps nobody from starting the program: refusals are answered beside what was imported.
    """
    imported, refused = [], []
    for folder in sorted(path.parent for path in settings.EVIDENCE_SHIPPED.glob("*/report.json")):
        try:
            evidence = evidence_parse(report_text(folder)[0])
            generator = Generator.objects.filter(digest=evidence.digest).first()
            newer = Report.objects.filter(generator=generator, measured_at__gt=evidence.measured)
            if generator is None or newer.exists():
                continue
            report, is_new = report_import(generator=generator, folder=folder)
        except UserError as error:
            log.error("evidence.refused", folder=folder.name, code=error.code, message=error.message)
            refused.append(error)
        else:
            imported += [report] if is_new else []
    return imported, refused


def report_text(folder: Path) -> tuple[str, str]:
    """report.json of a folder, and the sha256 of its bytes."""
    data = _read(folder / "report.json", MAX_BYTES)
    if data is None:
        raise UserError(
            "evidence:too-large",
            f"report.json has more than {MAX_BYTES // 1024**2} MB.",
            WRITE_AGAIN,
            status=413,
        )
    try:
        return data.decode("utf-8"), hashlib.sha256(data).hexdigest()
    except UnicodeDecodeError as error:
        raise UserError(
            "evidence:broken", f"report.json is no text in UTF-8: {error}.", WRITE_AGAIN
        ) from error


def _rows(folder: Path, evidence: Evidence, semantic: str) -> list[Row]:
    """The rows of a semantic's strip that pages show."""
    name = f"strip-{semantic}.webp"
    return strip_rows(name=name, ways=strip_ways(evidence, semantic), pixels=_pixels(folder, name))


def _case_rows(folder: Path, case: str) -> list[Row]:
    """The rows of a case in which a change cannot show."""
    name = f"limit-{case.replace(' ', '_')}.webp"
    return strip_rows(name=name, ways=CASE_ROWS, pixels=_pixels(folder, name))


def _pixels(folder: Path, name: str) -> NDArray[np.uint8]:
    data = _read(folder / name, settings.MEDIA_MAX_BYTES)
    try:
        if data is None:
            raise too_large(settings.MEDIA_MAX_BYTES + 1)
        return np.asarray(picture_open(data)[0])
    except UserError as error:
        raise UserError(error.code, f"{name}: {error.message}", WRITE_AGAIN, status=error.status) from error


def _read(path: Path, most: int) -> bytes | None:
    """The file's bytes; None when there are more than `most`."""
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except OSError as error:
        raise UserError(
            "evidence:unreadable",
            f"{path.name} in {str(path.parent)!r} cannot be read: {error.strerror}.",
            "Name the folder that `python -m inference evaluate --report DIR` wrote, with its strips.",
        ) from error
    return data if len(data) <= most else None
