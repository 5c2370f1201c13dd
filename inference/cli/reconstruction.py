"""`evaluate-reconstruction`: what a bundle reconstructs of people it has never seen, and what it samples."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.cli.common import Commands, add_bundle_options, add_command, load_bundle


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    parser = add_command(
        commands,
        "evaluate-reconstruction",
        _evaluate,
        "Measure a bundle of the drawn world on held-out people: reconstruction, detail, samples (JSON).",
        "  python -m inference evaluate-reconstruction --bundle portraits > figures.json\n"
        "  python -m inference evaluate-reconstruction --bundle FOLDER --people 64 --optimised 0 "
        "--pca-pictures 600 --samples 200",
    )
    add_bundle_options(parser)
    parser.add_argument("--people", type=int, default=1000, help="portraits, encoder only (default: 1000)")
    parser.add_argument("--optimised", type=int, default=64, help="of them after 100 steps (default: 64)")
    parser.add_argument(
        "--pca-pictures", type=int, default=10_000, help="that PCA of one layer's size learns from"
    )
    parser.add_argument(
        "--pca-plus-pictures", type=int, default=4_000, help="that PCA of W+'s size learns from; 0: none"
    )
    parser.add_argument("--samples", type=int, default=2000, help="portraits in each set (default: 2000)")
    parser.add_argument("--faces", type=int, default=32, help="for each of the fourteen, encoder only")
    parser.add_argument("--stepped-faces", type=int, default=8, help="for each, with the inversion's steps")
    parser.add_argument("--population", help="that the bundle was trained on, if its name does not tell")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw (default: 1)")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet (PNG) of optimised ones")


def _evaluate(options: argparse.Namespace) -> int:
    from inference.evaluation.reconstruction import Amounts, reconstruction_report
    from inference.inversion import DEFAULT_STEPS

    amounts = Amounts(
        people=options.people,
        optimised=options.optimised,
        pca_pictures=options.pca_pictures,
        pca_plus_pictures=options.pca_plus_pictures,
        samples=options.samples,
        faces=options.faces,
        stepped_faces=options.stepped_faces,
        steps=DEFAULT_STEPS if options.steps is None else options.steps,
        workers=options.workers,
    )
    figures = reconstruction_report(
        load_bundle(options),
        amounts,
        population=options.population,
        sheet=options.sheet,
        report=lambda text: print(text, file=sys.stderr),
    )
    print(json.dumps(figures, indent=1))
    return 0
