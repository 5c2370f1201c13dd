"""What rooms above may listen to. Both are sent inside the transaction that saved the inversion's end."""

from __future__ import annotations

from django.dispatch import Signal

inversion_finished = Signal()  # inversion: Inversion, READY
inversion_failed = Signal()  # inversion: Inversion, FAILED, with its reason
