"""The owners of an image's files: unpacked as one user's, they are given to the ids that stand for their owners.

What unpacks layers does so without any right (images.py), and notes owners beside the files, in the attribute
`user.rootlesscontainers`: a message of protocol buffers with the user as field 1 and the group as 2, where they are not
root (https://rootlesscontaine.rs/). Links and devices can't have it, and are root's.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from understudy_aws.dataplane.linux.user_maps import COUNT, FIRST

_ATTRIBUTE = "user.rootlesscontainers"
_NOBODY = 65534
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# Of a field's key, what its value is like, and a number of variable length; what stands for an id that is not set.
_LIKE, _VARINT, _UNSET = 7, 0, 0xFFFFFFFF


def can_give(place: Path) -> bool:
    """Whether files at a place, a directory that is there, can have owners; file systems of networks may have none."""
    tried = place / ".owner"
    try:
        tried.touch()
        os.chown(tried, FIRST, FIRST)
    except OSError:
        return False
    finally:
        tried.unlink(missing_ok=True)
    return True


def give_to_owners(root: Path) -> None:
    """Give a directory and everything in it to the ids of its owners. Raises OSError.

    No path is followed: links in it may lead anywhere.
    """
    folder = os.open(root, _DIRECTORY)
    try:
        _give_all(folder)
        _give(folder)
    finally:
        os.close(folder)


def _give_all(folder: int) -> None:
    with os.scandir(folder) as entries:
        found = [(each.name, each.stat(follow_symlinks=False).st_mode) for each in entries]
    for name, mode in found:
        if stat.S_ISDIR(mode):
            inner = os.open(name, _DIRECTORY, dir_fd=folder)
            try:
                _give_all(inner)
                _give(inner)
            finally:
                os.close(inner)
        elif stat.S_ISREG(mode):
            file = os.open(name, _FILE, dir_fd=folder)
            try:
                _give(file)
            finally:
                os.close(file)
        else:
            os.chown(name, FIRST, FIRST, dir_fd=folder, follow_symlinks=False)


def _give(file: int) -> None:
    mode = stat.S_IMODE(os.fstat(file).st_mode)
    noted = b""
    with suppress(OSError):
        noted = os.getxattr(file, _ATTRIBUTE)
    user, group = noted_owner(noted)
    os.fchown(file, FIRST + user, FIRST + group)
    # The kernel takes the bits away by which a program runs as its owner.
    os.fchmod(file, mode)


def noted_owner(noted: bytes) -> tuple[int, int]:
    """Return the user and group that an attribute tells; root where it tells none, nobody for ids beyond the range."""
    found = {1: 0, 2: 0}
    place = 0
    while place < len(noted):
        key, place = _number(noted, place)
        value, place = _number(noted, place)
        if key & _LIKE != _VARINT:
            break
        if value != _UNSET:
            found[key >> 3] = value if value < COUNT else _NOBODY
    return found[1], found[2]


def _number(noted: bytes, place: int) -> tuple[int, int]:
    """Return the number that begins at a place, seven bits in each byte, and where the next begins."""
    value = shift = 0
    while place < len(noted):
        value |= (noted[place] & 0x7F) << shift
        shift += 7
        place += 1
        if not noted[place - 1] & 0x80:
            break
    return value, place
