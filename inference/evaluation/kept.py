"""What an experiment has computed so far, in a folder, so that one that was stopped goes on where it was.

The folder belongs to one bundle and one set of options; several processes may share it. It holds pickles:
like any program, it is to be trusted before it is used, and is never taken from anybody else.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from inference.errors import OptionError

T = TypeVar("T")


class Kept:
    """Results by name; without a folder nothing is kept."""

    def __init__(self, folder: Path | None = None, about: Mapping[str, Any] | None = None) -> None:
        """`about` is what the results depend on. Raises OptionError where the folder is of something else."""
        self.folder = folder
        self._started = time.monotonic()
        self._before = 0.0
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        wanted = json.loads(json.dumps(about))
        stamp = folder / "about.json"
        if not stamp.exists():
            _write(stamp, json.dumps(wanted, indent=1).encode())
        found = json.loads(stamp.read_text(encoding="utf-8"))
        if found != wanted:
            different = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
            raise OptionError(
                f"the folder {str(folder)!r}, which is of an evaluation with other {', '.join(different)}",
                "an empty folder, or the options that it was begun with",
                code="option:work",
            )
        clock = folder / "seconds"
        if clock.exists():
            self._before = float(clock.read_text(encoding="utf-8"))

    def __call__(self, name: str, make: Callable[[], T]) -> T:
        """The result of this name, made now if it was not before."""
        if self.folder is None:
            return make()
        file = self.folder / f"{_file_name(name)}.pickle"
        if file.exists():
            kept: T = pickle.loads(file.read_bytes())
            return kept
        made = make()
        _write(file, pickle.dumps(made))
        _write(self.folder / "seconds", str(self.seconds).encode())
        return made

    @property
    def seconds(self) -> float:
        """How long all runs took together, those that were stopped up to the last result that they kept."""
        return self._before + time.monotonic() - self._started


def _file_name(name: str) -> str:
    return f"{re.sub(r'[^0-9A-Za-z]+', '-', name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _write(file: Path, content: bytes) -> None:
    """All of it or nothing, whoever else writes the same."""
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_bytes(content)
    part.replace(file)
