"""What the rooms above may listen to. Sent inside the transaction of what they tell."""

from __future__ import annotations

from django.dispatch import Signal

pair_derived = Signal()  # direction: Direction, READY
pair_withdrawn = Signal()  # pair: Pair; directions: list[(id, generator id, space)] that no longer exist
