"""Two populations of one world: *balanced*, all numbers independent, and *correlated*, as people are.

Generators are trained on the correlated one, because entangled data is what real collections of portraits
are (Li & Jiang 2021, figures 8 and 9); everything is judged on the balanced one. Each single number is
distributed in the same way in both: only what it goes together with differs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from inference.errors import OptionError
from inference.portraits.attributes import SCENE_NAMES, SCENE_SIZE, Array, random_scenes, with_marginals

# Correlations of the normal numbers behind the scenes (a Gaussian copula); all others are 0.
CORRELATIONS: dict[tuple[str, str], float] = {
    ("beard", "moustache"): 0.74,
    ("age_lines", "hair_colour"): 0.62,  # this world's grey is pale blond
    ("lipstick", "earrings"): 0.72,
    ("lipstick", "hair_length"): 0.7,
    ("earrings", "hair_length"): 0.7,
    ("beard", "lipstick"): -0.4,
    ("beard", "earrings"): -0.4,
    ("beard", "hair_length"): -0.3,
    ("moustache", "lipstick"): -0.3,
    ("moustache", "earrings"): -0.3,
    ("moustache", "hair_length"): -0.2,
    ("age_lines", "glasses"): 0.4,
    ("smile", "mouth_open"): 0.4,
    ("eye_openness", "brow_raise"): 0.4,
    ("skin_tone", "hair_colour"): -0.4,
    ("skin_tone", "eye_colour"): -0.4,
    ("hair_colour", "eye_colour"): 0.4,
    ("hair_volume", "hair_curl"): 0.3,
}


def correlation_matrix() -> Array:
    """CORRELATIONS as a positive definite matrix [SCENE_SIZE, SCENE_SIZE], in the order of SCENE_NAMES."""
    matrix = np.eye(SCENE_SIZE)
    for (a, b), correlation in CORRELATIONS.items():
        i, j = SCENE_NAMES.index(a), SCENE_NAMES.index(b)
        matrix[i, j] = matrix[j, i] = correlation
    return matrix.astype(np.float32)


def correlated_scenes(generator: np.random.Generator, count: int) -> Array:
    """Scenes of the correlated population, float32 [count, SCENE_SIZE] in 0..1."""
    root = np.linalg.cholesky(correlation_matrix().astype(np.float64))
    normal = generator.standard_normal((count, SCENE_SIZE)) @ root.T
    uniform = ndtr(normal)
    return with_marginals(uniform, uniform)


POPULATIONS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "balanced": random_scenes,
    "correlated": correlated_scenes,
}


def population(name: str) -> Callable[[np.random.Generator, int], Array]:
    """The sampler (generator, count) -> scenes [count, SCENE_SIZE] of a population."""
    if name not in POPULATIONS:
        raise OptionError(
            f"the population {name!r}", f"one of {', '.join(POPULATIONS)}", code="option:population"
        )
    return POPULATIONS[name]
