"""A process that forks others, which need not start an interpreter and import what they are made of.

That takes longer than most of what is done: a tenth of a second of processor time for each task and each start of an
instance, of which a fork takes some milliseconds. A node has threads, and so it can't fork by itself: this is a child
that it has forked before it had any, and that shares its memory. It does nothing but fork, and ends with the node.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple, NoReturn

import msgspec

from understudy_aws.dataplane.runtime import isolation, launcher, worker

_PROGRAMS: Mapping[str, Callable[[list[str]], int]] = MappingProxyType(
    {"launcher": lambda _: launcher.main(), "worker": worker.main}
)
# Input, output and errors of a process, and where it is told how the process does.
_DESCRIPTORS = 4
_FIRST_OTHER = 3
_MOST_FILES = 1 << 20
# Python ignores these, and whoever starts a program from it takes that back.
_OF_PYTHON = {signal.SIGPIPE, signal.SIGXFSZ}
_LONGEST = 1 << 16


class Forked(NamedTuple):
    """The near ends of a process's input, output and errors; whoever has them closes them.

    `status` tells two lines: the process's number, or why there is none as the negative number of an error; and, when
    it has ended, what it returned or the negative number of a signal. The second is missing if nobody saw that.

    They are sockets, since uvloop closes the descriptor of a pipe twice, which may be another's by then.
    """

    stdin: socket.socket
    stdout: socket.socket
    stderr: socket.socket
    status: socket.socket


class ForkServer:
    """The way to the process that forks. It may be used by several threads."""

    def __init__(self) -> None:
        """Fork it from this process, which must have one thread alone."""
        self._turn = threading.Lock()
        self._socket, its = _pair()
        # One that is started when this one was killed.
        self._later: subprocess.Popen[bytes] | None = None
        self._first = 0
        # Where no process can be forked now, one is started when it is needed.
        with its, suppress(BlockingIOError):
            self._first = os.fork()
            if self._first == 0:
                os.dup2(its.fileno(), 0)
                _alone()

    def start(self, program: str, words: Iterable[str] = ()) -> Forked:
        """Have a process forked that runs `launcher` or `worker`, in a session of its own. Raises OSError."""
        asked = msgspec.json.encode((program, tuple(words)))
        pairs: list[tuple[socket.socket, socket.socket]] = []
        try:
            pairs += (socket.socketpair() for _ in range(_DESCRIPTORS))
            self._send(asked, [far.fileno() for _, far in pairs])
        except OSError:
            for near, _ in pairs:
                near.close()
            raise
        finally:
            for _, far in pairs:
                far.close()
        return Forked(*(near for near, _ in pairs))

    def close(self) -> None:
        """Let it end; what it has forked ends by itself."""
        self._socket.close()

    def _send(self, asked: bytes, descriptors: list[int]) -> None:
        with self._turn:
            try:
                socket.send_fds(self._socket, [asked], descriptors)
            except (BrokenPipeError, ConnectionResetError):
                self._start_another()
                socket.send_fds(self._socket, [asked], descriptors)

    def _start_another(self) -> None:
        """Start the process anew, which was killed; it can't be forked any more."""
        if self._later is None:
            if self._first:
                os.waitpid(self._first, 0)
                # This may fail hereafter, and is tried again then.
                self._first = 0
        else:
            self._later.wait()
        self._socket.close()
        self._socket, its = _pair()
        with its:
            words = [sys.executable, "-m", "understudy_aws.dataplane.runtime.fork_server"]
            self._later = subprocess.Popen(words, stdin=its.fileno())  # noqa: S603 - our own program


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _alone() -> NoReturn:
    """Serve at standard input, with nothing else of the process that this was forked from."""
    try:
        os.closerange(_FIRST_OTHER, _MOST_FILES)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _serve()
    except BaseException:  # noqa: BLE001 - as the interpreter does with a main program
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _serve() -> None:
    """Fork what is asked for, until nobody can ask any more."""
    # What is there is not looked at by the garbage collections of what is forked, and its pages stay shared.
    gc.collect()
    gc.freeze()
    asked = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    waiting = select.poll()
    waiting.register(asked, select.POLLIN)
    # Numbers of processes and where they are told of, by descriptors that tell when they end.
    children: dict[int, tuple[int, int]] = {}
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor in children:
                waiting.unregister(descriptor)
                os.close(descriptor)
                _tell_end(*children.pop(descriptor))
                continue
            message, descriptors, _, _ = socket.recv_fds(asked, _LONGEST, _DESCRIPTORS)
            if not message:
                return
            if len(descriptors) < _DESCRIPTORS:
                # No more could be opened. Whoever asked hears that there is nobody.
                for each in descriptors:
                    os.close(each)
                continue
            child = _forked(message, descriptors)
            if child is not None:
                try:
                    ends = os.pidfd_open(child)
                except OSError as error:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    _tell(descriptors[-1], -(error.errno or 0))
                    os.close(descriptors[-1])
                    continue
                _tell(descriptors[-1], child)
                children[ends] = (child, descriptors[-1])
                waiting.register(ends, select.POLLIN)
                # The first does what is asked for meanwhile, and has to find out for itself.
                isolation.find_out()


def _forked(message: bytes, descriptors: list[int]) -> int | None:
    """Fork a process and return its number; return None where that is refused, and say why."""
    child = None
    try:
        has_session, makes_session = os.pipe()
        try:
            child = os.fork()
            if child == 0:
                _become(message, descriptors, makes_session)
        finally:
            os.close(makes_session)
            if child is not None:
                # It is told of when it can be ended with all that it starts, or was killed before.
                os.read(has_session, 1)
            os.close(has_session)
    except OSError as error:
        _tell(descriptors[-1], -(error.errno or 0))
    for each in descriptors[:-1]:
        os.close(each)
    if child is None:
        os.close(descriptors[-1])
    return child


def _become(message: bytes, descriptors: list[int], makes_session: int) -> NoReturn:
    code = 1
    try:
        os.setsid()
        # What a shell ignores that starts a server in the background, programs of services need not.
        for each in signal.valid_signals() - _OF_PYTHON:
            if signal.getsignal(each) == signal.SIG_IGN:
                signal.signal(each, signal.SIG_DFL)
        os.close(makes_session)
        for number in range(_FIRST_OTHER):
            os.dup2(descriptors[number], number)
        os.closerange(_FIRST_OTHER, _MOST_FILES)
        program, words = msgspec.json.decode(message, type=tuple[str, list[str]])
        code = _PROGRAMS[program](words)
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - as the interpreter does with a main program
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _tell_end(child: int, status: int) -> None:
    _, how = os.waitpid(child, 0)
    _tell(status, os.waitstatus_to_exitcode(how))
    os.close(status)


def _tell(status: int, number: int) -> None:
    # Whoever asked may have been cancelled meanwhile.
    with suppress(BrokenPipeError):
        os.write(status, b"%d\n" % number)


if __name__ == "__main__":
    _serve()
