"""What can keep the local stack from running, each as one clear sentence for the terminal."""

from __future__ import annotations


class LocalError(Exception):
    """Printed as it is, without a traceback; the command then exits with status 1."""


class Stopped(Exception):
    """Somebody asked the supervisor to stop (Ctrl-C, `make stop`); not an error."""
