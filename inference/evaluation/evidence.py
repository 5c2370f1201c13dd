"""The whole of what is asked of one bundle: every way, every figure, the limits, as numbers and pictures.

Results are plain numbers, ready for JSON; pages and plots are made in report.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from inference.bundle import Bundle
from inference.editing import Movable, edit
from inference.errors import OptionError
from inference.evaluation import limits
from inference.evaluation.bars import bars
from inference.evaluation.experiment import Answer, Experiment, Options, Report
from inference.evaluation.figures import Readings
from inference.evaluation.judge import Judge
from inference.evaluation.judged import JUDGED
from inference.evaluation.pair_kinds import KINDS
from inference.evaluation.processes import check_processes, measure_in_processes
from inference.evaluation.reconstruction import Amounts, population_of, reconstruction_report
from inference.evaluation.structure import projections, superposition, themselves
from inference.evaluation.ways import figures_of, paired, ratios, ways_to_find
from inference.images import write_image
from inference.portraits import SCENE_NAMES

SHOWN_FACES = 6
SHOWN_SIZE = 96  # pixels of a tile
QUALITY = 80  # of WebP


def comparison(experiment: Experiment, attribute: str, ways: Mapping[str, Sequence[Movable]]) -> torch.Tensor:
    """Rows of pictures of the first faces, one tall picture `[3, H, W]`: without the change, truly with
    it, as the bundle inverts that, and edited by the first direction of each way."""
    faces = experiment.faces(attribute)
    count = min(SHOWN_FACES, len(faces.before))
    rows = [faces.before[:count], faces.after[:count], faces.own.images[:count].cpu()]
    for found in ways.values():
        rows.append(edit(experiment.bundle, faces.base.codes[:count], [(found[0], 1.0)]).cpu())
    return _small(torch.cat([torch.cat(list(row), 2) for row in rows], 1), len(rows))


def _small(picture: torch.Tensor, rows: int) -> torch.Tensor:
    """A picture `[3, rows * S, W]` with tiles of SHOWN_SIZE: a report travels with the repository."""
    side = picture.shape[1] // rows
    size = [rows * SHOWN_SIZE, picture.shape[2] // side * SHOWN_SIZE]
    return F.interpolate(picture[None], size=size, mode="bilinear", antialias=True)[0].clamp(-1, 1)


def _pictured(ways: Iterable[str]) -> list[str]:
    """The ways that strips show: not the many ways to invert or average the same pairs, and no variants."""
    return [way for way in ways if way.endswith(", joint") or ("clean, " not in way and way.count(", ") < 2)]


def _readings(answers: Mapping[str, Answer]) -> dict[str, Readings]:
    return {attribute: answer.readings for attribute, answer in answers.items()}


def run(
    bundle: Bundle,
    judge: Judge,
    options: Options,
    folder: Path,
    report: Report = print,
    work: Path | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """The whole experiment; strips go into `folder` as they are made, the rest comes back as numbers.

    What can be refused is refused before the hour that it takes; one that is stopped goes on from what it
    kept in `work`. Several `processes` share the finding and measuring of directions, through that folder.
    """
    if options.pairs < 2 or len(set(options.semantics)) < 2:
        raise OptionError(
            f"{options.pairs} pairs of {', '.join(options.semantics)}",
            "at least 2 pairs of each of 2 semantics: directions are also compared among themselves",
            code="option:evaluation",
        )
    check_processes(processes, work)
    amounts = _amounts(options) if options.people else None
    population = population_of(bundle) if options.people else None
    experiment = Experiment(bundle, judge, options, report, work)
    folder.mkdir(parents=True, exist_ok=True)
    if processes > 1:
        measure_in_processes(experiment, processes)
    ways = ways_to_find(experiment)
    methods, answers = {}, {}
    for name, (find, semantics) in ways.items():
        report(f"measuring: {name}")
        answers[name] = {attribute: experiment.asked(find, attribute, name) for attribute in semantics}
        methods[name] = figures_of(_readings(answers[name]), options)
    strips = {}
    for attribute in options.semantics:
        strips[attribute] = _pictured(name for name, (_, able) in ways.items() if attribute in able)
        shown = {name: answers[name][attribute].directions for name in strips[attribute]}
        write_image(
            folder / f"strip-{attribute}.webp",
            comparison(experiment, attribute, shown)[None],
            quality=QUALITY,
        )
    found = {name: _readings(each) for name, each in answers.items()}
    few = min(10, options.pairs)
    kept = experiment.kept
    hidden, pictures = kept("inapplicable", lambda: limits.inapplicable(experiment))
    for name, picture in pictures.items():
        write_image(
            folder / f"limit-{name.replace(' ', '_')}.webp", _small(picture, 3)[None], quality=QUALITY
        )
    kinds = {kind: tuple(n for n in options.semantics if n in able) for kind, able in KINDS.items()}
    results = {
        "bundle": {
            "name": bundle.name,
            "title": str(bundle.metadata.get("title", bundle.name)),
            "note": str(bundle.metadata.get("note", "")),
            "digest": bundle.digest,
            "trained": str(bundle.metadata.get("recipe", "known-codes")),
        },
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"torch": torch.__version__, "numpy": np.__version__},
        "options": asdict(options),
        "area": {name: round(experiment.area(name), 4) for name in options.semantics},
        "methods": methods,
        "directions": {
            name: min(len(answer.directions) for answer in each.values()) for name, each in answers.items()
        },
        "strips": strips,
        "paired": paired(found, options),
        "ratios": ratios(found, options),
        "themselves": {
            kind: themselves(experiment, kind, names, few) for kind, names in kinds.items() if names
        },
        "projection": projections(experiment, "clean", options.semantics, few),
        "superposition": superposition(experiment, options.semantics),
        "subpopulations": limits.subpopulations(
            experiment, found[f"{max(size for size in (1, 3, 10) if size <= options.pairs)} clean"]
        ),
        "inapplicable": hidden,
        "two_changes": kept("two changes", lambda: limits.two_changes(experiment, options.semantics)),
        "reconstruction": kept(
            "reconstruction",
            lambda: reconstruction_report(
                bundle,
                amounts,
                population=population,
                faces={name: experiment.faces(name) for name in options.semantics},
                report=report,
            ),
        )
        if amounts
        else {},
        "judge": {"R2": {n: round(float(judge.r2[SCENE_NAMES.index(n)]), 3) for n in JUDGED}},
        "seconds": round(kept.seconds, 1),
    }
    return {**results, "bars": bars(results)}


def _amounts(options: Options) -> Amounts:
    """How much of reconstruction and samples is measured."""
    return Amounts(
        people=options.people,
        optimised=min(options.people, options.optimised),
        pca_pictures=4 * options.people,
        pca_plus_pictures=2 * options.people,
        samples=options.people,
        faces=options.faces,
        stepped_faces=options.faces,
        steps=options.steps,
        resamples=options.resamples,
        seed=options.seed,
    )
