"""What a bundle of the drawn world must reach, and whether it did: read off a report's own numbers.

The bars were set before anything was measured and are not moved. A bar whose figures a report lacks (a small
run) is left out, never passed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from inference.evaluation.figures import SMALLER_IS_BETTER
from inference.evaluation.judged import LARGE

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """A figure as a bar reads it; `low` and `high` are its 95 % interval, `worst` is the worst semantic's."""

    value: float
    worst: float | None = None
    semantic: str = ""
    low: float | None = None
    high: float | None = None
    met: bool | None = None  # where it takes more than one number to tell,
    wanted: str = ""  # and what it takes


@dataclass(frozen=True)
class Bar:
    """One row: what is asked, how it is read, and the limits for each way of training (recipe -> limit)."""

    what: str
    read: Callable[[Results], Found]
    limit: Mapping[str, float]
    at_most: bool = False
    floor: Mapping[str, float] | None = None  # for the worst semantic


def bars(results: Results) -> list[dict[str, Any]]:
    """Each bar that the results can answer: what, value, limit, worst, met."""
    recipe = results["bundle"]["trained"]
    rows = []
    for bar in BARS:
        if recipe not in bar.limit:
            continue
        try:
            found = bar.read(results)
        except KeyError:
            continue
        limit = bar.limit[recipe]
        met = found.value <= limit if bar.at_most else found.value >= limit
        met = met if found.met is None else found.met
        row: dict[str, Any] = {
            "what": bar.what,
            "value": round(found.value, 3),
            "wanted": found.wanted or f"{'at most' if bar.at_most else 'at least'} {limit:g}",
        }
        if found.low is not None and found.high is not None:
            row |= {"low": round(found.low, 3), "high": round(found.high, 3)}
        if found.worst is not None:
            row |= {"worst": round(found.worst, 3), "worst_semantic": found.semantic}
        if bar.floor and recipe in bar.floor:
            row["wanted"] += f", none under {bar.floor[recipe]:g}"
            met = met and found.worst is not None and found.worst >= bar.floor[recipe]
        rows.append({**row, "met": met})
    return rows


def _with_interval(found: Any, **more: Any) -> Found:
    """A number of the report, with its interval where it has one."""
    if not isinstance(found, Mapping):
        return Found(float(found), **more)
    return Found(found["value"], low=found.get("low"), high=found.get("high"), **more)


def _figure(way: str, figure: str) -> Callable[[Results], Found]:
    def read(results: Results) -> Found:
        found = results["methods"][way][figure]
        worst = found["worst"]
        return _with_interval(found["mean"], worst=worst["value"], semantic=worst["semantic"])

    return read


def _ratio(first: str, second: str, figure: str) -> Callable[[Results], Found]:
    """Mean of one way over that of another, over the semantics that both have; a smaller ratio is better for
    what an edit changes besides."""

    def read(results: Results) -> Found:
        a, b = (results["methods"][way][figure]["each"] for way in (first, second))
        each = {name: a[name]["value"] / b[name]["value"] for name in a if name in b}
        worst = (max if figure in SMALLER_IS_BETTER else min)(each, key=lambda name: each[name])
        found = results["ratios"][f"{first} / {second}"][figure]
        return _with_interval(found, worst=each[worst], semantic=worst)

    return read


def _against(finders: tuple[str, ...], figure: str, sign: float, labels: str) -> Callable[[Results], Found]:
    """Ten pairs minus the best of these baselines, counted so that more is better."""

    def read(results: Results) -> Found:
        methods = results["methods"]
        ways = [way for way in methods if way.startswith(finders) and labels in way]
        if not ways:
            raise KeyError(labels)
        best = max(ways, key=lambda way: sign * methods[way][figure]["mean"]["value"])
        ours, theirs = (methods[way][figure] for way in ("10 clean", best))
        more = {
            name: sign * (found["value"] - theirs["each"][name]["value"])
            for name, found in ours["each"].items()
        }
        worst = min(more, key=lambda name: more[name])
        ends = [sign * end for end in _difference(results, best, figure)]
        return Found(
            sign * (ours["mean"]["value"] - theirs["mean"]["value"]),
            more[worst],
            worst,
            min(ends),
            max(ends),
        )

    return read


def _difference(results: Results, baseline: str, figure: str) -> tuple[float, float]:
    """The ends of the paired interval of ten pairs minus a baseline."""
    found = results["paired"][f"10 clean − {baseline}"][figure]
    return found["low"], found["high"]


def _clearly_better(finders: tuple[str, ...], labels: str) -> Callable[[Results], Found]:
    """The lowest end of the paired intervals of edit share, ten pairs minus each of these baselines."""

    def read(results: Results) -> Found:
        methods = results["methods"]
        ways = [way for way in methods if way.startswith(finders) and labels in way]
        if not ways:
            raise KeyError(labels)
        lows = [_difference(results, way, "edit_share")[0] for way in ways]
        more = {
            name: found["value"] - max(methods[way]["edit_share"]["each"][name]["value"] for way in ways)
            for name, found in methods["10 clean"]["edit_share"]["each"].items()
        }
        worst = min(more, key=lambda name: more[name])
        return Found(min(lows), more[worst], worst)

    return read


def _joint(results: Results) -> Found:
    """Edit share of joint inversion minus that of the best of two apart (by the platform's steps, by the
    encoder alone, in a hundred steps), one clean pair each. Met with .10 more, or with 30 % less excess
    entanglement, the paired interval off zero and the other figure not worse; known codes: not worse.
    Worse is what the paired interval is off zero for."""
    joint = "1 clean" if results["options"]["inversion"] == "joint" else "1 clean, joint"
    share, excess = (
        {
            name.removeprefix(f"{joint} − "): value[figure]
            for name, value in results["paired"].items()
            if name.startswith(f"{joint} − 1 clean")
        }
        for figure in ("edit_share", "excess_entanglement")
    )
    if not share:
        raise KeyError("joint")
    hardest = min(share, key=lambda name: share[name]["value"])
    apart = results["methods"][hardest]["excess_entanglement"]["mean"]
    more, less = share[hardest], excess[hardest]
    not_worse = more["high"] >= 0 and less["low"] <= 0
    if results["bundle"]["trained"] == "known-codes":
        met, wanted = not_worse, "neither figure clearly worse"
    else:
        wanted = "0.1 more, or 30 % less excess; off zero, the other not clearly worse"
        gained = more["value"] >= 0.10 and more["low"] > 0
        cleaner = less["value"] <= -0.3 * apart["value"] and less["high"] < 0
        met = not_worse and (gained or cleaner)
    return Found(more["value"], low=more["low"], high=more["high"], met=met, wanted=wanted)


def _big(way: str, other: str) -> Callable[[Results], Found]:
    """Mean effect of one way over another's, on semantics that fill 5 % of the picture or more."""

    def read(results: Results) -> Found:
        area = results["area"]
        a, b = (results["methods"][w]["effect"]["each"] for w in (way, other))
        shared = [name for name in a if area[name] >= LARGE]
        if not shared:
            raise KeyError("no semantic is that large")
        ratios = {name: a[name]["value"] / b[name]["value"] for name in shared}
        worst = min(ratios, key=lambda name: ratios[name])
        found = results["ratios"][f"{way} / {other}"]["effect"]
        return _with_interval(found, worst=ratios[worst], semantic=worst)

    return read


def _at(*path: str) -> Callable[[Results], Found]:
    def read(results: Results) -> Found:
        value: Any = results
        for key in path:
            value = value[key]
        return _with_interval(value)

    return read


def _purity(kind: str) -> Callable[[Results], Found]:
    def read(results: Results) -> Found:
        found = results["themselves"][kind]
        worst = found["worst"]["purity"]
        return _with_interval(found["purity"], worst=found["each"][worst]["purity"]["value"], semantic=worst)

    return read


def _superposition(results: Results) -> Found:
    found = results["superposition"]
    return _with_interval(found["kept"], worst=found["kept_worst"]["value"], semantic=found["worst"])


def _worst_closed(results: Results) -> Found:
    closed = results["reconstruction"]["closed"]["inverted"]
    worst = closed["worst"]
    return _with_interval(worst, worst=worst["value"], semantic=closed["worst_attribute"])


def _of_reconstruction(*path: str) -> Callable[[Results], Found]:
    return _at("reconstruction", *path)


def _above_pca(results: Results) -> Found:
    """The whole code's size, which for codes that differ over layers (W+) is that of all layers."""
    sizes = results["reconstruction"]["pca"]
    return _with_interval(sizes.get("W+", sizes["W"])["gap"])


def _variance_ratio(results: Results) -> Found:
    """Met between .5 and 1.2: neither blurred nor bought with grain."""
    found = results["reconstruction"]["encoder"]["laplacian_variance_ratio"]
    return _with_interval(found, met=0.5 <= found["value"] <= 1.2, wanted="0.5 to 1.2")


def _same(limit: float) -> dict[str, float]:
    return {"label-free": limit, "known-codes": limit}


def _each(label_free: float, known_codes: float) -> dict[str, float]:
    return {"label-free": label_free, "known-codes": known_codes}


_SUPERVISED = ("mean-difference", "interfacegan")
_UNSUPERVISED = ("ganspace", "sefa")

BARS: tuple[Bar, ...] = (
    Bar(
        "edit share, ten clean pairs",
        _figure("10 clean", "edit_share"),
        _each(0.75, 0.90),
        floor=_each(0.35, 0.65),
    ),
    Bar(
        "effect, ten clean pairs",
        _figure("10 clean", "effect"),
        _each(0.70, 0.85),
        floor={"known-codes": 0.6},
    ),
    Bar(
        "ten pairs' excess entanglement over one pair's",
        _ratio("10 clean", "1 clean", "excess_entanglement"),
        _same(0.6),
        at_most=True,
    ),
    Bar(
        "joint inversion, one clean pair: edit share above the best of two apart, or excess 30 % below",
        _joint,
        _each(0.10, 0.0),
    ),
    Bar(
        "ten pairs' effect above the better supervised baseline with 2,000 labels",
        _against(_SUPERVISED, "effect", 1, "2000 labels"),
        _same(-0.02),
    ),
    Bar(
        "ten pairs' excess below the better supervised baseline's with 2,000 labels",
        _against(_SUPERVISED, "excess_entanglement", -1, "2000 labels"),
        _same(-0.01),
    ),
    Bar(
        "ten pairs' edit share above baselines with 20 labels (low end of the interval)",
        _clearly_better(_SUPERVISED, "20 labels"),
        _same(0.0),
    ),
    Bar(
        "ten pairs' edit share above the best of 50 GANSpace and SeFa components (low end of the interval)",
        _clearly_better(_UNSUPERVISED, "best of"),
        _same(0.0),
    ),
    Bar(
        "ten crude pairs' effect over clean ones'",
        _ratio("10 crude", "10 clean", "effect"),
        _each(0.70, 0.80),
    ),
    Bar(
        "ten crude pairs' excess over clean ones'",
        _ratio("10 crude", "10 clean", "excess_entanglement"),
        _same(2.0),
        at_most=True,
    ),
    Bar(
        "thirty two-photo pairs' effect over clean ones' (semantics that fill 5 % of the picture)",
        _big("30 two photos", "30 clean"),
        _each(0.60, 0.75),
    ),
    Bar("purity of clean pairs", _purity("clean"), _each(0.97, 0.99)),
    Bar("purity of crude pairs", _purity("crude"), _each(0.90, 0.95)),
    Bar("share of each single effect that two at once keep", _superposition, _each(0.85, 0.95)),
    Bar(
        "re-inverting a re-encoded picture moves the code, in median steps",
        _of_reconstruction("null_floor", "share"),
        _same(0.2),
        at_most=True,
    ),
    Bar("PSNR in dB, encoder only", _of_reconstruction("encoder", "psnr"), _same(28)),
    Bar("dB above PCA of as many numbers as the encoder's code has", _above_pca, _same(3)),
    Bar("PSNR in dB, 100 steps in W+", _of_reconstruction("optimised", "psnr"), _same(31)),
    Bar(
        "correlation of fine detail with the original's",
        _of_reconstruction("encoder", "laplacian_correlation"),
        _same(0.6),
    ),
    Bar("variance of fine detail over the original's", _variance_ratio, _same(0.5)),
    Bar(
        "samples' sliced Wasserstein distance over real ones', worst level",
        _of_reconstruction("samples", "worst"),
        _same(2),
        at_most=True,
    ),
    Bar("share that a face's own inverted change closes, worst semantic", _worst_closed, _same(0.5)),
)
