"""Trees of files that others have made: measured and removed, however deep they are and whatever their modes.

A command may nest directories until no path leads to the innermost any more. So nothing here follows a path: each
directory is opened from the one that it is in, and a tree is removed from its top by taking what is below it up.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.linux.syscalls import CLONE_NEWUSER
from understudy_aws.dataplane.linux.user_maps import enter_root_of, found_range

DEEPEST = 200
"""Directories in one another that a tree may have."""

# What an entry takes of a disk at least, which is not counted in its blocks.
_LEAST_BYTES = 1024
_SECONDS = 600
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TooDeepError(Exception):
    """Directories lie deeper in one another than a tree may have them."""


def size_of(place: Path) -> int:
    """Return how many bytes of a disk a directory takes; what is linked twice counts once. Raises TooDeepError."""
    try:
        folder = os.open(place, _FLAGS)
    except OSError:
        return 0
    try:
        return _measured(folder, 0, set())
    finally:
        os.close(folder)


def _measured(folder: int, depth: int, seen: set[int]) -> int:
    if depth > DEEPEST:
        raise TooDeepError
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode) or found.st_ino not in seen:
                    total += max(found.st_blocks * 512, _LEAST_BYTES)
                if stat.S_ISDIR(found.st_mode):
                    inner = os.open(entry.name, _FLAGS, dir_fd=folder)
                    try:
                        total += _measured(inner, depth + 1, seen)
                    finally:
                        os.close(inner)
                elif found.st_nlink > 1:
                    seen.add(found.st_ino)
    return total


def remove_tree(place: Path) -> None:
    """Remove a directory, also one with directories in it that their owner may not write."""
    if place.is_symlink():
        return
    with suppress(OSError):
        place.chmod(0o700)
    try:
        top = os.open(place, _FLAGS)
    except OSError:
        return
    try:
        number = 0
        refused: set[str] = set()
        while names := [each for each in _names(top) if each not in refused]:
            for name in names:
                number = _take_up(top, name, number)
                if _is_there(top, name):
                    refused.add(name)
    finally:
        os.close(top)
    with suppress(OSError):
        place.rmdir()
    if os.path.lexists(place) and os.geteuid() != 0 and found_range() is not None:
        # What is left is an image's whose files have owners, whom nobody is outside of a holder's namespace.
        words = [sys.executable, "-m", "understudy_aws.dataplane.runtime.file_trees", str(place)]
        subprocess.run(words, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False)  # noqa: S603 - our own program


def _take_up(top: int, name: str, number: int) -> int:
    """Remove an entry of a directory, to which it takes up the directories in it; returns the next free number."""
    try:
        folder = _opened(top, name)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=top)
        return number
    try:
        for each in _names(folder):
            with suppress(OSError):
                if stat.S_ISDIR(os.stat(each, dir_fd=folder, follow_symlinks=False).st_mode):
                    # A directory is moved by who may write it.
                    os.close(_opened(folder, each))
                    while _is_there(top, f"{number}"):
                        number += 1
                    os.rename(each, f"{number}", src_dir_fd=folder, dst_dir_fd=top)
                else:
                    os.unlink(each, dir_fd=folder)
    finally:
        os.close(folder)
    with suppress(OSError):
        os.rmdir(name, dir_fd=top)
    return number


def _opened(folder: int, name: str) -> int:
    """Open a directory of a directory, which its owner may then write. Raises OSError for what is none."""
    if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        raise NotADirectoryError(name)
    os.chmod(name, 0o700, dir_fd=folder)
    return os.open(name, _FLAGS, dir_fd=folder)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [each.name for each in entries]


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    enter_root_of(os.geteuid(), os.getegid(), CLONE_NEWUSER)
    remove_tree(Path(sys.argv[1]))
