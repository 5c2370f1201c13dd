"""What was measured on a generator: one report each, and the rows of pictures that belong to it."""

from __future__ import annotations

from django.db import models


class Report(models.Model):
    """`report.json` as `python -m inference evaluate` wrote it, of exactly this generator's digest.

    The text is kept as it came (the order of what was measured says something, and jsonb forgets order);
    `reading.evidence_parse` has checked it.
    """

    generator = models.OneToOneField(
        "generators.Generator", on_delete=models.CASCADE, related_name="evidence_report"
    )
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    measured_at = models.DateTimeField()
    imported_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"report of {self.generator_id}, {self.measured_at:%Y-%m-%d}"


class StripRow(models.Model):
    """One row of a semantic's strip: the same faces side by side, edited (or not) in one way."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="rows")
    semantic = models.CharField(max_length=80, help_text="or a case in which a change cannot show")
    position = models.PositiveSmallIntegerField()
    way = models.CharField(max_length=100, blank=True, help_text="a method of the report, or a fixed row")
    faces = models.PositiveSmallIntegerField()
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["report", "semantic", "position"], name="evidence_one_picture_a_row"
            )
        ]
        ordering = ["semantic", "position"]

    def __str__(self) -> str:
        return f"{self.semantic}: {self.way}"
