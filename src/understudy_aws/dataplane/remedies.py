"""What the machine refuses, in a sentence, with what would change that."""

from __future__ import annotations

import errno
import os

_ROOM = "more space on the disk"
_REMEDIES = {
    errno.EMFILE: "more open files (`ulimit -n 4096` before the server is started)",
    errno.ENFILE: "`sudo sysctl fs.file-max=1000000`",
    errno.ENOSPC: f"more namespaces (`sudo sysctl user.max_net_namespaces=15000`), or {_ROOM},",
    errno.EAGAIN: "more processes (`ulimit -u 4096` before the server is started), or the end of some,",
    errno.ENOMEM: "more memory, or the end of some processes,",
    errno.ENOBUFS: "more memory, or the end of some processes,",
}
_REMEDIES_OF_FILES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "a larger limit (`ulimit -f unlimited` before the server is started)",
    errno.EROFS: "a file system that can be written",
    errno.EACCES: "permission for this user to write there",
    errno.EPERM: "permission for this user to write there",
}


NO_MORE_THREADS = f"no more threads or processes can be started; {_REMEDIES[errno.EAGAIN]} would change that"


def told_of(error: Exception, *, of_files: bool = False) -> str:
    """Return what an error says, and what would change that, without a full stop; `of_files` of the state's."""
    number = error.errno if isinstance(error, OSError) else None
    if not number or not isinstance(error, OSError):
        return str(error) or type(error).__name__
    if error.strerror != os.strerror(number):
        # A sentence of ours, which says what there is to say.
        return error.strerror or str(error)
    said = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    remedies = {**_REMEDIES, **_REMEDIES_OF_FILES} if of_files else _REMEDIES
    return f"{said}; {remedies[number]} would change that" if number in remedies else said
