"""`invert`: pictures to codes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from inference.cli.common import Commands, add_bundle_options, add_command, invert_files, load_bundle


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    """Add the one command."""
    parser = add_command(
        commands,
        "invert",
        run_invert,
        "Find the codes of pictures, and show how well the generator gives them back.",
        "  python -m inference invert photo.png --image reconstruction.png\n"
        "  python -m inference invert a.png b.png -o codes.safetensors --steps 100\n",
    )
    parser.add_argument("pictures", nargs="+", type=Path, help="JPEG, PNG or WebP files")
    parser.add_argument("-o", "--out", type=Path, help="file for the codes (.safetensors or .npz)")
    parser.add_argument(
        "--image", type=Path, help="picture of the originals (above) and their reconstructions (below)"
    )
    add_bundle_options(parser)


def run_invert(options: argparse.Namespace) -> int:
    """Invert, print a line a picture, and write what was asked for."""
    import torch

    from inference.images import write_image
    from inference.inversion import save_inversion

    bundle = load_bundle(options)
    inversion, images = invert_files(bundle, options.pictures, options)
    for path, one in zip(options.pictures, inversion, strict=True):
        print(
            f"{path.name}: {float(one.psnr[0]):.2f} dB, perceptual distance {float(one.lpips[0]):.4f}, "
            f"error {float(one.errors[0]):.4f}, {int(one.steps[0])} steps"
        )
    if options.out is not None:
        save_inversion(inversion, options.out)
    if options.image is not None:
        columns = torch.cat([images, inversion.images.cpu()], dim=2)  # [B, 3, 2H, W]
        write_image(options.image, torch.cat(list(columns), dim=2))
    return 0
