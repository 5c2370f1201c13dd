"""Runs PostgreSQL when we are root, which it refuses, without loosening the permission of any file.

First choice: a user namespace in which the process is an ordinary user while its files stay root's. Where the
kernel or a container forbids that: the uid of an existing ordinary user with the one capability to pass
through root's folders. Refuses nothing itself; when both ways fail, PostgreSQL's own refusal is in its log.

The functions returned here run between fork and exec: no imports, no locks, no logging.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAP_VERSION_3 = 1, 0x20080522
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def ordinary_user() -> int:
    """The lowest uid above root's that has a name: `initdb` wants to look it up."""
    return min((user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0), default=65534)


def enter_namespace(uid: int) -> None:
    """From here on we call ourselves `uid`, and everybody outside still sees root."""
    assert LIBC is not None
    group = os.getegid()  # inside, unmapped ids read as "nobody"
    if LIBC.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{uid} {group} 1")
    Path("/proc/self/uid_map").write_text(f"{uid} 0 1")


def become(uid: int) -> None:
    """Drops to `uid`, keeping only CAP_DAC_OVERRIDE (to reach a data folder below root's 0700 home)."""
    assert LIBC is not None
    LIBC.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    mask = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)  # effective, permitted, inheritable; low, high
    if LIBC.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
    if LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@cache
def namespace_works() -> bool:
    uid = ordinary_user()
    try:
        subprocess.run(["true"], preexec_fn=lambda: enter_namespace(uid), check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def unprivileged() -> tuple[Callable[[], None], int] | None:
    """How a child stops being root, and which uid must own its files; None when we are not root."""
    if os.geteuid() != 0 or LIBC is None:
        return None
    uid = ordinary_user()
    if namespace_works():
        return (lambda: enter_namespace(uid)), 0
    return (lambda: become(uid)), uid


def die_with_parent(number: signal.Signals) -> None:
    """The kernel sends us `number` when our parent dies (Linux; elsewhere the next start cleans up)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
