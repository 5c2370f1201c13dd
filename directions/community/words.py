"""What agreement is called on pages; the numbers that the words stand for are told among the details.

ρ is the mean cosine between two pairs of a version, in the effect metric. If each pair's unit direction is
what all have in common plus something of its own, ρ is the share (of squared length) that is common. Hence

- from one half on more is common than not: *strong agreement*;
- up to `chance(n)` unrelated pairs agree as well: *no agreement beyond chance*;
- in between: *some agreement*.

`chance(n)` is the sampling error of ρ. The mean of n(n-1)/2 nearly uncorrelated cosines, each with the spread
that two pairs of *different* changes have, has that spread times sqrt(2 / (n(n-1))); three such errors above
the mean is what one in a hundred series of unrelated pairs reaches. `python -m benchmarks agreement` measured
it on Drawn Portraits (bundle 1b91409f71be, encoder only): 4 pairs of each of 26 attributes, by 104 people, of
which 99 move at all; of their 4,851 cosines 4,704 are between different changes. Series of 3, 6 and 12 drawn
from these pairs have their 99th percentile at 0.138, 0.058 and 0.030; this line says 0.135, 0.066 and 0.037.
Another generator has another spread: there the line is a guide, not a test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

SHARED = 0.5
ELSEWHERE = 0.5  # of the median cosine: a pair below it is called out
UNRELATED_MEAN, UNRELATED_SPREAD = 0.010, 0.072  # of the cosine between pairs of different changes
ERRORS = 3


def chance(pairs: int) -> float:
    """The ρ that hardly any series of so many unrelated pairs (two or more) reaches."""
    return UNRELATED_MEAN + ERRORS * UNRELATED_SPREAD * math.sqrt(2 / (pairs * (pairs - 1)))


def agreement_words(agreement: float | None, pairs: int) -> str:
    """ "strong agreement", of ρ and the number of pairs that it was computed from."""
    if agreement is None:
        return "too few pairs to compare yet"
    if agreement >= SHARED:
        return "strong agreement"
    if agreement > chance(pairs):
        return "some agreement"
    return "no agreement beyond chance"


def points_elsewhere(cosine: float, cosines: Sequence[float]) -> bool:
    """Whether a pair lies far from the average of the pairs with these cosines (its own among them).

    Of two pairs neither is the odd one.
    """
    usual = median(cosines) if len(cosines) > 2 else 0.0
    return usual > 0 and cosine < ELSEWHERE * usual
