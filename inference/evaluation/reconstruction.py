"""How good a bundle's pictures are: what is reconstructed of people it has never seen, and what it samples.

`python -m inference evaluate-reconstruction --bundle NAME` prints the figures that docs/portraits.md states.
Reconstructions are judged on held-out people of the balanced population, samples against the population that
the generator was trained on. Directions are judged elsewhere (evidence.py); nothing here trains or tunes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from inference.bundle import Bundle
from inference.editing import synthesise
from inference.errors import OptionError
from inference.evaluation.figures import bootstrap, plain
from inference.evaluation.judged import JUDGED
from inference.evaluation.own_changes import (
    Inverted,
    closed,
    inverted_faces,
    kept,
    null_floor,
)
from inference.evaluation.picture_statistics import detail, sample_distances
from inference.evaluation.principal import principal_components
from inference.inversion import DEFAULT_STEPS, Inversion, invert
from inference.portraits import render_many
from inference.portraits.training import losses
from inference.portraits.training.data import SAMPLERS, held_out_scenes, to_images
from inference.portraits.training.recipes import RECIPES

Array = npt.NDArray[np.float64]
Pictures = npt.NDArray[np.uint8]
Report = Callable[[str], None]

FIRST = 300_000  # held-out people used here; calibration uses others
FIRST_SAMPLE = 900_000  # of the population and of samples: a stream of its own
FIRST_CORRELATED = 302_000  # held-out people of the correlated population, beside the balanced ones
_AT_ONCE = 16


@dataclass(frozen=True)
class Amounts:
    """How much is measured.

    Raises OptionError for amounts that say nothing.
    """

    people: int = 1000
    optimised: int = 64  # of the people, in a hundred steps, which take a second each; evidence has all
    optimised_steps: int = 100
    pca_pictures: int = 10_000  # for as many components as the code of one layer has numbers
    pca_plus_pictures: int = 4_000  # for as many as all layers have; 0 leaves it out
    samples: int = 2000  # in each of three sets; at most half of pca_pictures
    patches: int = 128  # of each picture at each level, and lines they are laid on
    projections: int = 256
    sample_draws: int = 5  # of all of that: samples, the two real sets, patches and lines
    faces: int = 32  # for each of the fourteen, encoder only
    stepped_faces: int = 8  # with `steps`, where no inverted ones are handed over
    steps: int = DEFAULT_STEPS
    kept_people: int = 12
    resamples: int = 400
    seed: int = 0
    workers: int = 1  # processes that draw

    def __post_init__(self) -> None:
        least = {"people": 2, "optimised": 0, "pca_pictures": 4, "pca_plus_pictures": 0, "samples": 2}
        least |= {"patches": 1, "projections": 1, "faces": 1, "stepped_faces": 1, "kept_people": 1}
        least |= {"workers": 1, "sample_draws": 1}
        short = {name: getattr(self, name) for name in least if getattr(self, name) < least[name]}
        if short or self.optimised > self.people:
            raise OptionError(
                ", ".join(f"{name}={value}" for name, value in short.items())
                or f"optimised={self.optimised} of people={self.people}",
                "at least "
                + ", ".join(f"{name}={wanted}" for name, wanted in least.items())
                + ", and no more optimised than people",
                code="option:amounts",
            )


def reconstruction_report(
    bundle: Bundle,
    amounts: Amounts = Amounts(),
    *,
    population: str | None = None,
    pictures: Pictures | None = None,
    faces: Mapping[str, Inverted] | None = None,
    sheet: Path | None = None,
    report: Report = lambda text: None,
) -> dict[str, Any]:
    """Every figure, as plain numbers; intervals are 95 % bootstrap over portraits.

    Args:
        population: whose pictures the generator was trained on, a name of data.SAMPLERS; by default that of
            the recipe which makes bundles of this name.
        pictures: uint8 [N, H, W, 3] of that population, where there are some already; else they are drawn.
        faces: the judged attributes' held-out faces, inverted with `amounts.steps`, where an experiment has
            them already.
        sheet: writes originals, reconstructions and optimised ones of the first sixteen people there.
    """
    started = time.monotonic()
    source = population_of(bundle) if population is None else population
    if source not in SAMPLERS:
        raise OptionError(
            f"the population {source!r}", f"one of {', '.join(SAMPLERS)}", code="option:population"
        )
    size = bundle.generator.resolution
    report(f"drawing {amounts.people} held-out people")
    images = to_images(render_many(held_out_scenes(amounts.people, FIRST), size, amounts.workers))
    report("encoder only")
    codes = encoded(bundle, images)
    made = synthesise(bundle, codes).cpu()
    quality = _psnr(made, images)
    results: dict[str, Any] = {
        "amounts": asdict(amounts),
        "population": source,
        "encoder": {
            "people": amounts.people,
            **quality_of(made, images, amounts),
            "psnr_5th_percentile": _interval(partial(np.percentile, q=5), quality, amounts),
            "l1": _interval(np.mean, ((made - images).abs().mean((1, 2, 3)) / 2).double().numpy(), amounts),
            "lpips": _interval(np.mean, _distance(bundle, made, images).double().numpy(), amounts),
        },
    }
    report("the correlated population")
    results["correlated"] = _of_the_correlated(bundle, amounts)
    if amounts.optimised:
        report(f"{amounts.optimised_steps} steps on {amounts.optimised}")
        few = images[: amounts.optimised]
        inversion = invert(bundle, few, steps=amounts.optimised_steps)
        results["optimised"] = optimised(inversion, few, quality[: amounts.optimised], amounts)
        if sheet:
            contact_sheet(sheet, images[:16], made[:16], inversion.images[:16].cpu())
    if pictures is None:
        report(f"drawing {amounts.pca_pictures} people of the {source} population")
        rng = np.random.default_rng([amounts.seed, FIRST_SAMPLE])
        pictures = render_many(SAMPLERS[source](rng, amounts.pca_pictures), size, amounts.workers)
    report("principal components")
    results["pca"] = against_pca(images, quality, pictures, code_sizes(codes), amounts)
    report("samples")
    results["samples"] = samples(bundle, pictures, amounts)
    report("the fourteen's own changes")
    only = {name: inverted_faces(bundle, name, amounts.faces, 0) for name in JUDGED}
    if faces is None:
        faces = {name: inverted_faces(bundle, name, amounts.stepped_faces, amounts.steps) for name in JUDGED}
    intervals = {"resamples": amounts.resamples, "seed": amounts.seed}
    results["closed"] = {"encoder": closed(only, **intervals), "inverted": closed(faces, **intervals)}
    results["null_floor"] = null_floor(bundle, faces, amounts.steps)
    report("what each attribute keeps")
    each = kept(bundle, reconstruct, amounts.kept_people, **intervals)
    worst = min(each, key=lambda name: each[name]["kept"]["value"])
    results["kept"] = {"each": each, "worst_attribute": worst}
    results["seconds"] = round(time.monotonic() - started, 1)
    return results


def _of_the_correlated(bundle: Bundle, amounts: Amounts) -> dict[str, Any]:
    """The encoder's figures on as many held-out people of the population in which attributes go together."""
    rng = np.random.default_rng([amounts.seed, FIRST_CORRELATED])
    scenes = SAMPLERS["correlated"](rng, amounts.people)
    images = to_images(render_many(scenes, bundle.generator.resolution, amounts.workers))
    return {
        "people": amounts.people,
        **quality_of(reconstruct(bundle, images), images, amounts),
    }


def quality_of(made: Tensor, true: Tensor, amounts: Amounts) -> dict[str, dict[str, float]]:
    """Mean PSNR, median correlation and median variance ratio of detail; images [N, 3, H, W]."""
    correlation, ratio = (values.numpy() for values in detail(made, true))
    figures: dict[str, tuple[Callable[..., Any], Array]] = {
        "psnr": (np.mean, _psnr(made, true)),
        "laplacian_correlation": (np.median, correlation),
        "laplacian_variance_ratio": (np.median, ratio),
    }
    return {name: _interval(how, values, amounts) for name, (how, values) in figures.items()}


def optimised(inversion: Inversion, images: Tensor, encoder_psnr: Array, amounts: Amounts) -> dict[str, Any]:
    """What the steps add on images [N, 3, H, W] whose encoder-only PSNR is known, [N] in dB."""
    made = inversion.images.cpu()
    return {
        "people": len(images),
        "steps": amounts.optimised_steps,
        "steps_taken": round(float(inversion.steps.float().mean()), 1),
        **quality_of(made, images, amounts),
        "encoder_psnr": _interval(np.mean, encoder_psnr, amounts),
        "gain": _interval(np.mean, _psnr(made, images) - encoder_psnr, amounts),
    }


def code_sizes(codes: Tensor) -> dict[str, int]:
    """How many numbers the encoder's codes [N, L, D] have: one layer's, and all layers' where they differ."""
    same = bool((codes == codes[:, :1]).all())
    return {"W": codes.shape[2]} | ({} if same else {"W+": codes.shape[1] * codes.shape[2]})


def against_pca(
    images: Tensor, encoder_psnr: Array, pictures: Pictures, sizes: Mapping[str, int], amounts: Amounts
) -> dict[str, Any]:
    """PSNR of principal components of `pictures`, as many as a code has numbers, on the same portraits.

    `gap` is the encoder's PSNR minus theirs, paired. `components` is the size, or what can be fitted of it.
    """
    results = {}
    for space, size in sizes.items():
        used = pictures if space == "W" else pictures[: amounts.pca_plus_pictures]
        if not len(used):
            continue
        count = min(size, len(used) - 1)
        components = principal_components(used, count, amounts.seed)
        parts = [
            _psnr(components.reconstruct(part, count), part) for part in torch.split(images, 8 * _AT_ONCE)
        ]
        psnr = np.concatenate(parts)
        results[space] = {
            "numbers": size,
            "components": count,
            "pictures": len(used),
            "psnr": _interval(np.mean, psnr, amounts),
            "gap": _interval(np.mean, encoder_psnr - psnr, amounts),
        }
    return results


def samples(bundle: Bundle, pictures: Pictures, amounts: Amounts) -> dict[str, Any]:
    """Sliced Wasserstein distances of G(z) to real pictures uint8 [N, H, W, 3], relative to real to real.

    Means over `sample_draws` of everything that is drawn (with the two real sets, out of `pictures`), with
    the interval of that mean over these draws.
    """
    count = min(amounts.samples, len(pictures) // 2)
    draws = []
    for number in range(amounts.sample_draws):
        seed = amounts.seed + number
        source = torch.Generator().manual_seed(FIRST_SAMPLE + seed)
        z = torch.randn(count, bundle.generator.z_dim, generator=source)
        with torch.no_grad():
            made = [
                synthesise(bundle, bundle.generator.mapping(part.to(bundle.device))).cpu()
                for part in torch.split(z, _AT_ONCE)
            ]
        order = np.random.default_rng([seed, FIRST_SAMPLE]).permutation(len(pictures))
        real = to_images(pictures[order[:count]]), to_images(pictures[order[count : 2 * count]])
        draws.append(
            sample_distances(
                torch.cat(made), real, per_image=amounts.patches, projections=amounts.projections, seed=seed
            )
        )
    levels = {
        str(size): {
            name: _interval(np.mean, np.array([draw[size][name] for draw in draws]), amounts)
            for name in found
        }
        for size, found in draws[0].items()
    }
    worst = max(levels, key=lambda size: levels[size]["ratio"]["value"])
    return {
        "pictures": count,
        "draws": len(draws),
        "levels": levels,
        "worst": levels[worst]["ratio"],
        "worst_level": int(worst),
    }


def population_of(bundle: Bundle) -> str:
    """The population that the recipe of this bundle trains on; older ones tell it by their name only."""
    for recipe in RECIPES.values():
        if bundle.metadata.get("recipe") == recipe.name or recipe.bundle_name == bundle.name:
            return recipe.sampler
    raise OptionError(
        f"the bundle {bundle.name!r}, which no recipe makes",
        f"the population it was trained on, one of {', '.join(SAMPLERS)}",
        "say which (--population NAME), or let `evaluate` leave pictures out (--people 0)",
        code="option:population",
    )


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
def encoded(bundle: Bundle, images: Tensor) -> Tensor:
    """images [B, 3, H, W] -> the encoder's codes [B, L, D], on the bundle's device."""
    return torch.cat([bundle.encoder(part.to(bundle.device)) for part in torch.split(images, _AT_ONCE)])


def reconstruct(bundle: Bundle, images: Tensor) -> Tensor:
    """images [B, 3, H, W] through encoder and generator, clamped, on the cpu."""
    return synthesise(bundle, encoded(bundle, images)).cpu()


@torch.no_grad()
def _distance(bundle: Bundle, a: Tensor, b: Tensor) -> Tensor:
    pairs = zip(torch.split(a, _AT_ONCE), torch.split(b, _AT_ONCE), strict=True)
    return torch.cat([bundle.perceptual(x.to(bundle.device), y.to(bundle.device)).cpu() for x, y in pairs])


def _psnr(made: Tensor, true: Tensor) -> Array:
    return losses.psnr(made, true).double().numpy()


def _interval(statistic: Callable[..., Any], values: Array, amounts: Amounts) -> dict[str, float]:
    found = bootstrap(statistic, values, resamples=amounts.resamples, seed=amounts.seed)
    return plain(found)
