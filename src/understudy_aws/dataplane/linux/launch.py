"""Starts a program in the process namespace of a holder, whose child it is: `… .launch HOLDER PROGRAM ARGUMENTS…`.

Prints the number of its process and ends. The program goes on when whoever asked for it ends, and ends with the holder.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from understudy_aws.dataplane.linux.syscalls import CLONE_NEWPID, setns


def main(words: list[str]) -> int:
    """Start `words[1:]` for the holder of the number `words[0]`."""
    setns(os.pidfd_open(int(words[0])), CLONE_NEWPID)
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return 0
    # A process whose parent in its own process namespace has ended becomes the holder's.
    if os.fork():
        os._exit(0)
    os.setsid()
    # `/proc` is that of the caller, who knows this process by another number than it does itself.
    os.write(1, str(Path("/proc/self").readlink()).encode())
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    # Python ignores it, which a program would inherit, and pasta takes for an error.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.chdir("/")
    try:
        os.execv(words[1], words[1:])  # noqa: S606 - found by name among a few
    except OSError as error:
        os.write(2, f"{words[1]}: {error.strerror}\n".encode())
        os._exit(127)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
