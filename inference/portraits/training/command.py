"""`python -m inference train-portraits`: a generator of the drawn world, as a bundle.

Starts the drawing and training processes, waits, then measures the bundle's numbers and writes it. Running it
again with the same `--work` goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path

from inference.errors import OptionError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for pictures, checkpoints, sheets (GBs)"
    )
    parser.add_argument(
        "--recipe",
        choices=("known-codes", "label-free"),
        default="known-codes",
        help="whether training may see the numbers behind the pictures (default), or pictures only",
    )
    parser.add_argument("-o", "--output", type=Path, help="the bundle's folder (default: WORK/bundle)")
    parser.add_argument(
        "--minutes", type=float, default=65.0, help="training time, shared out over the stages"
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="go on with a finished run: its last two stages once more, for --minutes",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="BUNDLE",
        help="as --again, from a bundle of the same recipe, where WORK holds no checkpoint",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N")
    parser.add_argument("--processes", type=int, help="training processes on cpu (default: one a core)")
    parser.add_argument("--drawers", type=int, help="drawing processes beside them (default: one a core)")
    parser.add_argument("--pictures", type=int, default=40_000, help="how many pictures to draw (48 kB each)")
    parser.add_argument("--seed", type=int, default=0, help="decides pictures and first weights")
    parser.add_argument(
        "--people", type=int, default=32, help="held-out people the thresholds are measured on"
    )


def run(args: argparse.Namespace) -> int:
    """Train, measure, write the bundle. Returns the exit status."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpu = args.device != "cpu"
    world = 1 if gpu else args.processes or cores
    if args.minutes <= 0 or args.pictures < 64 or world < 1:
        raise OptionError(
            f"{args.minutes} minutes, {args.pictures} pictures, {world} processes",
            "more than 0 minutes, at least 64 pictures and 1 process",
        )
    if args.start is not None and not (args.work / "checkpoint.pt").exists():
        _check_start(args.recipe, args.start)
    args.work.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = str(max(1, cores if gpu else cores // world))
    spawn = multiprocessing.get_context("spawn")
    drawers = cores if args.drawers is None else args.drawers
    with tempfile.TemporaryDirectory() as meeting:
        drawing = [spawn.Process(target=_draw, args=(args, i, drawers), daemon=True) for i in range(drawers)]
        training = [
            spawn.Process(target=_train, args=(args, rank, world, Path(meeting) / "meet"), daemon=True)
            for rank in range(world)
        ]
        # without this a SIGTERM would end us and leave our processes training on
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        for process in [*drawing, *training]:
            process.start()
        try:
            for process in training:
                process.join()
        finally:
            for process in [*drawing, *training]:
                process.terminate()
                process.join()
    if any(process.exitcode for process in training):
        print("a training process failed; run the same command again to go on from the last checkpoint")
        return 1
    from inference.portraits.training.export import export_bundle

    export_bundle(args.work / "checkpoint.pt", args.output or args.work / "bundle", people=args.people)
    return 0


def _check_start(recipe: str, bundle: str) -> None:
    """Refuse a bundle that cannot be trained on here, and not in each of the processes."""
    from inference.bundle import Bundle
    from inference.portraits.training.recipes import RECIPES
    from inference.portraits.training.trainer import fill

    chosen = RECIPES[recipe]()
    fill(chosen.networks(), Bundle.load(bundle, "cpu"), chosen)


def _draw(args: argparse.Namespace, worker: int, workers: int) -> None:
    from inference.portraits.training.data import PictureCache
    from inference.portraits.training.networks import RESOLUTION
    from inference.portraits.training.recipes import RECIPES

    sampler = RECIPES[args.recipe].sampler
    PictureCache(args.work, args.pictures, args.seed, RESOLUTION, sampler).fill(worker, workers)


def _train(args: argparse.Namespace, rank: int, world: int, meeting: Path) -> None:
    import torch

    from inference.memory import keep_freed_memory
    from inference.portraits.training.parallel import join, leave
    from inference.portraits.training.recipes import RECIPES
    from inference.portraits.training.trainer import Options, Trainer

    keep_freed_memory()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    join(rank, world, meeting)
    options = Options(
        work=args.work,
        minutes=args.minutes,
        again=args.again,
        start=args.start,
        seed=args.seed,
        device=args.device,
        pictures=args.pictures,
    )
    Trainer(RECIPES[args.recipe](), options, rank, world).run()
    leave()
