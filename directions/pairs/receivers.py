"""What pairs does when an inversion has ended. Runs inside that inversion's transaction."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from directions.inversions.models import Inversion
from directions.inversions.signals import inversion_failed, inversion_finished
from directions.pairs.derivation import direction_advance, directions_fail


@receiver(inversion_finished)
def advance(*, inversion: Inversion, **_: Any) -> None:
    direction_advance(inversion=inversion)


@receiver(inversion_failed)
def give_up(*, inversion: Inversion, **_: Any) -> None:
    directions_fail(inversion=inversion, reason=inversion.reason)
