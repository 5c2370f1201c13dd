"""What several commands share: the bundle option, sources of codes, progress bars, and how a number is
printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from inference.errors import OptionError

if TYPE_CHECKING:
    import torch

    from inference.bundle import Bundle
    from inference.inversion import Inversion

Commands = Any  # argparse's own type for this is private


def add_command(
    commands: Commands, name: str, run: Callable[[argparse.Namespace], int | None], text: str, examples: str
) -> argparse.ArgumentParser:
    """Add one command with a sentence of help and its examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_bundle_options(parser: argparse.ArgumentParser) -> None:
    """--bundle, --device and --steps, for commands that invert."""
    parser.add_argument(
        "--bundle", default="portraits", help="a bundle's name or folder (default: portraits)"
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1 ... (default: the best there is)")
    text = "inversion steps at most; 0 uses the encoder alone (default: the library's)"
    parser.add_argument("--steps", type=int, help=text)


def load_bundle(options: argparse.Namespace) -> Bundle:
    """The bundle that the options name, on the device that they name; from now on freed memory is kept."""
    import torch

    from inference.bundle import Bundle
    from inference.memory import keep_freed_memory

    keep_freed_memory()
    if options.device is not None:
        try:
            torch.empty(0, device=options.device)
        except (RuntimeError, AssertionError) as error:
            raise OptionError(
                f"the device {options.device!r}, which torch cannot use here",
                "cpu, or cuda where there is an NVIDIA card",
                code="option:device",
            ) from error
    return Bundle.load(options.bundle, device=options.device)


def invert_files(
    bundle: Bundle, paths: list[Path], options: argparse.Namespace
) -> tuple[Inversion, torch.Tensor]:
    """Read and invert picture files under a progress bar; the inversion and the pictures `[B, 3, H, W]`."""
    import torch

    from inference.images import read_image
    from inference.inversion import DEFAULT_STEPS, invert

    images = torch.cat([read_image(path, bundle.generator.resolution) for path in paths])
    steps = DEFAULT_STEPS if options.steps is None else options.steps
    with progress_bar("inverting") as progress:
        inversion = invert(bundle, images, steps=steps, progress=progress)
    warn_of_foreign(bundle, paths, inversion)
    return inversion, images


def source_codes(bundle: Bundle, path: Path, options: argparse.Namespace) -> torch.Tensor:
    """Codes `[B, L, D]` of a picture, or those that `invert` saved."""
    if path.suffix.lower() in {".safetensors", ".npz"}:
        from inference.inversion import load_codes

        return load_codes(path, bundle)
    return invert_files(bundle, [path], options)[0].codes


def warn_of_foreign(bundle: Bundle, paths: list[Path], inversion: Inversion) -> None:
    """Say which pictures the generator does not know; the work goes on, for the person may want to see it."""
    limit = float(bundle.thresholds["out_of_domain"])
    for path, error in zip(paths, inversion.errors.tolist(), strict=True):
        if error > limit:
            print(
                f"warning: {path.name} does not look like what {bundle.name} draws "
                f"(error {error:.3f}, its own pictures stay below {limit:.3f}): do not trust its edits",
                file=sys.stderr,
            )


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; yields the library's progress callback."""
    with tqdm(desc=label, unit="step", disable=None, leave=False) as bar:

        def progress(step: int, total: int) -> None:
            bar.total = total
            bar.update(step - bar.n)

        yield progress


def plain(value: object) -> str:
    """A number as people read it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
