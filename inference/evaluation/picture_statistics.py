"""How alike pictures are beyond squared error: fine detail of pairs, and patches of whole sets.

Two rulers that a blur and a grain cannot both please. *Laplacian*: what a 4-neighbour Laplacian leaves of two
pictures' luminance must be the same detail (correlation) and as much of it (variance ratio): blur lowers the
second, invented grain lowers the first. *Sliced Wasserstein distance* of 7 x 7 patches on each level of a
Laplacian pyramid, of two sets of pictures (Karras, Aila, Laine and Lehtinen 2018, "Progressive Growing of
GANs", section 5). Pure functions on tensors; nothing here knows bundles.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from inference.errors import ShapeError

PATCH = 7
SMALLEST = 16  # the pyramid's coarsest level, in pixels
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601
_BINOMIAL = (1.0, 4.0, 6.0, 4.0, 1.0)
_AT_ONCE = 64  # projections, or pictures


def laplacian(images: Tensor) -> Tensor:
    """4-neighbour Laplacian of luminance in 0..1, without the border.

    images [N, 3, H, W] in [-1, 1] -> [N, H - 2, W - 2].
    """
    weights = torch.tensor(_LUMINANCE, dtype=images.dtype, device=images.device)
    grey = torch.einsum("nchw,c->nhw", (images.clamp(-1, 1) + 1) / 2, weights)
    across = grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    down = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1]
    return across + down - 4 * grey[:, 1:-1, 1:-1]


def detail(made: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """How much of each picture's fine detail is right, and how much there is of it.

    made, true [N, 3, H, W] in [-1, 1] -> the correlation over pixels of their Laplacians [N], -1..1, and the
    variance of made's over that of true's [N]. A picture without any detail correlates 0.
    """
    a, b = laplacian(made).flatten(1).double(), laplacian(true).flatten(1).double()
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    power_a, power_b = a.square().mean(1), b.square().mean(1)
    correlation = (a * b).mean(1) / (power_a * power_b).sqrt().clamp_min(1e-12)
    return correlation, power_a / power_b.clamp_min(1e-12)


def pyramid(images: Tensor) -> dict[int, Tensor]:
    """Laplacian pyramid (Burt and Adelson 1983) of images [N, 3, R, R]: resolution -> [N, 3, r, r].

    From R down to SMALLEST; each level is what the next coarser one cannot say, the last is the picture at
    SMALLEST px itself.
    """
    levels = {}
    while images.shape[-1] > SMALLEST:
        coarse = _filtered(images, 1.0)[:, :, ::2, ::2]
        spread = torch.zeros_like(images)
        spread[:, :, ::2, ::2] = coarse
        levels[images.shape[-1]] = images - _filtered(spread, 2.0)
        images = coarse
    levels[images.shape[-1]] = images
    return levels


def patches(images: Tensor, per_image: int, rng: np.random.Generator) -> dict[int, Tensor]:
    """Random 7 x 7 patches of each level: resolution -> [N * per_image, 49, 3].

    images [N, 3, R, R] in [-1, 1], `per_image` patches of each at every level.
    """
    found: dict[int, list[Tensor]] = {}
    for part in torch.split(images, _AT_ONCE):
        for size, level in pyramid(part.float()).items():
            corner = torch.from_numpy(rng.integers(0, size - PATCH + 1, (2, len(part), per_image, 1, 1)))
            y = corner[0] + torch.arange(PATCH)[:, None]  # [n, per_image, 7, 1]
            x = corner[1] + torch.arange(PATCH)  # [n, per_image, 1, 7]
            which = torch.arange(len(part))[:, None, None, None]
            cut = level.permute(0, 2, 3, 1)[which, y, x]  # [n, per_image, 7, 7, 3]
            found.setdefault(size, []).append(cut.reshape(-1, PATCH * PATCH, 3))
    return {size: torch.cat(parts) for size, parts in found.items()}


def sliced_wasserstein(a: Tensor, b: Tensor, projections: int, rng: np.random.Generator) -> float:
    """Mean Wasserstein-1 distance of two equally large sets of patches on random lines.

    a, b [M, 49, 3]. As published, each set is first brought to mean 0 and deviation 1 in each colour
    channel, so this compares structure; what contrast is lost is `detail`'s to say.
    """
    if a.shape != b.shape:
        raise ShapeError(
            f"sets of {len(a)} and {len(b)} patches", "two equally large sets", code="shape:patches"
        )
    left, right = _normalised(a), _normalised(b)  # [M, 147]
    lines = torch.from_numpy(rng.standard_normal((left.shape[1], projections)).astype(np.float32))
    lines = lines / lines.norm(dim=0)
    total = 0.0
    for some in torch.split(lines, _AT_ONCE, dim=1):
        first = (left @ some).T.contiguous().sort(dim=1).values  # [P, M]
        second = (right @ some).T.contiguous().sort(dim=1).values
        total += float((first - second).abs().mean(1).double().sum())
    return total / projections


def sample_distances(
    samples: Tensor, real: tuple[Tensor, Tensor], *, per_image: int, projections: int, seed: int = 0
) -> dict[int, dict[str, float]]:
    """Samples against two disjoint sets of real pictures, on each level of the pyramid.

    All three [N, 3, R, R]. For each resolution: `samples`, the mean distance to both real sets; `real`, the
    distance of these from each other, which is what so many pictures of one population differ by; `ratio`,
    1 for samples that cannot be told from real ones. The same lines for all three distances.
    """
    rng = np.random.default_rng(seed)
    made, *truth = (patches(images, per_image, rng) for images in (samples, *real))
    results = {}
    for size in made:
        sets = made[size], truth[0][size], truth[1][size]
        near, far, floor = (
            sliced_wasserstein(sets[i], sets[j], projections, np.random.default_rng([seed, size]))
            for i, j in ((0, 1), (0, 2), (1, 2))
        )
        distance = (near + far) / 2
        results[size] = {"samples": distance, "real": floor, "ratio": distance / max(floor, 1e-12)}
    return results


def _normalised(patches: Tensor) -> Tensor:
    centred = patches - patches.mean((0, 1))
    return (centred / centred.square().mean((0, 1)).sqrt().clamp_min(1e-8)).flatten(1)


def _filtered(images: Tensor, gain: float) -> Tensor:
    """Binomial 5 x 5 blur of images [N, 3, H, W], mirrored at the border; `gain` is a side's."""
    taps = torch.tensor(_BINOMIAL, dtype=images.dtype, device=images.device)
    taps = (taps * (gain / taps.sum())).repeat(3, 1)  # [3, 5]
    padded = F.pad(images, (2, 2, 2, 2), mode="reflect")
    rows = F.conv2d(padded, taps[:, None, None, :], groups=3)
    return F.conv2d(rows, taps[:, None, :, None], groups=3)
