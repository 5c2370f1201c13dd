"""`edit` and `strip`: directions applied to a picture."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from inference.cli.common import Commands, add_bundle_options, add_command, load_bundle, source_codes
from inference.errors import OptionError


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    """Add both."""
    parser = add_command(
        commands,
        "edit",
        run_edit,
        "Change a picture along one or more directions.",
        "  python -m inference edit photo.png --direction d.safetensors --intensity 1 -o out.png\n"
        "  python -m inference edit photo.png --direction smile.npz --intensity 1.5 \\\n"
        "      --direction glasses.npz --intensity -1 -o out.png\n",
    )
    parser.add_argument("source", type=Path, help="a picture, or codes that `invert` saved (of one picture)")
    parser.add_argument(
        "--direction",
        dest="directions",
        type=Path,
        action="append",
        required=True,
        help="a direction file; may be given again",
    )
    parser.add_argument(
        "--intensity",
        dest="intensities",
        type=float,
        action="append",
        help="one for each --direction, in steps (default: 1 each)",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture file to write")
    add_bundle_options(parser)
    parser = add_command(
        commands,
        "strip",
        run_strip,
        "A row of pictures along a direction, from less to more.",
        "  python -m inference strip photo.png --direction d.safetensors -o strip.png\n"
        "  python -m inference strip photo.png --direction d.npz --intensities -1 0 1 -o strip.png\n",
    )
    parser.add_argument("source", type=Path, help="a picture, or codes that `invert` saved (a row for each)")
    parser.add_argument("--direction", type=Path, required=True, help="a direction file")
    parser.add_argument("--intensities", type=float, nargs="+", help="in steps (default: -1 -0.5 0 0.5 1)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture file to write")
    add_bundle_options(parser)


def run_edit(options: argparse.Namespace) -> int:
    """Edit one picture."""
    from inference.averaging import load_direction
    from inference.editing import edit
    from inference.images import write_image

    intensities = options.intensities or [1.0] * len(options.directions)
    if len(intensities) != len(options.directions):
        raise OptionError(
            f"{len(options.directions)} directions and {len(intensities)} intensities",
            "one --intensity for each --direction",
            code="option:intensity",
        )
    directions = [load_direction(path) for path in options.directions]
    bundle = load_bundle(options)
    codes = source_codes(bundle, options.source, options)
    if len(codes) != 1:
        raise OptionError(f"{len(codes)} codes", "the code of one picture", code="option:source")
    write_image(options.out, edit(bundle, codes, zip(directions, intensities, strict=True)))
    return 0


def run_strip(options: argparse.Namespace) -> int:
    """Write one row of pictures for each code."""
    import torch

    from inference.averaging import load_direction
    from inference.editing import strip
    from inference.images import write_image
    from inference.intensities import STRIP

    direction = load_direction(options.direction)
    bundle = load_bundle(options)
    codes = source_codes(bundle, options.source, options)
    rows = strip(bundle, codes, direction, options.intensities or STRIP)  # [B, n, 3, H, W]
    write_image(options.out, torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1))
    return 0
