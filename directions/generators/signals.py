"""What the rooms above may listen to. Sent inside the transaction of what they tell."""

from __future__ import annotations

from django.dispatch import Signal

generator_registered = Signal()  # generator: Generator, new or in use again
