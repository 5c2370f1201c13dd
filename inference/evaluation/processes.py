"""Several one- or few-thread processes measure one experiment: each takes the next semantic that nobody has.

On processors two processes of one thread get through more pictures than one of two threads. What they find
goes into the experiment's `work` folder, from which whoever asks next takes it; nothing else comes back.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from inference.bundle import Bundle
from inference.errors import OptionError
from inference.evaluation.experiment import Experiment, Options
from inference.evaluation.judge import Judge
from inference.evaluation.pair_kinds import KINDS
from inference.evaluation.ways import ways_to_find
from inference.memory import keep_freed_memory

_ours: Experiment  # of a process that measures


def measure_apart(experiment: Experiment, processes: int) -> None:
    """Let `processes` find and measure every way of every semantic into the experiment's folder.

    Raises OptionError without a folder, or for less than one process.
    """
    work, bundle, options = experiment.kept.folder, experiment.bundle, experiment.options
    if work is None or processes < 1:
        raise OptionError(
            f"{processes} processes and {'no folder' if work is None else str(work)!r}",
            "at least 1, and a folder where several keep what they find",
            "add --work FOLDER",
            code="option:processes",
        )
    _ = experiment.baselines  # their samples are drawn and kept once, not by each process
    copy = work / "bundle"  # loaded in each process: networks do not travel between them
    bundle.save(copy)
    begin = (copy, str(bundle.device), options, work, max(1, (os.cpu_count() or 1) // processes))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=spawn, initializer=_begin, initargs=begin) as pool:
        for done in as_completed(pool.submit(_measure, name) for name in _longest_first(options.semantics)):
            experiment.report(f"measured: {done.result()}")


def _longest_first(semantics: Sequence[str]) -> list[str]:
    """Those of which there are most kinds of pairs, so that no process is left alone with one at the end."""
    return sorted(semantics, key=lambda name: -sum(name in able for able in KINDS.values()))


def _begin(bundle: Path, device: str, options: Options, work: Path, threads: int) -> None:
    global _ours
    torch.set_num_threads(threads)
    keep_freed_memory()
    _ours = Experiment(Bundle.load(bundle, device), Judge.load(), options, work=work)


def _measure(attribute: str) -> str:
    for name, (find, able) in ways_to_find(_ours).items():
        if attribute in able:
            _ours.asked(find, attribute, name)
    return attribute
