"""A small experiment on the embedded bundle: the figures tell right directions from wrong ones."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference import effect_metric
from inference.bundle import Bundle
from inference.errors import OptionError
from inference.evaluation import baselines, figures, limits
from inference.evaluation.evidence import run
from inference.evaluation.experiment import Experiment, Options
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.processes import measure_in_processes
from inference.evaluation.report import write_report
from inference.evaluation.ways import ways_to_find
from inference.portraits import SCENE_NAMES

SMALL = Options(
    faces=6,
    pairs=3,
    samples=60,
    inversions=("joint",),
    steps=0,
    semantics=("glasses", "hair_length"),
    people=0,
    resamples=50,
)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(Bundle.load("portraits", "cpu"), Judge.load(), SMALL, lambda text: None)


@pytest.fixture(scope="module")
def label_free() -> Experiment:
    return Experiment(Bundle.load("portraits-label-free", "cpu"), Judge.load(), SMALL, lambda text: None)


@pytest.mark.parametrize("attribute", SMALL.semantics)
@pytest.mark.parametrize("generator", ["experiment", "label_free"])
def test_three_figures_hold_and_a_wrong_direction_fails_each(
    generator: str, attribute: str, request: pytest.FixtureRequest
) -> None:
    """The evidence's figures on a reduced set, each with its twin."""
    experiment: Experiment = request.getfixturevalue(generator)
    (right,) = experiment.averages(attribute, "clean", 3)
    other = "hair_length" if attribute == "glasses" else "glasses"
    wrong = replace(experiment.averages(other, "clean", 3)[0], step=right.step)
    good = experiment.asked(lambda name: [right], attribute).readings
    bad = experiment.asked(lambda name: [wrong], attribute).readings
    assert figures.edit_share(good) > 0.5
    assert figures.edit_share(bad) < 0.2
    assert figures.effect(good) > 0.7
    assert abs(figures.effect(bad)) < 0.4
    assert figures.excess_entanglement(good) < 0.1
    assert figures.excess_entanglement(bad) > 0.3


def test_the_whole_experiment_and_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in {"COMPONENTS": 4, "DRAWS": 1, "CALIBRATED_ON": 3, "_FINER": (), "GROUPS": 2}.items():
        monkeypatch.setattr(baselines, name, few)
    said: list[str] = []
    options = replace(SMALL, faces=2, pairs=2, semantics=("glasses", "hat"), samples=40, resamples=20)
    work = tmp_path / "work"
    results = run(Bundle.load("portraits", "cpu"), Judge.load(), options, tmp_path, said.append, work)
    write_report(tmp_path, results)
    measured = len(list(work.glob("*.pickle")))
    next(work.glob("*two-changes*.pickle")).unlink()
    again: list[str] = []
    resumed = run(Bundle.load("portraits", "cpu"), Judge.load(), options, tmp_path, again.append, work)
    assert {k: v for k, v in resumed.items() if k not in {"measured", "seconds"}} == {
        k: v for k, v in results.items() if k not in {"measured", "seconds"}
    }
    assert resumed["seconds"] > results["seconds"]
    assert len(list(work.glob("*.pickle"))) == measured
    assert not any("pairs from" in text or "faces" in text for text in again)  # nothing was inverted again
    with pytest.raises(OptionError, match="other faces"):
        run(
            Bundle.load("portraits", "cpu"),
            Judge.load(),
            replace(options, faces=3),
            tmp_path,
            again.append,
            work,
        )
    stored = json.loads((tmp_path / "report.json").read_text())
    assert set(stored["methods"]) >= {
        "1 clean",
        "1 clean, joint",
        "1 crude",
        "mean-difference, 20 labels",
        "sefa, best of 4",
    }
    assert set(stored["paired"]) == {"1 clean, joint − 1 clean"}
    for found in stored["methods"].values():
        for figure in found.values():
            assert np.isfinite(figure["mean"]["value"])
            assert set(figure["each"]) <= {"glasses", "hat"}
    assert stored["subpopulations"]["everybody"]["faces"] == 4
    assert stored["two_changes"]["pairs"] == 2
    assert set(stored["themselves"]) == {"clean", "crude", "painted", "two_photos"}
    for kind, told in stored["themselves"].items():
        for name in ("cosine_within", "purity", "mislabel_auc", "transfer_cosine", "transfer_effect"):
            assert told[name]["low"] <= told[name]["value"] <= told[name]["high"], (kind, name)
            values = {semantic: told["each"][semantic][name]["value"] for semantic in told["each"]}
            assert values[told["worst"][name]] == min(values.values()), (kind, name)
    assert 0.4 < stored["themselves"]["clean"]["transfer_edit_share"]["value"] < 1.5
    assert stored["themselves"]["clean"]["transfer_effect"]["value"] > 0.4
    assert stored["superposition"]["kept"]["low"] <= stored["superposition"]["kept"]["value"]
    assert {bar["what"] for bar in stored["bars"]} >= {"purity of clean pairs", "purity of crude pairs"}
    assert stored["directions"]["1 clean"] == 2
    page = (tmp_path / "index.html").read_text()
    assert "over faces alone where there is one direction a semantic: 100 clean, encoder only" in page
    assert "sefa, best of 4 (figure 7)" in page
    assert "Silhouette" in page
    assert "What it must show" in page
    for file in (*tmp_path.glob("*.svg"), *tmp_path.glob("strip-*.webp")):
        assert file.name in page
        assert file.stat().st_size > 500
    assert "http" not in page  # nothing is loaded from elsewhere
    assert any("measuring" in text for text in said)


class FirstPixel:
    """A judge that reads a smile off the first colour of a picture and a hat off the second."""

    sigma = torch.ones(len(SCENE_NAMES))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        found = torch.zeros(len(images), len(SCENE_NAMES))
        found[:, SCENE_NAMES.index("smile")] = images[:, 0, 0, 0]
        found[:, SCENE_NAMES.index("hat")] = images[:, 1, 0, 0]
        return found


def test_a_baseline_gets_the_step_and_the_component_that_suit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right component is ten times too short; the other moves the target as well, and a hat with it."""

    def drawn(bundle: Any, codes: torch.Tensor) -> torch.Tensor:
        return codes[:, 0, :, None, None]

    def edited(bundle: Any, codes: torch.Tensor, moves: Any) -> torch.Tensor:
        ((move, intensity),) = moves
        return drawn(bundle, codes + intensity * move.step * torch.from_numpy(move.vector))

    monkeypatch.setattr(baselines, "synthesise", drawn)
    monkeypatch.setattr(baselines, "edit", edited)
    scores = np.zeros((60, len(SCENE_NAMES)))
    judge: Any = FirstPixel()
    nothing: Any = None
    found = baselines.Baselines(nothing, judge, np.zeros((60, 1, 3), np.float32), scores, seed=0)
    right, stained = (
        SimpleNamespace(vector=np.array([axis], np.float32), step=step, digest="")
        for axis, step in (((1.0, 0.0, 0.0), 0.1), ((0.8, 0.6, 0.0), 1.0))
    )
    change = np.zeros((4, len(SCENE_NAMES)))
    change[:, SCENE_NAMES.index("smile")] = 1.0
    faces: Any = SimpleNamespace(read_before=np.zeros_like(change), read_after=change)
    assert found.calibrated(right, "smile", faces, (1.0, 8.0)).step == pytest.approx(1.0, rel=0.1)
    for order in ((right, stained), (stained, right)):
        assert found._preferred(order, "smile", faces).vector.tolist() == [[1.0, 0.0, 0.0]]


def test_variants_of_a_supervised_baseline(tiny: Bundle) -> None:
    rng = np.random.default_rng(0)
    layers, width = len(tiny.metric_weights), tiny.generator.code_dim
    codes = rng.normal(size=(240, layers, width)).astype(np.float32)
    scores = rng.normal(size=(240, len(SCENE_NAMES)))
    for k, name in enumerate(JUDGED):
        scores[:, SCENE_NAMES.index(name)] += 3 * codes[:, :, k % width].mean(1)
    judge: Any = FirstPixel()
    found = baselines.Baselines(tiny, judge, codes, scores, seed=0)
    assert found.variants("mean-difference", 20) == ("",)
    assert found.variants("mean-difference", 120) == ("", baselines.LAYERED)
    assert found.variants("interfacegan", 120) == ("", baselines.LAYERED, baselines.HELD)
    alike = baselines.Baselines(tiny, judge, codes[:, :1].repeat(layers, 1), scores, seed=0)
    assert alike.variants("mean-difference", 120) == ("",)
    plain, layered, held = (
        found._variant("interfacegan", "smile", 120, variant)
        for variant in found.variants("interfacegan", 120)
    )
    assert (plain.space, layered.space) == ("W", "W+")
    other = found._variant("interfacegan", "hat", 120, "")
    weights = tiny.metric_weights.numpy()
    assert abs(effect_metric.cosine(plain.vector, other.vector, weights)) > 1e-3
    assert effect_metric.cosine(held.vector, other.vector, weights) == pytest.approx(0, abs=1e-5)


def test_processes_share_the_work_and_find_what_one_finds(tmp_path: Path, experiment: Experiment) -> None:
    bundle, judge = experiment.bundle, experiment.judge
    options = replace(SMALL, faces=2, pairs=1, samples=40, inversions=(), many=0)
    said: list[str] = []
    measure_in_processes(Experiment(bundle, judge, options, said.append, tmp_path), 2)
    assert said == []  # all was found by others
    shared = Experiment(bundle, judge, options, said.append, tmp_path)
    alone = Experiment(bundle, judge, options, lambda text: None)
    for name, (find, able) in ways_to_find(shared).items():
        for attribute in able:
            kept = shared.asked(find, attribute, name).readings
            if name == "1 clean":
                fresh = alone.asked(ways_to_find(alone)[name][0], attribute).readings
                np.testing.assert_allclose(kept.edited, fresh.edited, atol=1e-3)
    assert said == []  # and is not computed again


def test_a_process_that_ends_early_is_told_and_leaves_none_behind(
    tmp_path: Path, experiment: Experiment
) -> None:
    options = replace(SMALL, faces=2, pairs=1, samples=4)
    broken = Experiment(experiment.bundle, experiment.judge, options, lambda text: None, tmp_path)
    copy = tmp_path / f"bundle-{experiment.bundle.digest[:12]}"
    copy.mkdir()
    (copy / "bundle.toml").write_text("not a bundle")
    with pytest.raises(OptionError, match="goes on from what is kept"):
        measure_in_processes(broken, 2)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("processes", "folder", "said"), [(0, "work", "at least 1"), (2, None, "--work")])
def test_processes_that_cannot_share_are_refused_before_anything_is_written(
    tmp_path: Path, experiment: Experiment, processes: int, folder: str | None, said: str
) -> None:
    report, work = tmp_path / "report", tmp_path / folder if folder else None
    with pytest.raises(OptionError, match=said):
        run(experiment.bundle, experiment.judge, SMALL, report, print, work, processes)
    assert list(tmp_path.iterdir()) == []


def test_a_default_inversion_among_the_others_is_refused() -> None:
    options = replace(SMALL, inversion="joint")
    with pytest.raises(OptionError, match="joint"):
        Experiment(Bundle.load("portraits", "cpu"), Judge.load(), options)


def test_unknown_semantics_are_refused() -> None:
    with pytest.raises(OptionError, match="freckles"):
        Experiment(Bundle.load("portraits", "cpu"), Judge.load(), replace(SMALL, semantics=("freckles",)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"pairs": 1}, "at least 2 pairs"),
        ({"semantics": ("glasses",)}, "2 semantics"),
        ({"people": 1}, "people=1"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    told: list[str] = []
    bundle = Bundle.load("portraits", "cpu")
    with pytest.raises(OptionError, match=said):
        run(bundle, Judge.load(), replace(SMALL, **change), tmp_path / "report", told.append)
    assert not told
    assert not (tmp_path / "report").exists()


def test_a_bundle_that_no_recipe_makes_is_refused_at_once(tmp_path: Path) -> None:
    bundle = Bundle.load("portraits", "cpu")
    bundle.name, bundle.metadata = "mine", {}
    with pytest.raises(OptionError, match="no recipe makes"):
        run(bundle, Judge.load(), replace(SMALL, people=2), tmp_path / "report", lambda text: None)


def test_the_semantic_that_makes_a_part_of_the_people_is_left_out_of_it(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody whose hair is to grow has it cropped: that says nothing of cropped hair apart."""
    monkeypatch.setattr(limits, "FEW", 1)
    faces = {
        name: replace(experiment.faces(name), scenes=np.zeros((6, len(SCENE_NAMES))))
        for name in SMALL.semantics
    }
    monkeypatch.setattr(experiment, "_faces", faces)
    found = {
        attribute: experiment.asked(lambda name: experiment.averages(name, "clean", 3), attribute).readings
        for attribute in SMALL.semantics
    }
    parts = limits.subpopulations(experiment, found)
    assert (parts["everybody"]["semantics"], parts["everybody"]["faces"]) == (2, 12)
    assert (parts["cropped hair"]["semantics"], parts["cropped hair"]["faces"]) == (1, 6)
    assert parts["cropped hair"]["worst"] == "glasses"
    assert "with glasses" not in parts
