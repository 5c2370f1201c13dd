"""What things cost on this machine. `python -m benchmarks [inference] [web]` (`make bench` runs all).

Each module of this package that defines `measurements() -> Iterable[Measurement]` is a benchmark; it yields
what it has measured as it goes. Nothing here judges: a number is stored with the machine it was measured on.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """One number: what was measured, how much, in which unit, and what one must know to read it."""

    name: str
    value: float
    unit: str
    note: str = ""


def timed(work: Callable[[], object], *, repeat: int = 5, warm_up: int = 1) -> float:
    """Median seconds of `repeat` runs after `warm_up` runs that do not count."""
    for _ in range(warm_up):
        work()
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
