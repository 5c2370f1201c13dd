"""Work for a real worker process in tests: waits beside a file, and notes what it did in another.

The key is a folder: "go" in it lets the work end, "log" gets a line for each start and end.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from direction_commons.jobs.handling import Batch, handler


@handler(kind="slow", batch=2)
def run(batch: Batch) -> None:
    note(batch, "start")
    while not all((Path(claim.key) / "go").exists() for claim in batch.claims):
        batch.renew(0.5)
        time.sleep(0.05)
    for claim in batch.claims:
        with batch.finishing(claim):
            pass
    note(batch, "end")


def note(batch: Batch, what: str) -> None:
    for claim in batch.claims:
        with (Path(claim.key) / "log").open("a") as out:
            out.write(f"{what} {os.getpid()}\n")
