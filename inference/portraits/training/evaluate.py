"""How good a bundle is on people it has never seen: reconstruction, and what each attribute keeps of itself.

`python -m inference.portraits.training.evaluate FOLDER [--sheet out.png]` prints the figures that
docs/portraits.md states. It judges reconstructions only; directions are judged elsewhere.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from inference.bundle import Bundle
from inference.inversion import invert
from inference.portraits import ATTRIBUTES, render_many
from inference.portraits.training import losses
from inference.portraits.training.data import held_out_scenes, to_images

_FIRST = 300_000  # held-out people used here; calibration uses others


def evaluate(
    bundle: Bundle, people: int = 500, optimised: int = 64, steps: int = 100, sheet: Path | None = None
) -> dict[str, Any]:
    """Figures on held-out portraits: encoder-only on `people`, after `steps` on `optimised` of them.

    `sheet` also writes a contact sheet of the first ones.
    """
    size = bundle.generator.resolution
    pictures = render_many(held_out_scenes(people, _FIRST), size, 1)
    images = to_images(pictures)
    encoded = reconstruct(bundle, images)
    quality = losses.psnr(encoded, images)
    facts: dict[str, Any] = {
        "people": people,
        "encoder_psnr": _number(quality.mean()),
        "encoder_psnr_5th_percentile": _number(quality.quantile(0.05)),
        "encoder_l1": _number((encoded.clamp(-1, 1) - images).abs().mean() / 2, 4),
        "encoder_lpips": _number(_distance(bundle, encoded, images).mean(), 4),
    }
    if optimised:
        with tqdm(desc=f"{steps} steps on {optimised}", total=1) as bar:
            inversion = invert(bundle, images[:optimised], steps=steps, progress=_into(bar))
        if sheet:
            contact_sheet(sheet, images[:16], encoded[:16], inversion.images[:16].cpu())
        facts |= {
            "optimised": optimised,
            "steps": steps,
            "steps_taken": _number(inversion.steps.float().mean(), 1),
            "optimised_psnr": _number(losses.psnr(inversion.images.cpu(), images[:optimised]).mean()),
            "optimised_encoder_psnr": _number(quality[:optimised].mean()),
        }
    facts["attributes"] = attributes(bundle)
    worst = min(facts["attributes"], key=lambda name: facts["attributes"][name]["kept"])
    facts["worst_attribute"] = worst
    return facts


def attributes(bundle: Bundle, people: int = 12) -> dict[str, dict[str, float]]:
    """For each attribute, from 0 to 1 on `people` held-out people, encoder only, inside its own region.

    `error` is the root mean squared error of the reconstruction there (0..255), `change` that of the change
    itself, and `kept` the share of the true change that the reconstructed pair shows: its projection on it.
    """
    size = bundle.generator.resolution
    results = {}
    for k, attribute in enumerate(ATTRIBUTES):
        before, after = held_out_scenes(people, _FIRST + 1000), held_out_scenes(people, _FIRST + 1000)
        before[:, k], after[:, k] = 0.0, 1.0
        true = [to_images(render_many(scenes, size, 1)) for scenes in (before, after)]
        made = [reconstruct(bundle, images).clamp(-1, 1) for images in true]
        change = true[1] - true[0]  # [N, 3, H, W]
        region = (change.abs().amax(1, keepdim=True) > 8 / 127.5).float()  # as region_mask, on this person
        shown = (made[1] - made[0]) * region
        kept = (shown * change).sum() / (change.square() * region).sum().clamp(min=1e-6)
        error = ((made[1] - true[1]).square() * region).sum() / (3 * region.sum()).clamp(min=1)
        moved = (change.square() * region).sum() / (3 * region.sum()).clamp(min=1)
        results[attribute.name] = {
            "error": _number(error.sqrt() * 127.5, 1),
            "change": _number(moved.sqrt() * 127.5, 1),
            "kept": _number(kept),
            "region": _number(region.mean(), 3),
        }
    return results


def contact_sheet(path: Path, *batches: Tensor, columns: int = 8) -> None:
    """Rows of pictures [N, 3, H, W], one below the other: the originals, then each batch made from them."""
    rows = [
        torch.cat(list(batch[i : i + columns]), 2)
        for i in range(0, len(batches[0]), columns)
        for batch in batches
    ]
    sheet = (torch.cat(rows, 1).clamp(-1, 1) + 1) * 127.5
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.round().byte().permute(1, 2, 0).numpy()).save(path, optimize=True)


@torch.no_grad()
def reconstruct(bundle: Bundle, images: Tensor) -> Tensor:
    """images [B, 3, H, W] through encoder and generator, on the cpu."""
    parts = [
        bundle.generator.synthesis(bundle.encoder(part.to(bundle.device))).cpu()
        for part in torch.split(images, 16)
    ]
    return torch.cat(parts)


@torch.no_grad()
def _distance(bundle: Bundle, a: Tensor, b: Tensor) -> Tensor:
    pairs = zip(torch.split(a, 16), torch.split(b, 16), strict=True)
    return torch.cat([bundle.perceptual(x.to(bundle.device), y.to(bundle.device)).cpu() for x, y in pairs])


def _number(value: Tensor, digits: int = 3) -> float:
    return round(float(value), digits)


def _into(bar: Any) -> Callable[[int, int], None]:
    def report(step: int, total: int) -> None:
        bar.total = total
        bar.update(step - bar.n)

    return report


def main() -> int:
    parser = argparse.ArgumentParser(description="Held-out figures of a bundle.")
    parser.add_argument("bundle", help="a bundle's folder, or its name (portraits)")
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--optimised", type=int, default=64, help="0 leaves the optimisation out")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet (PNG) of optimised ones")
    args = parser.parse_args()
    bundle = Bundle.load(args.bundle)
    print(json.dumps(evaluate(bundle, args.people, args.optimised, sheet=args.sheet), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
