"""Which ways of finding directions are compared, and their figures with intervals.

Results are plain numbers, ready for JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from inference.averaging import DEFAULT_METHOD
from inference.editing import Movable
from inference.evaluation.baselines import GROUPED, SUPERVISED, UNSUPERVISED, most_components
from inference.evaluation.experiment import Experiment, Options
from inference.evaluation.figures import (
    FIGURES,
    SMALLER_IS_BETTER,
    Readings,
    over_semantics,
    paired_difference,
    paired_ratio,
    plain,
)
from inference.evaluation.judged import LARGE
from inference.evaluation.pair_kinds import KINDS

AVERAGES = ("mean", "raw", "geometric-median")  # beside the default

# One way over another in a figure: of their means over the semantics, or (True) the mean of each one's ratio.
RATIOS = (
    ("10 clean", "1 clean", "excess_entanglement", False),
    ("10 crude", "10 clean", "effect", False),
    ("10 crude", "10 clean", "excess_entanglement", False),
    ("30 two photos", "30 clean", "effect", True),
)

Find = Callable[[str], Sequence[Movable]]


def ways_to_find(experiment: Experiment) -> dict[str, tuple[Find, tuple[str, ...]]]:
    """Ways to find directions: name -> (find, the semantics that it can be asked for)."""
    options, semantics = experiment.options, experiment.options.semantics

    def of(
        kind: str, size: int, inversion: str = options.inversion, method: str = DEFAULT_METHOD
    ) -> tuple[Find, tuple[str, ...]]:
        able = tuple(name for name in semantics if name in KINDS[kind])
        return lambda attribute: experiment.averages(attribute, kind, size, inversion, method), able

    ways = {f"{size} clean": of("clean", size) for size in (1, 3, 10, 30) if size <= options.pairs}
    ways |= {f"{size} crude": of("crude", size) for size in (1, 10) if size <= options.pairs}
    if options.pairs >= 10:
        ways |= {"10 painted": of("painted", 10), "10 two photos": of("two_photos", 10)}
        ways |= {f"10 clean, {method}": of("clean", 10, method=method) for method in AVERAGES}
    if options.pairs >= 30:
        find, able = of("two_photos", 30)
        # what fills little of the picture is lost between two photos of a person; ten pairs tell that
        ways["30 two photos"] = find, tuple(name for name in able if experiment.area(name) >= LARGE)

    for inversion in options.inversions:
        for size in (1, 10):
            if size <= options.pairs:
                ways[f"{size} clean, {inversion}"] = of("clean", size, inversion)
    if options.many:
        # a hundred inversions a semantic are hours; by the encoder alone they are a minute
        ways[f"{options.many} clean, encoder only"] = of("clean", options.many, "encoder only")

    def supervised(finder: str, labels: int, variant: str) -> Find:
        return lambda name: experiment.baselines.supervised(
            finder, name, labels, experiment.faces(name), variant
        )

    def unsupervised(finder: str, variant: str) -> Find:
        return lambda name: experiment.baselines.unsupervised(finder, name, experiment.faces(name), variant)

    many = min(2000, options.samples // 6 * 2)
    for labels in (many, 20):
        for finder in SUPERVISED:
            for variant in experiment.baselines.variants(finder, labels):
                name = f"{_varied(finder, variant)}, {labels} labels"
                ways[name] = supervised(finder, labels, variant), semantics
    count = most_components(experiment.bundle, options.samples)
    for finder in UNSUPERVISED:
        for variant in ("", GROUPED):
            name = f"{_varied(finder, variant)}, best of {count}"
            ways[name] = unsupervised(finder, variant), semantics
    return {name: way for name, way in ways.items() if way[1]}


def _varied(finder: str, variant: str) -> str:
    return f"{finder}, {variant}" if variant else finder


def figures_of(readings: Mapping[str, Readings], options: Options) -> dict[str, Any]:
    """Every figure's mean over semantics, worst semantic and single values, with intervals."""
    results = {}
    for name, figure in FIGURES.items():
        mean, each = over_semantics(readings, figure, resamples=options.resamples, seed=options.seed)
        worst = (max if name in SMALLER_IS_BETTER else min)(each, key=lambda k: each[k].value)
        results[name] = {
            "mean": plain(mean),
            "worst": {"semantic": worst, **plain(each[worst])},
            "each": {semantic: plain(interval) for semantic, interval in each.items()},
        }
    return results


def paired(found: Mapping[str, Mapping[str, Readings]], options: Options) -> dict[str, Any]:
    """Differences of two ways on the same faces and draws of pairs: "first − second" -> figures."""
    results = {}
    for first, second in _compared(list(found), options):
        shared = {name: readings for name, readings in found[first].items() if name in found[second]}
        results[f"{first} − {second}"] = {
            figure: plain(
                paired_difference(
                    shared, found[second], FIGURES[figure], resamples=options.resamples, seed=options.seed
                )
            )
            for figure in ("edit_share", "effect", "excess_entanglement", "leakage")
        }
    return results


def ratios(found: Mapping[str, Mapping[str, Readings]], options: Options) -> dict[str, Any]:
    """RATIOS, over the semantics that both ways have: "first / second" -> figure -> interval."""
    results: dict[str, Any] = {}
    for first, second, figure, of_each in RATIOS:
        shared = [name for name in found.get(first, ()) if name in found.get(second, ())]
        if shared:
            ratio = paired_ratio(
                {name: found[first][name] for name in shared},
                found[second],
                FIGURES[figure],
                of_each=of_each,
                resamples=options.resamples,
                seed=options.seed,
            )
            results.setdefault(f"{first} / {second}", {})[figure] = plain(ratio)
    return results


def _compared(names: Sequence[str], options: Options) -> list[tuple[str, str]]:
    """Every other inversion against the default one, joint ones (the default, too) against each of two apart,
    and ten pairs against fewer, other kinds and the baselines."""
    pairs = []
    for size in ("1 clean", "10 clean"):
        others = [f"{size}, {inversion}" for inversion in options.inversions]
        joint_default = options.inversion == "joint"
        pairs += [(size, o) if joint_default and "joint" not in o else (o, size) for o in others]
        pairs += [(f"{size}, {method}", size) for method in AVERAGES]
        joint = [other for other in others if "joint" in other]
        pairs += [(a, b) for a in joint for b in others if b not in joint]
    rest = [name for name in names if "clean," not in name and name != "10 clean"]
    pairs += [(name, "10 clean") if name == "10 crude" else ("10 clean", name) for name in rest]
    return [(first, second) for first, second in pairs if first in names and second in names]
