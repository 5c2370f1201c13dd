"""Freed memory stays with the process, where glibc is asked for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
import numpy as np
from inference.memory import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    for _ in range(10):
        np.ones(12_000_000, np.float32)  # 48 MB, taken and freed
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_blocks_that_were_kept_are_not_faulted_in_again() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    faults = {
        how: int(subprocess.check_output([sys.executable, "-c", SCRIPT, how], text=True, env=environment))
        for how in ("leave", "keep")
    }
    assert faults["keep"] < faults["leave"] / 10
