"""`find` and `decompose`: directions that nobody's pair gave, and what an entangled one is made of."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.cli.common import (
    Commands,
    add_bundle_options,
    add_command,
    invert_files,
    load_bundle,
    plain,
    progress_bar,
)
from inference.errors import DirectionError, OptionError

if TYPE_CHECKING:
    from inference.bundle import Bundle
    from inference.finders import Component

UNSUPERVISED = ("ganspace", "sefa")
SUPERVISED = ("mean-difference", "interfacegan")
SHEET = "strips.png"
INTENSITIES = {True: (-1.0, -0.5, 0.0, 0.5, 1.0), False: (-2.0, -1.0, 0.0, 1.0, 2.0)}  # supervised or not
TRUNCATION = 0.7  # of the sheet's faces: nearer to the mean, so that one sees the component and not the face


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    """Add both."""
    _add_find(commands)
    parser = add_command(
        commands,
        "decompose",
        run_decompose,
        "Tell which known directions an entangled one is made of, and how much of each.",
        "  python -m inference decompose older.npz --into age.npz glasses.npz hair.npz\n",
    )
    parser.add_argument("direction", type=Path, help="the direction file to take apart")
    parser.add_argument(
        "--into", nargs="+", type=Path, required=True, metavar="FILE", help="files of known directions"
    )


def _add_find(commands: Commands) -> None:
    parser = add_command(
        commands,
        "find",
        run_find,
        "Find directions without pairs: in the generator itself, or from pictures with and without.",
        "  python -m inference find --finder sefa -k 10 -o components\n"
        "  python -m inference find --finder ganspace -k 5 --layers 0-3 -o coarse\n"
        "  python -m inference find --finder interfacegan --with glasses/* --without bare/* -o found\n"
        "  python -m inference edit photo.png --direction components/sefa-01.safetensors -o out.png\n",
    )
    parser.add_argument(
        "--finder",
        required=True,
        choices=[*UNSUPERVISED, *SUPERVISED],
        help="ganspace and sefa need the generator alone, the others labelled pictures",
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the component files")
    parser.add_argument("-k", "--components", type=int, help="how many (default: 10)")
    parser.add_argument("--layers", help="the layers to change, as 0-3 or 4,5,6 (default: all)")
    parser.add_argument("--samples", type=int, help="codes to learn from (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="of the codes and the faces (default: 0)")
    parser.add_argument("--space", choices=("W", "W+"), help="one direction for all layers (W), or one each")
    for name, dest in (("with", "positive"), ("without", "negative")):
        parser.add_argument(
            f"--{name}",
            dest=dest,
            nargs="+",
            type=Path,
            default=[],
            metavar="PICTURE",
            help=f"pictures {name} what is looked for (mean-difference, interfacegan)",
        )
    parser.add_argument(
        "--faces", type=int, default=3, help=f"faces on the sheet {SHEET}, 0 for no sheet (default: 3)"
    )
    add_bundle_options(parser)


def run_find(options: argparse.Namespace) -> int:
    """Find components, save a file each, print a line each, and draw them on a few faces."""
    from inference.finders.discovery import SAMPLES, find_components

    settings = _settings(options)
    if options.faces < 0 or options.seed < 0:
        raise OptionError(
            f"--faces {options.faces} --seed {options.seed}", "numbers from 0", code="option:find"
        )
    bundle = load_bundle(options)
    codes, labels = _labelled(bundle, options) if options.finder in SUPERVISED else (None, None)
    found = find_components(
        bundle,
        options.finder,
        settings,
        codes=codes,
        labels=labels,
        samples=SAMPLES if options.samples is None else options.samples,
        seed=options.seed,
    )
    folder: Path = options.out
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DirectionError(
            f"{folder}, where no folder can be made ({error.strerror or error})",
            "a folder that may be written to",
            code="direction:write",
        ) from error
    for component in found:
        name = f"{component.finder}-{component.index + 1:02d}.safetensors"
        component.save(folder / name)
        print(f"{name}  step {plain(component.step)}  explains {100 * component.explained:.2g} %")
    if options.faces:
        _draw(bundle, found, options.faces, options.seed, folder / SHEET)
        print(f"{SHEET}  a row a component, {options.faces} faces")
    return 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The finder's own options; those of the other kind of finder are refused, not forgotten."""
    supervised = options.finder in SUPERVISED
    foreign = {
        "--components": supervised and options.components is not None,
        "--layers": supervised and options.layers is not None,
        "--samples": supervised and options.samples is not None,
        "--space": not supervised and options.space is not None,
        "--with": not supervised and bool(options.positive),
        "--without": not supervised and bool(options.negative),
    }
    wrong = [name for name, given in foreign.items() if given]
    if wrong:
        raise OptionError(
            f"{' '.join(wrong)} with --finder {options.finder}",
            "options that this finder has",
            f"leave {'it' if len(wrong) == 1 else 'them'} out",
            code="option:find",
        )
    if supervised:
        return {} if options.space is None else {"space": options.space}
    settings: dict[str, Any] = {} if options.components is None else {"components": options.components}
    return settings if options.layers is None else {**settings, "layers": parse_layers(options.layers)}


def parse_layers(text: str) -> list[int]:
    """ "0-3" -> [0, 1, 2, 3], "4,6" -> [4, 6]; whether a generator has them, the finder says."""
    layers: list[int] = []
    for part in text.split(","):
        numbers = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        if numbers is None:
            raise OptionError(f"--layers {text!r}", "layers as 0-3 or 4,5,6", code="option:layers")
        first, last = numbers.groups(default=numbers[1])
        layers += range(int(first), int(last) + 1)
    return layers


def _labelled(bundle: Bundle, options: argparse.Namespace) -> tuple[Any, list[int]]:
    """Codes `[N, L, D]` of the pictures --with and --without, and their labels."""
    if not options.positive or not options.negative:
        raise OptionError(
            f"{len(options.positive)} pictures --with and {len(options.negative)} --without",
            "some of each",
            f"{options.finder} learns from both",
            code="option:labels",
        )
    inversion, _ = invert_files(bundle, [*options.positive, *options.negative], options)
    labels = [1] * len(options.positive) + [0] * len(options.negative)
    return inversion.codes.cpu().numpy(), labels


def _draw(bundle: Bundle, found: Sequence[Component], faces: int, seed: int, path: Path) -> None:
    """The sheet: a row a component, for each of the same few faces a strip."""
    import torch

    from inference.editing import strip
    from inference.finders.discovery import draw_codes
    from inference.images import write_image

    codes = torch.from_numpy(draw_codes(bundle, faces, seed, TRUNCATION))  # [n, L, D]
    rows = []
    with progress_bar("drawing") as progress:
        for done, component in enumerate(found, start=1):
            wide = INTENSITIES[component.finder in SUPERVISED]
            pictures = strip(bundle, codes, component, wide).cpu()  # [n, 5, 3, H, W]
            rows.append(torch.cat(list(pictures.flatten(0, 1)), dim=2))  # [3, H, n * 5 * W]
            progress(done, len(found))
    write_image(path, torch.cat(rows, dim=1))


def run_decompose(options: argparse.Namespace) -> int:
    """Print the amounts of the known directions, and how much of the length none of them explains."""
    import numpy as np

    from inference.averaging import load_direction
    from inference.finders.decomposition import decompose

    mixed, known = load_direction(options.direction), [load_direction(path) for path in options.into]
    for path, one in zip(options.into, known, strict=True):
        if one.digest != mixed.digest or one.vector.shape != mixed.vector.shape:
            raise DirectionError(
                f"{path.name} of generator {one.digest[:12]}",
                f"one of generator {mixed.digest[:12]}, as {options.direction.name}",
                "derive its pair on this generator",
                code="direction:generator",
            )
    found = decompose(
        mixed.step * mixed.vector.astype(np.float64),
        [one.step * one.vector.astype(np.float64) for one in known],
        mixed.metric_weights,
    )
    for part in found.parts:
        print(f"{options.into[part].name}: {found.amounts[part]:.2f} steps")
    print(f"unexplained: {100 * found.residual:.0f} % of its length")
    return 0
