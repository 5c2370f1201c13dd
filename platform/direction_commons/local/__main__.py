"""`python -m direction_commons.local run | stop | reset | backup | restore | manage`, for the Makefile."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from direction_commons.local.errors import LocalError
from direction_commons.local.folders import folders_for


def port(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, not {text!r}")
    return number


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m direction_commons.local", description=__doc__)
    parser.add_argument("--home", type=Path, help="data folder; default DIRECTION_COMMONS_HOME or the user's")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="start everything on this machine, until Ctrl-C or stop")
    run.add_argument("--port", type=port, default=os.environ.get("PORT") or "8000")
    run.add_argument(
        "--no-demonstration", action="store_true", help="do not fill in the demonstration community"
    )
    commands.add_parser("stop", help="stop the stack that runs on this data")
    reset = commands.add_parser("reset", help="delete this data folder, after asking")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    backup = commands.add_parser("backup", help="database and pictures into one archive")
    backup.add_argument("file", type=Path, nargs="?", help="default direction-commons-<time>.tar here")
    restore = commands.add_parser("restore", help="put an archive into an empty data folder")
    restore.add_argument("file", type=Path)
    manage = commands.add_parser("manage", help="a command of manage.py on the stack that runs on this data")
    manage.add_argument("arguments", nargs=argparse.REMAINDER, help="such as demo_remove")
    arguments = parser.parse_args()

    try:
        folders = folders_for(arguments.home)
        if arguments.command == "run":
            from direction_commons.local.supervisor import Supervisor

            wanted = os.environ.get("DIRECTION_COMMONS_DEMONSTRATION", "1") != "0"
            demonstration = wanted and not arguments.no_demonstration
            Supervisor(folders, arguments.port, demonstration=demonstration).run()
        else:
            from direction_commons.local import upkeep

            if arguments.command == "stop":
                upkeep.stop(folders)
            elif arguments.command == "reset":
                upkeep.reset(folders, ask=not arguments.yes)
            elif arguments.command == "backup":
                upkeep.backup(folders, arguments.file)
            elif arguments.command == "manage":
                upkeep.manage(folders, arguments.arguments)
            else:
                upkeep.restore(folders, arguments.file)
    except LocalError as error:
        print(error, file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        print(
            f"The package {error.name} is not installed; `make install` installs what the lock names.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
