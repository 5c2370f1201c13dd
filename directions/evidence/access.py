"""The only way to a report in a request, by its generator's address. Reports are public."""

from __future__ import annotations

from direction_commons.errors import UserError
from directions.evidence.models import Report
from directions.generators.access import access_generator


def access_report(slug: str) -> Report:
    """Raises NotFound (no such generator) or UserError "evidence:not-measured" (404)."""
    generator = access_generator(slug)
    report = Report.objects.select_related("generator").filter(generator=generator).first()
    if report is None:
        raise UserError(
            "evidence:not-measured",
            f"{generator.title} has not been measured yet.",
            f"The operator measures it and runs `manage.py evidence_import {generator.slug} DIR`.",
            status=404,
        )
    return report
