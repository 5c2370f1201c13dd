"""Reads on generators."""

from __future__ import annotations

from direction_commons.errors import UserError
from directions.generators.models import Generator


def default_generator() -> Generator:
    """The generator that pages and API mean when none is named."""
    generator = Generator.objects.filter(is_default=True).first()
    if generator is None:
        raise UserError(
            "generators:none",
            "No generator is registered yet.",
            "The operator registers one with `manage.py generator_register portraits`.",
            status=503,
        )
    return generator


def active_generators() -> list[Generator]:
    """Generators on which new pairs are derived; the default first."""
    return list(Generator.objects.filter(is_active=True).order_by("-is_default", "created_at", "pk"))


def generator_list() -> list[Generator]:
    """All, those set aside last."""
    return list(Generator.objects.order_by("-is_default", "-is_active", "created_at", "pk"))
