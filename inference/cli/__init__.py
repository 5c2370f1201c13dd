"""The command line. One module a group of commands; each adds its parsers and names the function to run.

A person's mistake is one line on standard error and exit code 2, never a traceback; a traceback means that
the program is wrong. Importing this package loads no torch: commands that need it load it when they run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from inference.cli import codes, directions, editing, evaluation, finding, portraits, reconstruction
from inference.errors import InferenceError

EXAMPLES = """examples:
  python -m inference portrait --seed 11 --set glasses=0 -o before.png
  python -m inference portrait --seed 11 --set glasses=1 -o after.png
  python -m inference direction before.png after.png -o glasses.safetensors
  python -m inference edit photo.png --direction glasses.safetensors --intensity 1 -o out.png
"""
GROUPS = (portraits, codes, directions, finding, editing, evaluation, reconstruction)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parsed = build_parser(arguments).parse_args(arguments)
    try:
        return int(parsed.run(parsed) or 0)
    except InferenceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def build_parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of all commands; `arguments` say whether the training's own options are needed."""
    parser = argparse.ArgumentParser(
        prog="python -m inference",
        description="Directions in a generator's latent space, from before/after pairs of pictures.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in GROUPS:
        group.add_commands(commands, arguments)
    return parser
