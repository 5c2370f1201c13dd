"""Run benchmarks, print a table, and store benchmarks/results/<name>.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import pkgutil
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import benchmarks

RESULTS = Path(__file__).parent / "results"


def available() -> list[str]:
    """The benchmark modules beside this one."""
    return sorted(
        module.name for module in pkgutil.iter_modules(benchmarks.__path__) if module.name != "__main__"
    )


def machine() -> dict[str, Any]:
    """What a reader must know of this machine, and nothing that names it."""
    facts: dict[str, Any] = {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": processor(),
        "python": platform.python_version(),
    }
    if "torch" in sys.modules:
        import torch

        facts["torch"] = torch.__version__
        facts["threads"] = torch.get_num_threads()
    if hasattr(os, "getloadavg"):
        facts["load"] = round(os.getloadavg()[0], 2)
    return facts


def processor() -> str:
    """The processor's model, where the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def run(name: str) -> bool:
    """One module: print each number when it is there, store them all. False when it could not be measured."""
    print(f"\n{name}")
    rows = []
    try:
        for row in importlib.import_module(f"benchmarks.{name}").measurements():
            print(f"  {row.name:<44} {row.value:>10.4g} {row.unit:<10} {row.note}", flush=True)
            rows.append(row)
    except Exception as error:  # the other benchmarks are still worth having
        print(f"  stopped: {type(error).__name__}: {error}", file=sys.stderr)
        return False
    RESULTS.mkdir(exist_ok=True)
    stored = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "results": [vars(row) for row in rows],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(stored, indent=2) + "\n")
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=benchmarks.__doc__)
    parser.add_argument("names", nargs="*", help=f"which (default: all of {', '.join(available())})")
    names = parser.parse_args().names or available()
    unknown = sorted(set(names) - set(available()))
    if unknown:
        parser.error(f"got {', '.join(unknown)}, wanted some of {', '.join(available())}")
    failed = [name for name in names if not run(name)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
