"""Whether others could change what is in a state directory, and the command that keeps them out."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path


def danger_in(directory: Path, me: int | None = None) -> str:
    """Return a sentence, with the command that mends it, if others may write to a directory; else an empty text.

    Who may write to a folder above it may put another directory in its place, unless the folder is sticky as `/tmp`
    is; and so may who owns one of them, which root alone overlooks. Links are followed, and the folders that hold
    them count as well. The directory and some folders above it may not be there yet.
    """
    me = os.geteuid() if me is None else me
    seen: set[Path] = set()
    for path in (directory.resolve(), directory.absolute()):
        for each in (path, *path.parents):
            if each not in seen and (danger := _danger_of(each, me, is_state=each == path)):
                return danger
            seen.add(each)
    return ""


def _danger_of(path: Path, me: int, *, is_state: bool) -> str:
    try:
        found = path.lstat()
    except OSError:
        return ""
    what = (
        f"The state directory {path}" if is_state else f"The folder {path}, which the state directory is in,"
    )
    if stat.S_ISLNK(found.st_mode):
        # Where it leads is looked at by itself; what counts here is who may replace it.
        what = f"The link {path}"
    danger = ""
    if found.st_uid not in (me, 0) and (is_state or me != 0):
        danger = (
            f"{what} belongs to user {_user_name(found.st_uid)}, who may change it. Run as that user, choose another "
            f"--state, or take it over: sudo chown -h {_user_name(me)} {_quoted(path)}"
        )
    elif stat.S_ISLNK(found.st_mode) or (found.st_mode & stat.S_ISVTX and not is_state):
        pass
    elif found.st_mode & stat.S_IWOTH:
        danger = f"{what} may be written to by everybody. This keeps others out: chmod go-w {_quoted(path)}"
    elif found.st_mode & stat.S_IWGRP and not _is_private_group(found.st_gid, me):
        group = _group_name(found.st_gid)
        danger = f"{what} may be written to by group {group}. This keeps it out: chmod g-w {_quoted(path)}"
    return danger


def _is_private_group(group: int, me: int) -> bool:
    """Whether a group has no other members, as the one of the same name that many systems give each user."""
    try:
        user, found = pwd.getpwuid(me), grp.getgrgid(group)
    except KeyError:
        return False
    if set(found.gr_mem) - {user.pw_name}:
        return False
    return all(each.pw_uid in (me, 0) for each in pwd.getpwall() if each.pw_gid == group)


def _user_name(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
