"""The faces that directions are shown on: plain ones, so that what a direction does is not lost in them.

First the tray's single pictures, as far as this generator knows them: the first four wear nothing and look at
us, and all are the studio's sample faces as well. A generator of another world gets faces of its own instead,
the plainest and most different of many. Nothing here names a generator, so another bundle finds its faces by
the same rule. Needs torch: only handlers and tasks call it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from inference import Bundle

CANDIDATES = 256
TRUNCATION = 0.7  # less than 1: what a network draws best lies near its mean
SEED = 20


def faces_of(bundle: Bundle, pictures: Sequence[bytes], count: int) -> torch.Tensor:
    """Codes [count, L, D]: of the first pictures that are in the generator's world, then of its own faces."""
    import torch

    known = known_faces(bundle, pictures)[:count]
    missing = count - len(known)
    return torch.cat([known, own_faces(bundle, missing)]) if missing else known


def known_faces(bundle: Bundle, pictures: Sequence[bytes]) -> torch.Tensor:
    """Codes [<= len(pictures), L, D] of the pictures whose reading is good enough to edit, in their order.

    The encoder alone reads them: the face need not be the picture to the last detail, only a face.
    """
    import torch

    from inference import invert, read_image

    resolution = bundle.generator.resolution
    images = torch.cat([read_image(picture, resolution) for picture in pictures])  # [B, 3, H, W]
    inversion = invert(bundle, images.to(bundle.device), steps=0)
    return inversion.codes[inversion.errors <= bundle.thresholds["out_of_domain"]]


def own_faces(bundle: Bundle, count: int) -> torch.Tensor:
    """Codes [count, L, D]: of many random faces, the half nearest their mean; of those, the most different.

    Near the mean is plain: what few faces have pulls a code away from it. The first is the nearest; each next
    one is as far as possible from those chosen already. Distances weigh the layers as the effect metric does.
    """
    import torch

    source = torch.Generator().manual_seed(SEED)
    z = torch.randn(CANDIDATES, bundle.generator.z_dim, generator=source).to(bundle.device)
    with torch.no_grad():
        codes = bundle.generator.mapping(z, truncation=TRUNCATION)  # [N, L, D]
    weights = bundle.metric_weights.to(codes.device).sqrt()[:, None]  # [L, 1]
    points = (codes * weights).flatten(1)  # [N, L * D]
    from_mean = (points - points.mean(0)).norm(dim=1)  # [N]
    near = from_mean.argsort()[: CANDIDATES // 2]
    chosen = [int(near[0])]
    while len(chosen) < count:
        away = torch.cdist(points[near], points[chosen]).min(dim=1).values  # [N / 2]
        chosen.append(int(near[away.argmax()]))
    return codes[chosen]
