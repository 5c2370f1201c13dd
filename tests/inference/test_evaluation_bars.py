"""A bar is met by the numbers alone, and one that a report cannot answer is left out."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from inference.evaluation.bars import bars
from inference.evaluation.experiment import Options
from inference.evaluation.ways import _compared


def _figure(value: float, worst: float | None = None) -> dict[str, Any]:
    interval = {"value": value, "low": value - 0.01, "high": value + 0.01}
    low = {**interval, "value": value if worst is None else worst}
    return {
        "mean": interval,
        "worst": {"semantic": "hat", **low},
        "each": {"hat": low, "smile": {**interval, "value": 2 * value - low["value"]}},
    }


def _way(share: float, worst: float, effect: float, excess: float) -> dict[str, Any]:
    return {
        "edit_share": _figure(share, worst),
        "effect": _figure(effect),
        "excess_entanglement": _figure(excess),
    }


RESULTS: dict[str, Any] = {
    "bundle": {"trained": "label-free"},
    "options": {"inversion": "apart"},
    "area": {"hat": 0.2, "smile": 0.01},
    "methods": {
        "1 clean": _way(0.6, 0.4, 0.7, 0.2),
        "10 clean": _way(0.8, 0.5, 0.8, 0.1),
        "30 clean": _way(0.8, 0.5, 0.8, 0.1),
        "30 two photos": _way(0.8, 0.5, 0.4, 0.1),
        "interfacegan, 2000 labels": _way(0.7, 0.4, 0.83, 0.1),
    },
    "paired": {
        "1 clean, joint − 1 clean": {
            "edit_share": {"value": 0.12, "low": 0.02, "high": 0.2},
            "excess_entanglement": {"value": 0.0, "low": -0.01, "high": 0.01},
        },
        "10 clean − interfacegan, 2000 labels": {
            "effect": {"value": -0.03, "low": -0.05, "high": -0.01},
            "excess_entanglement": {"value": 0.0, "low": -0.02, "high": 0.01},
        },
    },
    "ratios": {
        "10 clean / 1 clean": {"excess_entanglement": {"value": 0.5, "low": 0.4, "high": 0.6}},
        "30 two photos / 30 clean": {"effect": {"value": 0.5, "low": 0.4, "high": 0.6}},
    },
}


def _met(results: dict[str, Any]) -> dict[str, bool]:
    return {bar["what"]: bar["met"] for bar in bars(results)}


def _found(results: dict[str, Any], words: str) -> bool:
    (met,) = (met for what, met in _met(results).items() if words in what)
    return met


def test_bars_are_read_off_the_numbers() -> None:
    assert _found(RESULTS, "edit share, ten clean")
    assert _found(RESULTS, "excess entanglement over one pair's")
    assert _found(RESULTS, "joint inversion")
    assert not _found(RESULTS, "two-photo")  # .4 of .8, of the only semantic that is large
    assert not _found(RESULTS, "effect above the better supervised")  # .03 below


def test_a_bar_has_its_interval_and_its_worst_semantic() -> None:
    rows = {bar["what"]: bar for bar in bars(RESULTS)}
    share = rows["edit share, ten clean pairs"]
    assert (share["low"], share["value"], share["high"]) == (0.79, 0.8, 0.81)
    assert (share["worst_semantic"], share["worst"]) == ("hat", 0.5)
    photos = next(bar for what, bar in rows.items() if "two-photo" in what)
    assert (photos["low"], photos["value"], photos["high"]) == (0.4, 0.5, 0.6)
    against = {what: bar for what, bar in rows.items() if "2,000 labels" in what}
    assert [(bar["value"], bar["low"], bar["high"]) for bar in against.values()] == [
        (-0.03, -0.05, -0.01),
        (0.0, -0.01, 0.02),  # less excess is better: the interval is turned around, too
    ]


def test_a_ratio_is_of_the_same_faces() -> None:
    assert _found(RESULTS, "excess entanglement over one pair's")
    high = deepcopy(RESULTS)
    high["ratios"]["10 clean / 1 clean"]["excess_entanglement"]["value"] = 0.61
    assert not _found(high, "excess entanglement over one pair's")


def test_the_worst_semantic_can_fail_a_bar() -> None:
    low = deepcopy(RESULTS)
    low["methods"]["10 clean"]["edit_share"] = _figure(0.8, 0.3)
    assert not _found(low, "edit share, ten clean")


@pytest.mark.parametrize(
    "change",
    [
        {"edit_share": {"value": 0.12, "low": -0.01, "high": 0.3}},  # the interval holds zero
        {"excess_entanglement": {"value": 0.05, "low": 0.02, "high": 0.08}},  # the other figure is worse
    ],
)
def test_joint_inversion_must_gain_beyond_chance_and_cost_nothing_else(change: dict[str, Any]) -> None:
    results = deepcopy(RESULTS)
    results["paired"]["1 clean, joint − 1 clean"] |= change
    assert not _found(results, "joint inversion")


def test_joint_inversion_is_held_to_its_bar_as_the_default_too() -> None:
    options = Options(inversion="joint", inversions=("apart", "encoder only"))
    wanted = ("1 clean", "1 clean, apart"), ("1 clean", "1 clean, encoder only")
    assert set(wanted) <= set(_compared([name for both in wanted for name in both], options))
    results = deepcopy(RESULTS)
    results["options"]["inversion"] = "joint"
    results["methods"]["1 clean, apart"] = results["methods"]["1 clean"]
    results["paired"] = {"1 clean − 1 clean, apart": results["paired"].pop("1 clean, joint − 1 clean")}
    assert _found(results, "joint inversion")
    results["paired"]["1 clean − 1 clean, apart"]["edit_share"] = {"value": -0.1, "low": -0.2, "high": -0.01}
    assert not _found(results, "joint inversion")


def test_known_codes_have_higher_bars_and_need_no_gain() -> None:
    results = deepcopy(RESULTS)
    results["bundle"]["trained"] = "known-codes"
    results["paired"]["1 clean, joint − 1 clean"]["edit_share"] = {"value": 0.0, "low": -0.02, "high": 0.02}
    results["paired"]["1 clean, joint − 1 clean"]["edit_share"]["value"] = -0.01  # not clearly worse
    (row,) = (bar for bar in bars(results) if "joint inversion" in bar["what"])
    assert (row["met"], row["value"], row["wanted"]) == (True, -0.01, "neither figure clearly worse")
    assert not _found(results, "edit share, ten clean")


@pytest.mark.parametrize(("ratio", "met"), [(0.4, False), (0.8, True), (1.5, False)])
def test_detail_is_neither_blurred_away_nor_bought_with_grain(ratio: float, met: bool) -> None:
    results = deepcopy(RESULTS)
    results["reconstruction"] = {"encoder": {"laplacian_variance_ratio": {"value": ratio}}}
    (row,) = (bar for bar in bars(results) if "variance of fine detail" in bar["what"])
    assert (row["met"], row["wanted"]) == (met, "0.5 to 1.2")


def test_principal_components_may_have_all_the_numbers_that_the_code_has() -> None:
    results = deepcopy(RESULTS)
    gaps = {"W": {"gap": {"value": 3.5}}}
    results["reconstruction"] = {"pca": gaps}
    assert _found(results, "above PCA")
    gaps["W+"] = {"gap": {"value": -3.0}}
    assert not _found(results, "above PCA")


def test_what_a_report_cannot_answer_is_left_out() -> None:
    assert not any("crude" in what or "purity" in what or "20 labels" in what for what in _met(RESULTS))
