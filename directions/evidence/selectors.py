"""Reads on evidence: the report of each generator, if it has been measured."""

from __future__ import annotations

from dataclasses import dataclass

from directions.evidence.models import Report
from directions.evidence.reading import Evidence, evidence_parse
from directions.generators.models import Generator
from directions.generators.selectors import generator_list


@dataclass(frozen=True)
class Measured:
    """A generator with its report; both None where nothing was measured yet."""

    generator: Generator
    report: Report | None
    evidence: Evidence | None


def measured(generator: Generator) -> Measured:
    """What is known of one generator."""
    return _read(generator, Report.objects.filter(generator=generator).first())


def measured_list() -> list[Measured]:
    """Of all generators, in their usual order."""
    reports = {report.generator_id: report for report in Report.objects.all()}
    return [_read(generator, reports.get(generator.pk)) for generator in generator_list()]


def _read(generator: Generator, report: Report | None) -> Measured:
    return Measured(generator, report, evidence_parse(report.text) if report is not None else None)


def report_list() -> list[Report]:
    """The reports there are, in the generators' usual order, without their texts."""
    rows = Report.objects.select_related("generator").defer("text")
    reports = {report.generator_id: report for report in rows}
    return [reports[generator.pk] for generator in generator_list() if generator.pk in reports]
