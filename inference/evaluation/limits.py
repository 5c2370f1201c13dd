"""Where directions stop working: parts of the population, changes that cannot show, two changes at once.

The paper's failures (Li and Jiang 2021, figure 8) as numbers. Results are plain numbers, ready for JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from inference.editing import edit
from inference.evaluation.experiment import FIRST_PAIR, INVERSIONS, Experiment
from inference.evaluation.faces import FIRST_FACE, read
from inference.evaluation.figures import (
    Readings,
    bootstrap,
    edit_share,
    effect,
    over_semantics,
    plain,
)
from inference.finders.decomposition import decompose
from inference.finders.pair import direction_from_codes
from inference.inversion import invert
from inference.portraits import ATTRIBUTES, SCENE_NAMES, render_many, scene
from inference.portraits.training.data import to_images

Array = npt.NDArray[np.float64]

# Who is looked at apart: name -> (the attribute that makes them so, scenes [N, K] -> bool [N]).
SUBPOPULATIONS: Mapping[str, tuple[str, Callable[[Array], npt.NDArray[np.bool_]]]] = {
    "cropped hair": ("hair_length", lambda scenes: _number(scenes, "hair_length") < 0.2),
    "bearded": ("beard", lambda scenes: _number(scenes, "beard") > 0),
    "dark skin": ("skin_tone", lambda scenes: _number(scenes, "skin_tone") > 2 / 3),
    "light skin": ("skin_tone", lambda scenes: _number(scenes, "skin_tone") < 1 / 3),
    "large turn": ("head_turn", lambda scenes: np.abs(_number(scenes, "head_turn") - 0.5) > 0.35),
    "with hat": ("hat", lambda scenes: _number(scenes, "hat") > 0),
    "with glasses": ("glasses", lambda scenes: _number(scenes, "glasses") > 0),
}
_EVERYBODY: tuple[str, Callable[[Array], npt.NDArray[np.bool_]]] = (
    "",
    lambda scenes: np.ones(len(scenes), bool),
)
FEW = 3  # faces of a kind below which a semantic says nothing about them

# Changes that cannot show, or hardly: what is asked, on people who are set so.
INAPPLICABLE: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "earrings under long hair": ("earrings", {"hair_length": 1.0, "hair_volume": 1.0}),
    "hair colour under a hat": ("hair_colour", {"hat": 1.0, "hair_length": 0.0, "beard": 0.0}),
    "lipstick on a wide open mouth": ("lipstick", {"mouth_open": 1.0}),
    "eyes opened behind thick glasses": ("eye_openness", {"glasses": 1.0}),
}
_MIXED = 2  # people for each two changes at once


def _number(scenes: Array, name: str) -> Array:
    values: Array = scenes[:, SCENE_NAMES.index(name)]
    return values


def subpopulations(experiment: Experiment, readings: Mapping[str, Readings]) -> dict[str, Any]:
    """Effect and edit share of one way on parts of the judged faces: means over the semantics that have
    enough such faces (not the semantic that makes the part: all of its faces would be in, or none), how many
    these are, and the worst."""
    results: dict[str, Any] = {}
    drawn = {"resamples": experiment.options.resamples, "seed": experiment.options.seed}
    for name, (cause, belongs) in {"everybody": _EVERYBODY, **SUBPOPULATIONS}.items():
        parts: dict[str, Readings] = {}
        for attribute, found in readings.items():
            if attribute == cause:
                continue
            rows = np.flatnonzero(belongs(experiment.faces(attribute).scenes))
            if len(rows) < min(FEW, len(found.base)):
                continue
            parts[attribute] = found.rows(np.arange(len(found.edited)), rows)
        if parts:
            mean, each = over_semantics(parts, effect, **drawn)
            worst = min(each, key=lambda attribute: each[attribute].value)
            results[name] = {
                "effect": plain(mean),
                "edit_share": plain(over_semantics(parts, edit_share, **drawn)[0]),
                "worst": worst,
                "worst_effect": plain(each[worst]),
                "semantics": len(parts),
                "faces": sum(len(part.base) for part in parts.values()),
            }
    return results


def inapplicable(experiment: Experiment, count: int = 8) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Each case's figures, and its pictures: rows of the people as drawn, truly changed, and edited.

    `shows` is how much of the picture the true change moves, over what the same change moves on other people
    (mean absolute difference); `edited` the same of the edit: near `shows` it did what it could, near 1 it
    painted what cannot be there. `reading` is the change of the judge's reading by the edit.
    """
    size, bundle = experiment.bundle.generator.resolution, experiment.bundle
    figures, pictures = {}, {}
    for name, (attribute, settings) in INAPPLICABLE.items():
        if attribute not in experiment.options.semantics:
            continue
        faces = experiment.faces(attribute)
        usual = float((faces.after - faces.before).abs().mean())
        low, high = _ends(attribute)
        people = range(FIRST_FACE + 50_000, FIRST_FACE + 50_000 + count)
        before, after = (
            to_images(render_many(np.stack([scene({**settings, attribute: v}, p) for p in people]), size, 1))
            for v in (low, high)
        )
        base = invert(bundle, before, experiment.options.steps)
        direction = experiment.averages(attribute, "clean", 10)[0]
        edited = edit(bundle, base.codes, [(direction, 1.0)]).cpu()
        target = SCENE_NAMES.index(attribute)
        moved = read(experiment.judge, edited)[:, target] - read(experiment.judge, base.images)[:, target]
        found = {
            "shows": (after - before).abs().mean((1, 2, 3)).double().numpy() / usual,
            "edited": (edited - base.images.cpu()).abs().mean((1, 2, 3)).double().numpy() / usual,
            "reading": moved,
        }
        figures[name] = {key: _mean(experiment, values) for key, values in found.items()}
        pictures[name] = torch.cat([torch.cat(list(row), 2) for row in (before, after, edited)], 1)
    return figures, pictures


def two_changes(experiment: Experiment, semantics: Sequence[str]) -> dict[str, Any]:
    """Pairs in which two things changed at once, taken apart into ten-pair directions of all `semantics`.

    `both_named`: the share of pairs whose two largest parts are the two that were drawn; `one_named`: whose
    largest part is one of them. Each semantic is mixed with two others.
    """
    bundle, size = experiment.bundle, experiment.bundle.generator.resolution
    known = [experiment.averages(attribute, "clean", 10)[0] for attribute in semantics]
    differences = [direction.step * direction.vector.astype(np.float64) for direction in known]
    drawn: list[tuple[int, int]] = []
    scenes: list[npt.NDArray[np.float32]] = []
    for number in range(len(semantics)):
        for shift in sorted({1, len(semantics) // 2}):
            other = (number + shift) % len(semantics)
            if other == number or (other, number) in drawn:
                continue
            for person in range(_MIXED):
                seed = FIRST_PAIR + 50_000 + 100 * number + 10 * shift + person
                for end in (0, 1):
                    settings = {semantics[k]: _ends(semantics[k])[end] for k in (number, other)}
                    scenes.append(scene(settings, seed))
                drawn.append((number, other))
    images = to_images(render_many(np.stack(scenes), size, 1))
    before, after = images[0::2], images[1::2]
    inversion = experiment.options.inversion
    starts, ends = experiment.inverted(before, after, inversion)
    space = INVERSIONS[inversion][1]
    both, one = [], []
    for i, wanted in enumerate(drawn):
        found = direction_from_codes(
            bundle, starts[i], ends[i], before[i : i + 1], after[i : i + 1], space=space
        )
        parts = decompose(found.difference, differences, bundle.metric_weights.numpy()).parts
        both.append(float(set(parts[:2]) == set(wanted)))
        one.append(float(bool(parts) and parts[0] in wanted))
    named = {
        name: _mean(experiment, np.array(values))
        for name, values in (("both_named", both), ("one_named", one))
    }
    return {"pairs": len(drawn), **named}


def _ends(attribute: str) -> tuple[float, float]:
    chosen = next(one for one in ATTRIBUTES if one.name == attribute)
    return chosen.low, chosen.high


def _mean(experiment: Experiment, values: Array) -> dict[str, float]:
    """The mean of single cases `[n]`, with its interval over these."""
    options = experiment.options
    return plain(bootstrap(np.mean, values, resamples=options.resamples, seed=options.seed))
