"""What a pair's direction is worth, in numbers and one verdict; it judges, and decides nothing.

The changed region is where before and after differ by more than re-encoding does, widened a little.
`movement` is the code difference's length in the effect metric, and is compared with two lengths measured
once per bundle: the null floor (what re-encoding the same picture moves) and the length beyond which two
portraits are unrelated. A strong change of one picture, another wall or hair of another colour, moves a code
as far; it leaves parts of the picture as they were, which two unrelated pictures do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from inference import effect_metric

if TYPE_CHECKING:
    from inference.bundle import Bundle
    from inference.inversion import Inversion

CHANGED = 0.12  # a pixel's difference, mean over colours of [-1, 1], that JPEG at quality 75 seldom reaches
WIDEN = 3  # pixels at 128 px by which the region grows, for a change's soft edge
# The difference of the quarter of a picture that changed least. Of 200 pairs of different drawn people none
# stays below, of 200 more before the same wall 5 in 100; of 156 strong changes of one attribute, only light
# goes beyond.
STAYED = 0.04


def unchanged_difference(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """How different even the least changed quarter of a pair is. `[B, 3, H, W]` twice -> `[B]`, 0..2.

    The 25th percentile of mean absolute differences over blocks of 1/32 of the width: what re-encoding
    changes averages out.
    """
    difference = (after - before).abs().mean(dim=1, keepdim=True)  # [B, 1, H, W]
    blocks = F.avg_pool2d(difference, max(1, before.shape[-1] // 32)).flatten(1)
    return blocks.quantile(0.25, dim=1)


def changed_region(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """Where a pair differs. before, after `[1, 3, H, W]` -> bool `[1, 1, H, W]`."""
    difference = (after - before).abs().mean(dim=1, keepdim=True)  # [1, 1, H, W]
    smooth = F.avg_pool2d(difference, 3, stride=1, padding=1, count_include_pad=False)
    reach = max(1, round(WIDEN * before.shape[-1] / 128))
    return F.max_pool2d((smooth > CHANGED).float(), 2 * reach + 1, stride=1, padding=reach) > 0


def pair_quality(
    bundle: Bundle,
    before: torch.Tensor,
    after: torch.Tensor,
    inverted_before: Inversion,
    inverted_after: Inversion,
) -> dict[str, Any]:
    """Numbers and verdict on one pair; plain Python values, so that they go into JSON as they are.

    Keys:
        error_inside, error_outside: mean absolute reconstruction error of both pictures inside and outside
            the changed region, as a share of the full range (0..1); None where there is no such region.
        change_kept: how much of the change the reconstructions show, <made change, real change> / <real,
            real> inside the region; 1 is all of it. None without a region.
        changed_fraction: the region's share of the picture.
        unchanged: how different even the least changed quarter of the picture is, see `unchanged_difference`.
        movement, movement_over_null: length of the code difference in the effect metric, and over the null
            floor.
        errors: [before, after], the reconstruction errors compared with thresholds["out_of_domain"].
        verdict: None, or "out-of-domain" | "same-picture" | "unrelated-pictures"; reason: a sentence for
            people.
    """
    before, after = before.to(bundle.device), after.to(bundle.device)
    region = changed_region(before, after)  # [1, 1, H, W]
    made_before, made_after = inverted_before.images, inverted_after.images
    wrong = ((made_before - before).abs() + (made_after - after).abs()).mean(
        dim=1, keepdim=True
    ) / 4  # [1, 1, H, W]
    real = (after - before) * region
    shown = ((made_after - made_before) * real).sum()
    movement = float(
        effect_metric.norm(
            (inverted_after.codes[0] - inverted_before.codes[0]).cpu().numpy(), bundle.metric_weights
        )
    )
    errors = [float(inverted_before.errors[0]), float(inverted_after.errors[0])]
    unchanged = float(unchanged_difference(before, after))
    verdict, reason = _verdict(bundle, errors, movement, unchanged)
    return {
        "error_inside": float(wrong[region].mean()) if bool(region.any()) else None,
        "error_outside": float(wrong[~region].mean()) if bool((~region).any()) else None,
        "change_kept": float(shown / real.square().sum()) if bool(region.any()) else None,
        "changed_fraction": float(region.float().mean()),
        "unchanged": unchanged,
        "movement": movement,
        "movement_over_null": movement / float(bundle.thresholds["null_floor"]),
        "errors": errors,
        "verdict": verdict,
        "reason": reason,
    }


def _verdict(
    bundle: Bundle, errors: list[float], movement: float, unchanged: float
) -> tuple[str | None, str]:
    """Out-of-domain comes first: a code of a picture that the generator cannot draw proves nothing else."""
    limit = float(bundle.thresholds["out_of_domain"])
    foreign = [name for name, error in zip(("before", "after"), errors, strict=True) if error > limit]
    if foreign:
        pictures = "Neither picture looks" if len(foreign) == 2 else f"The {foreign[0]} picture does not look"
        return "out-of-domain", (
            f"{pictures} like what this generator draws: the reconstruction error is {max(errors):.3f}, "
            f"and the generator's own pictures stay below {limit:.3f}."
        )
    floor = float(bundle.thresholds["null_floor"])
    if movement < floor:
        return "same-picture", (
            f"Before and after are the same picture to this generator: the code moves by {movement:.3f}, "
            f"and saving a picture again moves it by up to {floor:.3f}."
        )
    unrelated = float(bundle.thresholds["unrelated"])
    if movement > unrelated and unchanged > STAYED:
        return "unrelated-pictures", (
            "Before and after are two unrelated pictures: hardly any part stayed as it was, and the code "
            f"moves by {movement:.3f}, as between two people ({unrelated:.3f} and more)."
        )
    return None, ""
