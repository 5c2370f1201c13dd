#!/usr/bin/env python
"""Django's command line, with the `platform/` source root on the path."""

import os
import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent / "platform"))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "direction_commons.config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
