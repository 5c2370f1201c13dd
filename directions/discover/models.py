"""What the unsupervised finders found on a generator, and what people say of it.

A component is no contribution: it is of no pair, stands in no series, and no average of pairs ever holds it.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q


class Component(models.Model):
    """One component of one run of a finder: never changed but for what people make of it (`state` to
    `num_rejections`, which `services` counts from the opinions).
    """

    class State(models.TextChoices):
        OPEN = "open"
        NAMED = "named"
        REJECTED = "rejected"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    generator = models.ForeignKey("generators.Generator", on_delete=models.CASCADE, related_name="components")
    finder = models.CharField(max_length=40)
    index = models.PositiveSmallIntegerField(help_text="which of the finder's components, from 0")
    run = models.CharField(max_length=64, help_text="sha256 of the finder's options, samples and seed")
    options = models.JSONField(help_text="what the finder was built with")
    samples = models.PositiveIntegerField(help_text="codes that it learned from")
    seed = models.PositiveIntegerField()
    explained = models.FloatField(help_text="share of the codes' variance along it, in the effect metric")
    step = models.FloatField(help_text="latent units of intensity 1.0: one standard deviation of the codes")
    space = models.CharField(max_length=8)
    bundle_digest = models.CharField(max_length=64)
    vector = models.BinaryField(help_text="unit vector, float32 LE")
    shape = models.JSONField(help_text="[L, D]")
    vector_digest = models.CharField(max_length=64)
    found_at = models.DateTimeField(auto_now_add=True)
    drawn_at = models.DateTimeField(null=True, blank=True, help_text="when its strips were there")
    failed = models.TextField(blank=True, default="", help_text="why its strips cannot be drawn")

    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    semantic = models.ForeignKey(
        "semantics.Semantic", on_delete=models.PROTECT, null=True, blank=True, related_name="components"
    )
    end = models.SmallIntegerField(null=True, blank=True, help_text="1: + shows the change, -1: - does")
    num_agreeing = models.PositiveIntegerField(default=0, help_text="people behind the leading name")
    num_names = models.PositiveIntegerField(default=0, help_text="people who gave any name")
    num_rejections = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["generator", "finder", "run", "index"], name="discover_one_a_run_and_index"
            ),
            models.CheckConstraint(
                condition=Q(state="named", semantic__isnull=False, end__in=(-1, 1))
                | (~Q(state="named") & Q(semantic__isnull=True, end__isnull=True)),
                name="discover_named_has_a_name",
            ),
        ]
        indexes = [
            models.Index(fields=["generator", "state", "index", "finder", "id"], name="discover_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.finder} {self.index + 1} on {self.generator_id}"

    @property
    def explained_percent(self) -> float:
        return 100 * self.explained


class ComponentStrip(models.Model):
    """Five pictures of one face, from the component's - to its +, side by side in one file."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="strips")
    face = models.PositiveSmallIntegerField(help_text="which of the generator's sample faces")
    intensities = models.JSONField()
    image = models.ForeignKey("media.StoredImage", on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "face"], name="discover_one_strip_a_face")
        ]
        ordering = ["face"]

    def __str__(self) -> str:
        return f"strip {self.face} of {self.component_id}"


class Opinion(models.Model):
    """What one person says of a component: a name and the end that shows it, or "nothing one could name"."""

    component = models.ForeignKey(Component, on_delete=models.CASCADE, related_name="opinions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="opinions")
    semantic = models.ForeignKey(
        "semantics.Semantic",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="opinions",
        help_text="none: rejected",
    )
    end = models.SmallIntegerField(null=True, blank=True, help_text="1: + shows the change, -1: - does")
    said_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["component", "person"], name="discover_one_opinion_a_person"),
            models.CheckConstraint(
                condition=Q(semantic__isnull=True, end__isnull=True)
                | Q(semantic__isnull=False, end__in=(-1, 1)),
                name="discover_a_name_has_an_end",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} on {self.component_id}"
