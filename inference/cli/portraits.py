"""`portrait`, `train-portraits`, `train-judge`: the drawn world's pictures, its generator and its judge."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from inference.cli.common import Commands, add_command
from inference.errors import AttributeNameError, AttributeValueError, OptionError

TRAIN = "train-portraits"
TRAIN_JUDGE = "train-judge"


def add_commands(commands: Commands, arguments: Sequence[str]) -> None:
    """Add them; a training's options are loaded only when it is asked for."""
    parser = add_command(
        commands,
        "portrait",
        run_portrait,
        "Draw a portrait.",
        "  python -m inference portrait --seed 3 -o p.png\n"
        "  python -m inference portrait --set glasses=1 --set smile=0.8 --seed 3 --size 256 -o p.png\n"
        "  python -m inference portrait --list\n",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an attribute, 0..1; may be given again",
        dest="settings",
    )
    parser.add_argument("--seed", type=int, default=0, help="same seed, same person (default: 0)")
    parser.add_argument("--size", type=int, default=128, help="pixels (default: 128)")
    parser.add_argument("--list", action="store_true", help="list the attributes and stop")
    parser.add_argument("-o", "--out", type=Path, help="picture file to write (.png, .jpg or .webp)")
    training = add_command(
        commands,
        TRAIN,
        run_training,
        "Train the embedded generator from nothing.",
        "  python -m inference train-portraits --help\n",
    )
    if TRAIN in arguments[:1]:
        from inference.portraits.training import command

        command.add_arguments(training)
    judge = add_command(
        commands,
        TRAIN_JUDGE,
        run_judge_training,
        "Train the judge that directions are measured with.",
        "  python -m inference train-judge --help\n",
    )
    if TRAIN_JUDGE in arguments[:1]:
        from inference.evaluation import judge_training

        judge_training.add_arguments(judge)


def run_portrait(options: argparse.Namespace) -> int:
    """Draw one portrait, or list what can be asked for."""
    from inference.images import write_image
    from inference.portraits import ATTRIBUTES, render

    if options.list:
        for attribute in ATTRIBUTES:
            print(f"{attribute.name:18} 0..1  {attribute.sentence}")
        return 0
    if options.out is None:
        raise OptionError("no output file", "-o FILE", "add for example -o portrait.png", code="option:out")
    write_image(options.out, render(parse_settings(options.settings), options.seed, options.size))
    return 0


def run_training(options: argparse.Namespace) -> int:
    """Hand over to the training's own command."""
    from inference.portraits.training import command

    return int(command.run(options) or 0)


def run_judge_training(options: argparse.Namespace) -> int:
    """Hand over to the judge's own training."""
    from inference.evaluation import judge_training

    return judge_training.run(options)


def parse_settings(settings: Sequence[str]) -> dict[str, float]:
    """["smile=0.8", ...] -> {"smile": 0.8, ...}; whether name and value are allowed, the renderer says."""
    attributes: dict[str, float] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise AttributeNameError(
                f"--set {setting!r}", "NAME=VALUE", "for example --set smile=0.8", code="attribute:setting"
            )
        try:
            attributes[name.strip()] = float(text)
        except ValueError as error:
            raise AttributeValueError(f"{name}={text!r}", "a number in 0..1") from error
    return attributes
