"""`evaluate`: a bundle's directions against the drawn truth, as JSON and as a page."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from inference.cli.common import Commands, add_bundle_options, add_command, load_bundle
from inference.errors import OptionError


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    parser = add_command(
        commands,
        "evaluate",
        _evaluate,
        "Measure a bundle of the drawn world: directions from pairs and from baselines on held-out faces.",
        "  python -m inference evaluate --bundle portraits --report evidence\n"
        "  python -m inference evaluate --bundle FOLDER --report quick --faces 8 --pairs 10 --only smile hat",
    )
    add_bundle_options(parser)
    parser.add_argument("--report", type=Path, required=True, help="folder for index.html and report.json")
    parser.add_argument("--faces", type=int, default=16, help="held-out faces a semantic (default: 16)")
    parser.add_argument("--pairs", type=int, default=30, help="pairs of a kind a semantic (default: 30)")
    parser.add_argument(
        "--people", type=int, default=1000, help="for reconstruction and samples; 0: without (default: 1000)"
    )
    parser.add_argument("--optimised", type=int, default=1000, help="of them in 100 steps (default: 1000)")
    parser.add_argument(
        "--work", type=Path, help="folder where results are kept: the same command again goes on from there"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="how many share the finding and measuring of directions, through --work (default: 1)",
    )
    parser.add_argument("--only", nargs="+", metavar="SEMANTIC", help="some of the fourteen, not all")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap and the baselines' samples")


def _evaluate(options: argparse.Namespace) -> int:
    if options.report.exists() and not options.report.is_dir():
        raise OptionError(
            f"the file {str(options.report)!r}", "a folder for the report", code="option:report"
        )
    from inference.evaluation.evidence import run
    from inference.evaluation.experiment import Options
    from inference.evaluation.judge import Judge
    from inference.evaluation.judged import JUDGED
    from inference.evaluation.report import write_report
    from inference.inversion import DEFAULT_STEPS

    results = run(
        load_bundle(options),
        Judge.load(),
        Options(
            faces=options.faces,
            pairs=options.pairs,
            people=options.people,
            optimised=options.optimised,
            steps=DEFAULT_STEPS if options.steps is None else options.steps,
            semantics=tuple(options.only or JUDGED),
            seed=options.seed,
        ),
        options.report,
        work=options.work,
        processes=options.processes,
    )
    write_report(options.report, results)
    print(f"written: {options.report / 'index.html'}")
    return 0
