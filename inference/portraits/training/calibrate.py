"""Measure the numbers that a bundle is judged by: layer weights of the effect metric, and three thresholds.

All come from held-out people, through the default inversion, once per bundle:
- null_floor: how far codes of one picture move when it is only encoded again or resized and back (95th
  percentile). A shift by a pixel moves them twice as far as paint on lips does, so it is not among these;
- unrelated: how far codes of two different people are apart, 5th percentile. The strongest honest pairs (the
  whole wall from teal to sage) lie beyond, so the verdict also asks how much of the picture stayed as it was;
- out_of_domain: between the error that honest portraits and crude paste-ups stay below and that of foreign
  pictures.

The shares that fall on the wrong side are kept in the bundle's metadata.

Run on any bundle: `python -m inference.portraits.training.calibrate FOLDER` rewrites its bundle.toml.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter

from inference.bundle import Bundle
from inference.effect_metric import measure_weights, norm
from inference.finders.quality import STAYED, unchanged_difference
from inference.inversion import DEFAULT_STEPS, invert
from inference.portraits import ATTRIBUTES, SCENE_NAMES, region_mask, render_many, render_scene
from inference.portraits.training.data import HELD_OUT_SEED, Scenes, held_out_scenes, to_images

Pictures = npt.NDArray[np.uint8]

_FIRST = 100_000  # held-out people used here; evaluation uses others


def calibrate(bundle: Bundle, people: int = 32, steps: int = DEFAULT_STEPS) -> dict[str, Any]:
    """Measure and set `bundle.metric_weights` and `bundle.thresholds`; returns the facts behind them.

    Other `steps` than the default ones are for a quick look: thresholds belong to one depth of inversion.
    """
    weights = measure_weights(bundle.generator, samples=64)
    bundle.metric_weights = torch.as_tensor(weights, dtype=torch.float32)
    size = bundle.generator.resolution
    scenes = held_out_scenes(people, _FIRST)
    pictures = render_many(scenes, size, 1)
    codes, errors = _inverted(bundle, pictures, steps)
    again = [_inverted(bundle, kind, steps)[0] for kind in same_again(pictures).values()]
    null = np.concatenate([norm(found - codes, weights) for found in again])
    shifts = (1, 2, 3, 4, 5)
    apart = np.concatenate([norm(codes - np.roll(codes, shift, axis=0), weights) for shift in shifts])
    images = to_images(pictures)
    stayed = torch.cat([unchanged_difference(images, images.roll(shift, 0)) for shift in shifts]).numpy()
    before, after = strong_pairs(held_out_scenes(len(ATTRIBUTES), _FIRST + people))
    pair_pictures = render_many(before, size, 1), render_many(after, size, 1)
    (first, first_errors), (second, second_errors) = (_inverted(bundle, p, steps) for p in pair_pictures)
    strong = norm(second - first, weights)
    strong_stayed = unchanged_difference(*(to_images(p) for p in pair_pictures)).numpy()
    pasted = _inverted(bundle, paste_ups(len(ATTRIBUTES)), steps)[1]
    foreign = {
        name: _inverted(bundle, kind, steps)[1]
        for name, kind in foreign_pictures(max(4, people // 4)).items()
    }
    known = np.concatenate([errors, first_errors, second_errors, pasted])
    null_floor = float(np.percentile(null, 95))
    unrelated = float(np.percentile(apart, 5))
    nearest = min(float(np.percentile(kind, 10)) for kind in foreign.values())
    out_of_domain = between(float(np.percentile(known, 99.5)), nearest)
    bundle.thresholds = {"null_floor": null_floor, "unrelated": unrelated, "out_of_domain": out_of_domain}
    weakest = np.argsort(strong)[:3]
    facts = {
        "people": people,
        "inversion_steps": steps,
        "null_median": float(np.median(null)),
        "strong_pair_median": float(np.median(strong)),
        "strong_pair_98": float(np.percentile(strong, 98)),
        "unrelated_1": float(np.percentile(apart, 1)),
        "unrelated_median": float(np.median(apart)),
        "strong_pairs_beyond_unrelated": float((strong > unrelated).mean()),
        "strong_pairs_told_unrelated": float(((strong > unrelated) & (strong_stayed > STAYED)).mean()),
        "unrelated_pairs_not_told": float(((apart <= unrelated) | (stayed <= STAYED)).mean()),
        "strong_pairs_under_null": float((strong < null_floor).mean()),
        "error_median": float(np.median(errors)),
        "error_99": float(np.percentile(errors, 99)),
        "paste_up_error_median": float(np.median(pasted)),
        "paste_up_error_99": float(np.percentile(pasted, 99)),
        "honest_beyond": float((known > out_of_domain).mean()),
        **{f"{name}_error_10": float(np.percentile(kind, 10)) for name, kind in foreign.items()},
        **{f"{name}_within": float((kind <= out_of_domain).mean()) for name, kind in foreign.items()},
    }
    return {
        **{key: round(value, 4) for key, value in facts.items()},
        "weakest_pairs": ", ".join(f"{ATTRIBUTES[i].name} {strong[i]:.3f}" for i in weakest),
        "strongest_pair": f"{ATTRIBUTES[int(strong.argmax())].name} {strong.max():.3f}",
    }


def recalibrated(bundle: Bundle, people: int = 32, steps: int = DEFAULT_STEPS) -> Bundle:
    """The same networks with freshly measured numbers (and so another digest)."""
    facts = calibrate(bundle, people, steps)
    return Bundle(
        name=bundle.name,
        generator=bundle.generator,
        encoder=bundle.encoder,
        perceptual=bundle.perceptual,
        metric_weights=bundle.metric_weights,
        thresholds=bundle.thresholds,
        metadata={**bundle.metadata, "calibration": facts},
        storage=bundle.storage,
    )


def between(low: float, high: float) -> float:
    """A threshold between what must stay below and what should lie beyond: their geometric mean, or `low`
    where they overlap (an honest picture refused is worse than a foreign one let through with its error)."""
    return (low * high) ** 0.5 if high > low else low


def same_again(pictures: Pictures) -> Mapping[str, Pictures]:
    """The same pictures as people send them twice: as good and as poor JPEG, resized and back."""
    return {
        "jpeg_85": np.stack([_jpeg(picture, 85) for picture in pictures]),
        "jpeg_70": np.stack([_jpeg(picture, 70) for picture in pictures]),
        "resized": np.stack([_resized(picture) for picture in pictures]),
    }


def foreign_pictures(count: int, size: int = 128, seed: int = 0) -> Mapping[str, Pictures]:
    """Pictures of other worlds that need no download: noise, textures, gradients, shuffled portraits."""
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    portraits = render_many(held_out_scenes(count, _FIRST + 500_000), size, 1)
    tiles = portraits.reshape(count, 4, size // 4, 4, size // 4, 3).transpose(0, 1, 3, 2, 4, 5)
    order = rng.permuted(np.tile(np.arange(16), (count, 1)), axis=1)
    mixed = np.take_along_axis(tiles.reshape(count, 16, -1), order[:, :, None], 1).reshape(tiles.shape)
    shuffled = mixed.transpose(0, 1, 3, 2, 4, 5).reshape(portraits.shape)
    textures = np.stack([_texture(rng, size) for _ in range(count)])
    scenery = np.stack([_scenery(rng, size) for _ in range(count)])
    return {
        "noise": noise,
        "textures": textures,
        "scenery": scenery,
        "shuffled": shuffled,
        "upside_down": portraits[:, ::-1].copy(),
    }


def paste_ups(count: int, size: int = 128, seed: int = 0) -> Pictures:
    """Crude paste-ups: one attribute's region cut from an edited twin, a little off in place and light."""
    rng = np.random.default_rng(seed)
    results = []
    for i in range(count):
        attribute = ATTRIBUTES[i % len(ATTRIBUTES)].name
        person = HELD_OUT_SEED + _FIRST + 700_000 + i
        scene = held_out_scenes(1, person - HELD_OUT_SEED)[0]
        base = render_scene(scene, size).astype(np.float32)
        edited = scene.copy()
        edited[SCENE_NAMES.index(attribute)] = 1.0
        twin = render_scene(edited, size).astype(np.float32)
        mask = region_mask(attribute, person, size)
        moved = np.roll(twin, rng.integers(-1, 2, 2), axis=(0, 1)) * rng.uniform(0.95, 1.05)
        pasted = np.where(np.roll(mask, rng.integers(-1, 2, 2), axis=(0, 1))[..., None], moved, base)
        results.append(pasted.clip(0, 255).astype(np.uint8))
    return np.stack(results)


def strong_pairs(scenes: Scenes) -> tuple[Scenes, Scenes]:
    """Honest pairs at their strongest: person i with attribute i at 0, and at 1."""
    before, after = scenes.copy(), scenes.copy()
    for i in range(len(scenes)):
        before[i, i % len(ATTRIBUTES)] = 0.0
        after[i, i % len(ATTRIBUTES)] = 1.0
    return before, after


def _inverted(
    bundle: Bundle, pictures: Pictures, steps: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    inversion = invert(bundle, to_images(pictures), steps=steps)
    return inversion.codes.cpu().double().numpy(), inversion.errors.cpu().double().numpy()


def _jpeg(picture: Pictures, quality: int) -> Pictures:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer).convert("RGB"))


def _resized(picture: Pictures) -> Pictures:
    size = picture.shape[0]
    larger = Image.fromarray(picture).resize((size * 3 // 2, size * 3 // 2), Image.Resampling.BICUBIC)
    return np.asarray(larger.resize((size, size), Image.Resampling.LANCZOS))


def _texture(rng: np.random.Generator, size: int) -> Pictures:
    """Coloured noise with a random spectrum, as walls, grass and cloth have."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size))) + 1 / size
    spectrum = np.fft.fft2(rng.standard_normal((3, size, size))) / frequency ** rng.uniform(0.5, 2.0)
    field = np.fft.ifft2(spectrum).real.transpose(1, 2, 0)
    field = (field - field.mean((0, 1))) / field.std((0, 1)) * rng.uniform(20, 60) + rng.uniform(60, 200, 3)
    return np.asarray(field.clip(0, 255), dtype=np.uint8)


def _scenery(rng: np.random.Generator, size: int) -> Pictures:
    """Sky, ground and a few blurred discs: smooth like a photo, but nobody's portrait."""
    y, x = np.mgrid[0:size, 0:size] / size
    picture = np.where((y < rng.uniform(0.3, 0.7))[..., None], rng.uniform(0, 255, 3), rng.uniform(0, 255, 3))
    for _ in range(rng.integers(3, 12)):
        centre, radius = rng.random(2), rng.uniform(0.03, 0.25)
        inside = np.hypot(y - centre[0], x - centre[1]) < radius
        picture = np.where(inside[..., None], rng.uniform(0, 255, 3), picture)
    blurred = Image.fromarray(picture.astype(np.uint8)).filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3)))
    return np.asarray(blurred)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Measure a bundle's numbers again and rewrite its bundle.toml."
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--people", type=int, default=32)
    args = parser.parse_args()
    bundle = recalibrated(Bundle.load(args.bundle), args.people)
    bundle.to("cpu").save(args.bundle)
    print(bundle.thresholds, bundle.metadata["calibration"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
