"""Tells glibc what to do with freed memory. Another C library is left as it is."""

from __future__ import annotations

import ctypes

# glibc's names for what may be set (malloc.h).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_freed_memory() -> None:
    """Tell the C library to keep a few megabytes of what is freed for the next large answer.

    Given back and taken again, a megabyte costs a page fault for each of its pages: listing a thousand records took
    twice as long. Larger blocks, such as bodies of requests, have memory of their own and leave no holes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 4 * 1024 * 1024)
    mallopt(_M_TRIM_THRESHOLD, 32 * 1024 * 1024)


def give_back() -> None:
    """Give all freed memory back to the kernel, holes included; it takes milliseconds."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return
    trim(0)
