"""Several processes measure one experiment: each takes the next semantic that nobody has.

What they find and measure goes into the experiment's `work` folder, from which whoever asks next takes it;
nothing else comes back. What is asked of all semantics together stays with the process that started them.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

import torch

from inference.bundle import Bundle
from inference.errors import OptionError
from inference.evaluation.experiment import Experiment, Options
from inference.evaluation.judge import Judge
from inference.evaluation.pair_kinds import KINDS
from inference.evaluation.ways import ways_to_find
from inference.memory import keep_freed_memory


def check_processes(processes: int, work: Path | None) -> None:
    """OptionError for less than one process, or for several without a folder."""
    if processes < 1:
        raise OptionError(f"{processes} processes", "at least 1", code="option:processes")
    if processes > 1 and work is None:
        raise OptionError(
            f"{processes} processes without a folder",
            "a folder in which they keep what they find",
            "add --work FOLDER",
            code="option:processes",
        )


def measure_in_processes(experiment: Experiment, processes: int) -> None:
    """Let `processes` find and measure every way of every semantic into the experiment's folder.

    Raises OptionError where one of them ended before it was done: of what they kept nothing is lost.
    """
    work, bundle, options = experiment.kept.folder, experiment.bundle, experiment.options
    check_processes(processes, work)
    assert work is not None
    _ = experiment.baselines  # their samples are drawn and kept once, not by each process
    copy = work / f"bundle-{bundle.digest[:12]}"  # loaded by each: networks do not travel between processes
    if not (copy / "bundle.toml").exists():
        bundle.save(copy)
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Value("i", 0)
    threads = max(1, torch.get_num_threads() // processes)
    everything = (copy, str(bundle.device), options, work, threads, taken)
    measuring = [spawn.Process(target=_measure, args=everything, daemon=True) for _ in range(processes)]
    try:
        for process in measuring:
            process.start()
        for process in measuring:
            process.join()
    finally:
        for process in measuring:
            process.terminate()
            process.join()
    if any(process.exitcode for process in measuring):
        raise OptionError(
            "a process that ended before it was done (what it said is above; memory may have been short)",
            f"{processes} that measure to the end",
            "run the same command again, perhaps with fewer --processes: it goes on from what is kept",
            code="option:processes",
        )


def _longest_first(semantics: Sequence[str]) -> list[str]:
    """Those of which there are most kinds of pairs, so that no process is left alone with one at the end."""
    return sorted(semantics, key=lambda name: -sum(name in able for able in KINDS.values()))


def _measure(
    bundle: Path, device: str, options: Options, work: Path, threads: int, taken: Synchronized[int]
) -> None:
    torch.set_num_threads(threads)
    keep_freed_memory()
    experiment = Experiment(Bundle.load(bundle, device), Judge.load(), options, work=work)
    ways = ways_to_find(experiment)
    parent = multiprocessing.parent_process()
    for number, attribute in enumerate(_longest_first(options.semantics)):
        with taken.get_lock():
            if taken.value > number:
                continue
            taken.value = number + 1
        for name, (find, able) in ways.items():
            if parent is not None and not parent.is_alive():
                raise SystemExit("the command that started this process is gone")
            if attribute in able:
                experiment.asked(find, attribute, name)
