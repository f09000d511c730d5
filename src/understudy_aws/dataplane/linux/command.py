"""Runs a command with an interface of a VPC as its only network.

The command is this user's, with this user's files and rights, and starts in the directory where this process is;
`confinement.py` says what it sees of the machine. It is the second process of a process namespace of its own, so that
all it has started ends with it. It ends with the holder, and with who runs it.

Four processes make that: the one that calls enters the holder, the next leaves the machine and makes the process
namespace, the first process of that waits for whatever ends there, and its child becomes the command.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, NoReturn

from understudy_aws.dataplane.linux.confinement import leave_the_machine, see_own_processes
from understudy_aws.dataplane.linux.holder import enter_holder, find_holder, namespaces_directory
from understudy_aws.dataplane.linux.syscalls import (
    CLONE_NEWNET,
    CLONE_NEWPID,
    die_with_parent,
    drop_capabilities,
    hide_memory,
    setns,
)

_NOT_FOUND, _CANNOT_RUN = 127, 126
_SIGNALED = 128
# Those that are passed on to the command. The terminal sends the others to the command itself.
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
_FROM_THE_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
# Python ignores these, and a program that is executed would go on ignoring them.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
# The holder is seen to have ended a moment after the processes that end with it.
_HOLDER_ENDS_MILLISECONDS = 2000


class NoNodeError(Exception):
    """No node runs for the directory, or it has no such interface."""


class NetworkEndedError(Exception):
    """The network was taken down while a command ran in it, and the command with it."""


class _Program(NamedTuple):
    command: Sequence[str]
    environment: Mapping[str, str]
    directory: str


def run_command(
    directory: Path,
    interface: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    resolver: str,
    hidden: Sequence[Path] = (),
    files: Mapping[str, str] = MappingProxyType({}),
    readable: str | None = None,
) -> int:
    """Run a command at an interface and return its exit status, as a shell gives it.

    `resolver` is what the command finds in `/etc/resolv.conf`; it sees nothing in the directories that are `hidden`,
    nor in the node's. `files` are texts of files of its own, by their names in `OWN_FILES`. With `readable` it sees
    programs of this machine and that directory, empty for none, and no other files. Raises NoNodeError,
    NetworkEndedError and OSError. The process that calls this must have one thread alone, and is of no use for anything
    else afterwards.
    """
    holder = find_holder(directory)
    if holder is None:
        raise NoNodeError("No node runs here.")
    owner, parent = (os.geteuid(), os.getegid()), os.getppid()
    program = _Program(command, environment, _working_directory())
    try:
        holder_fd = enter_holder(holder)
        network = os.open(namespaces_directory(directory) / interface, os.O_RDONLY | os.O_CLOEXEC)
        setns(network, CLONE_NEWNET)
    except OSError as error:
        raise NoNodeError(f"The node has no interface {interface}.") from error
    setns(holder_fd, CLONE_NEWPID)
    _die_with(parent)
    child = fork_tied()
    if child == 0:
        _leave(program, partial(leave_the_machine, owner, (*hidden, directory), resolver, files, readable))
    status = _wait_for(child)
    if status == _SIGNALED + signal.SIGKILL and _has_ended(holder_fd):
        raise NetworkEndedError(
            f"The network was taken down, and with it {interface}; {command[0]} was ended."
        )
    return status


def _working_directory() -> str:
    """Return where this process is, which who enters a mount namespace leaves; `/` where somebody has deleted it."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text, which `Path` adds nothing to
    except FileNotFoundError:
        return "/"


def fork_tied() -> int:
    """Fork; the child is killed when this process ends, whenever that is."""
    read, write = os.pipe()
    child = os.fork()
    if child:
        os.close(read)
        # The other end is never written to. It is closed when this process ends.
        return child
    os.close(write)
    die_with_parent()
    ended = select.poll()
    ended.register(read, 0)
    if ended.poll(0):
        os._exit(_CANNOT_RUN)
    os.close(read)
    return 0


def _die_with(parent: int) -> None:
    """Have this process killed when its parent ends: the kernel forgets it when a process changes who it is."""
    die_with_parent()
    if os.getppid() != parent:
        os._exit(_CANNOT_RUN)


def _leave(program: _Program, leave: Callable[[], None]) -> NoReturn:
    """Leave the machine, which `leave` does, and wait for the first process of the new namespace."""
    status, parent, name = _CANNOT_RUN, os.getppid(), program.command[0]
    try:
        leave()
        _die_with(parent)
        child = fork_tied()
        if child == 0:
            _be_first(program)
        drop_capabilities()
        hide_memory()
        status = _wait_for(child)
    except OSError as error:
        _say(f"{name}: {error}")
    finally:
        os._exit(status)


def _be_first(program: _Program) -> NoReturn:
    """Start the command, and wait for all that ends in its process namespace until it does itself."""
    status, name = _CANNOT_RUN, program.command[0]
    try:
        see_own_processes()
        drop_capabilities()
        # It is a copy of who called it, which knows the server's token, and the command sees it.
        hide_memory()
        child = fork_tied()
        if child == 0:
            _become(program)
        status = _wait_for(child)
    except OSError as error:
        _say(f"{name}: {error}")
    finally:
        # What the command has left running ends with the first process of its namespace.
        os._exit(status)


def _become(program: _Program) -> NoReturn:
    name = program.command[0]
    for number in (*_IGNORED_BY_PYTHON, *_FROM_THE_TERMINAL):
        if number in _IGNORED_BY_PYTHON or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_PASSED_ON, *_FROM_THE_TERMINAL})
    try:
        os.chdir(program.directory)
    except OSError as error:
        _say(f"{name} starts in /, for {program.directory} is not to be had there: {error.strerror}")
    try:
        os.execvpe(name, list(program.command), dict(program.environment))  # noqa: S606 - a shell is the user's to name
    except FileNotFoundError:
        _say(f"{name}: not found")
        os._exit(_NOT_FOUND)
    except OSError as error:
        _say(f"{name}: {error.strerror}")
        os._exit(_CANNOT_RUN)


def hold_signals() -> None:
    """Keep signals waiting from before a command's processes are forked until each knows what to do with them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_PASSED_ON, *_FROM_THE_TERMINAL})


def pass_signals_on(child: int) -> None:
    """Pass signals on to a child, but for those that the terminal has sent to the command as well.

    One that this process was started to ignore stays ignored, by the command too.
    """
    for number in _FROM_THE_TERMINAL:
        signal.signal(number, signal.SIG_IGN)
    for number in _PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: _kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_PASSED_ON, *_FROM_THE_TERMINAL})


def _kill(child: int, number: int) -> None:
    # It may have ended already, by the same signal to the whole group.
    with suppress(ProcessLookupError):
        os.kill(child, number)


def _wait_for(child: int) -> int:
    """Wait for a child, and for others that end meanwhile; returns its status as a shell gives it."""
    pass_signals_on(child)
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else _SIGNALED + os.WTERMSIG(status)


def _has_ended(process: int) -> bool:
    ended = select.poll()
    ended.register(process, select.POLLIN)
    return bool(ended.poll(_HOLDER_ENDS_MILLISECONDS))


def _say(text: str) -> None:
    os.write(2, f"{text}\n".encode())
