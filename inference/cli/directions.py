"""`direction` and `average`: from pairs to directions to a community's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from inference.averaging.estimators import DEFAULT_METHOD
from inference.cli.common import Commands, add_bundle_options, add_command, load_bundle, plain, progress_bar


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    """Add both."""
    parser = add_command(
        commands,
        "direction",
        run_direction,
        "Find the direction from a picture before to a picture after.",
        "  python -m inference direction before.png after.png -o d.safetensors\n",
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="direction file (.safetensors or .npz)")
    parser.add_argument(
        "--space", choices=("W+", "W"), default="W+", help="one difference a layer (W+), or one for all (W)"
    )
    parser.add_argument(
        "--joint", action="store_true", help="invert both pictures together (docs/joint-inversion.md)"
    )
    add_bundle_options(parser)
    parser = add_command(
        commands,
        "average",
        run_average,
        "Average several people's directions for one change.",
        "  python -m inference average d1.safetensors d2.safetensors d3.npz -o community.safetensors\n",
    )
    parser.add_argument("directions", nargs="+", type=Path, help="direction files")
    parser.add_argument("-o", "--out", type=Path, required=True, help="file to write (.safetensors or .npz)")
    parser.add_argument(
        "--method",
        default=DEFAULT_METHOD,
        help=f"averaging method (default: {DEFAULT_METHOD})",
    )
    parser.add_argument(
        "--all", action="store_true", help="also average directions whose pair was judged to be unusable"
    )


def run_direction(options: argparse.Namespace) -> int:
    """Invert the pair, save its direction and print its quality."""
    from inference.finders import find_direction
    from inference.images import read_image
    from inference.inversion import DEFAULT_STEPS

    bundle = load_bundle(options)
    size = bundle.generator.resolution
    before, after = read_image(options.before, size), read_image(options.after, size)
    with progress_bar("inverting") as progress:
        direction = find_direction(
            bundle,
            before,
            after,
            steps=DEFAULT_STEPS if options.steps is None else options.steps,
            space=options.space,
            method="joint" if options.joint else "apart",
            progress=progress,
        )
    direction.save(options.out)
    print(f"step: {plain(direction.step)}")
    for name in ("movement_over_null", "changed_fraction", "error_inside", "error_outside", "change_kept"):
        print(f"{name}: {plain(direction.quality[name])}")
    if direction.quality["verdict"] is not None:
        print(f"warning: {direction.quality['verdict']}: {direction.quality['reason']}", file=sys.stderr)
    return 0


def run_average(options: argparse.Namespace) -> int:
    """Average direction files; unusable pairs stay out and are named."""
    from inference.averaging import average
    from inference.finders.direction import Direction

    members = []
    for path in options.directions:
        direction = Direction.load(path)
        verdict = direction.quality.get("verdict")
        if verdict is not None and not options.all:
            print(f"left out: {path.name} ({verdict})", file=sys.stderr)
            continue
        members.append(direction)
    community = average(members, method=options.method)
    community.save(options.out)
    rho = "told from 3 on" if community.rho is None else plain(community.rho)
    print(f"members: {community.n}\nstep: {plain(community.step)}\nR: {plain(community.R)}\nagreement: {rho}")
    return 0
