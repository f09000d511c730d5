"""The server's side of the socket to the node."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from understudy_aws.dataplane.messages import Answer, Question
from understudy_aws.dataplane.remedies import told_of

SOCKET = "socket"
"""What the node's socket is called in its directory."""

LOCK = "lock"
"""What the file is called in it whose lock the node has, from before it starts until it has ended."""

WANTED = "wanted.json"
"""What the file is called in it that is there as long as a network is wanted."""

INGRESS = "ingress"
"""What the file is called in it that has where requests are taken, until the network is ended."""

FLOWS = "flows"
"""What the folder is called in it that has what is recorded for flow logs."""

_RECEIVE = 1 << 16


@contextmanager
def short_path(directory: Path) -> Iterator[Path]:
    """Yield another path of a directory, since the path of a socket must not be longer than 107 bytes.

    Without Linux's `/proc` there is no other path.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = Path(f"/proc/self/fd/{fd}")
        yield short if short.exists() else directory
    finally:
        os.close(fd)


class NodeLostError(Exception):
    """No node answers, or it ended in the middle of an answer."""


class NodeClient:
    """A connection to the node of a directory. Blocks; one caller at a time."""

    def __init__(self, directory: Path, timeout: float = 30.0) -> None:
        """Connect. Raises NodeLostError when no node runs."""
        self._decode = msgspec.json.Decoder(Answer).decode
        try:
            self._socket = socket.socket(socket.AF_UNIX)
        except OSError as error:
            raise NodeLostError(told_of(error)) from error
        self._socket.settimeout(timeout)
        try:
            with short_path(directory) as place:
                self._socket.connect(str(place / SOCKET))
        except OSError as error:
            self._socket.close()
            raise NodeLostError(told_of(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; the node goes on."""
        self._socket.close()

    def ask(self, question: Question) -> Answer:
        """Return the answer to a question. Raises NodeLostError."""
        return self.ask_line(msgspec.json.encode(question))

    def ask_line(self, asked: bytes) -> Answer:
        """Return the answer to a question that is encoded already. Raises NodeLostError."""
        try:
            self._socket.sendall(asked + b"\n")
            line = b""
            while not line.endswith(b"\n"):
                received = self._socket.recv(_RECEIVE)
                if not received:
                    raise NodeLostError("The node ended before it answered.")
                line += received
        except OSError as error:
            raise NodeLostError(told_of(error)) from error
        answer: Answer = self._decode(line)
        return answer
