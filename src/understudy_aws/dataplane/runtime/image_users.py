"""Whom an image's program runs as, by the image's own files of users and groups, and whether it can become another."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

_MOST_BYTES = 1024**2

ONE_USER = (
    "An image that starts as root can't go on as another user or give files to one here, where all processes and files "
    "of an instance are one user's: `understudy doctor` says what would let it. Or set USER in the Dockerfile "
    "(nginxinc/nginx-unprivileged is an nginx with one)."
)
"""What an image's program is kept from, where there are no further ids, that a container engine would let it do."""

# What programs call it, and what they are answered: to chown(2) and setuid(2) that there is no such user, and to
# setgroups(2) that they may not. Interpreters name the error on the line below.
_CHANGES_USERS = re.compile(
    r"(\bset(e|re|res)?[ug]id\b|setgroups|initgroups|chown|changing ownership|change ownership|"
    r"set groups|supplementary group|set (group|user) id|switching to|set [ug]id|drop(ping)? priv)"
    r"[^\n]*(\n[^\n]*)?(operation not permitted|invalid argument)",
    re.IGNORECASE,
)


class ImageUser(msgspec.Struct, frozen=True):
    """A user and group by their numbers, and the home."""

    user: int
    group: int
    home: str


def changes_users(lines: Sequence[str]) -> bool:
    """Whether a program's last lines say that it was refused to become another user or to give a file to one."""
    return _CHANGES_USERS.search("\n".join(lines)) is not None


def user_of(root: Path, text: str) -> ImageUser:
    """Return the user of an image's USER, `name`, `number` or either with a group. Raises LookupError.

    Without a group it is the user's own, or 0.
    """
    name, _, group = text.partition(":")
    rows = list(_rows(root, "passwd", 6))
    name = name or "0"
    row = next((each for each in rows if name in (each[0], each[2])), None)
    if row is None and not name.isdigit():
        raise LookupError(f"The image has no user {name}.")
    user = int(row[2]) if row is not None else int(name)
    own_group = int(row[3]) if row is not None else 0
    home = row[5] if row is not None else "/"
    return ImageUser(user, _group(root, group) if group else own_group, home or "/")


def starts_as_root(root: Path, text: str) -> bool:
    """Whether the user of an image's USER is root."""
    with suppress(LookupError):
        return user_of(root, text).user == 0
    return False


def _group(root: Path, name: str) -> int:
    if name.isdigit():
        return int(name)
    for row in _rows(root, "group", 3):
        if row[0] == name:
            return int(row[2])
    raise LookupError(f"The image has no group {name}.")


def _rows(root: Path, name: str, least: int) -> Iterator[list[str]]:
    """Yield the rows of a file of the image's, which is read only where it is in the image itself."""
    path = root / "etc" / name
    with suppress(OSError):
        if not path.resolve().is_relative_to(root.resolve()) or not stat.S_ISREG(path.stat().st_mode):
            return
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            for line in file.read(_MOST_BYTES).decode(errors="replace").splitlines():
                row = line.split(":")
                if len(row) >= least and row[2].isdigit() and (name == "group" or row[3].isdigit()):
                    yield row
