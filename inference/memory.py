"""Memory that convolutions on processors free and take again at once."""

from __future__ import annotations

import ctypes
import sys

# names of glibc's malloc.h
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_LARGE = 2**31 - 1


def keep_freed_memory() -> bool:
    """Ask glibc to keep large blocks that are freed, for this process; False where there is no glibc.

    By default it gives them back to the kernel after every convolution and faults them in again. The price: a
    process stays as large as it has been. Workers are started with the same wishes in their environment.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False  # musl
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, _LARGE) and mallopt(_M_TOP_PAD, 10**8))
