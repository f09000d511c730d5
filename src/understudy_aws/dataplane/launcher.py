"""Finds the node of a state, and starts it when it is first wanted."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from understudy_aws.core.deferred import deferred
from understudy_aws.dataplane.client import FLOWS, INGRESS, LOCK, SOCKET, WANTED, NodeClient, NodeLostError
from understudy_aws.dataplane.deltas import NetworkDelta, delta_of
from understudy_aws.dataplane.messages import (
    Answer,
    Done,
    GetStatus,
    Question,
    Refused,
    Status,
    Stop,
    Want,
    WantChange,
    revision_of,
)
from understudy_aws.dataplane.remedies import told_of
from understudy_aws.dataplane.wanted import Network

if TYPE_CHECKING:
    from understudy_aws.dataplane.linux import holder
    from understudy_aws.dataplane.runtime import control_groups, file_trees
else:
    holder = deferred("understudy_aws.dataplane.linux.holder")
    control_groups = deferred("understudy_aws.dataplane.runtime.control_groups")
    file_trees = deferred("understudy_aws.dataplane.runtime.file_trees")

_START_SECONDS = 15.0
# A node may end, or be killed, between being found and being asked.
_ATTEMPTS = 3
_AGAIN_SECONDS = 0.05
_LOG = "node.log"


class NodeError(Exception):
    """There is no node, or it can't do what is asked; the text is one sentence."""


class _Child:
    """The node that this process has started, which it must wait for when that ends.

    `starting` is held by who starts one; none is started any more when it `is_over`.
    """

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.starting = threading.RLock()
        self.is_over = False


class NodeLauncher:
    """The way to the node of a directory. Blocks; callers in several threads wait for each other.

    A node that is `tied` ends with this process, whose state is gone then; others go on.
    """

    def __init__(self, directory: Path, *, tied: bool) -> None:
        self.directory = directory
        self._tied = tied
        self._client: NodeClient | None = None
        # What it was told last, and the revision of that; None before it was told anything.
        self._told: Network | None = None
        self._revision = ""
        self._child = _Child()
        self._pause = threading.Event()
        self._turn = threading.RLock()

    def beside(self) -> NodeLauncher:
        """Return another way to the same node, for another caller, who may ask at the same time."""
        other = NodeLauncher(self.directory, tied=self._tied)
        other._child = self._child
        return other

    def ask(self, question: Question) -> Answer:
        """Return the node's answer; starts a node when none runs. Raises NodeError."""
        return self._ask(msgspec.json.encode(question))

    def want(self, network: Network) -> None:
        """Have the node make a network; it is told what changed since it was last told. Raises NodeError."""
        with self._turn:
            self._want(network)

    def _want(self, network: Network) -> None:
        if self._told is not None:
            delta = delta_of(self._told, network)
            line = msgspec.json.encode(WantChange(self._revision, delta))
            try:
                answer = self._ask(line)
            except NodeError:
                # It may be that it could not read this, so that the next time it is told the whole.
                self._told = None
                raise
            if isinstance(answer, Done):
                self._told = network
                if delta != NetworkDelta():
                    self._revision = revision_of(line)
                return
        self._told = None
        line = msgspec.json.encode(Want(network))
        self._ask(line)
        self._told, self._revision = network, revision_of(line)

    def _ask(self, line: bytes) -> Answer:
        with self._turn:
            return self._ask_now(line)

    def _ask_now(self, line: bytes) -> Answer:
        for attempt in range(1, _ATTEMPTS + 1):
            client = self._client or self._started()
            self._client = client
            try:
                answer = client.ask_line(line)
            except NodeLostError as error:
                self._disconnect()
                if attempt < _ATTEMPTS:
                    # A node that was killed may still take a connection, and only then be gone.
                    self._pause.wait(_AGAIN_SECONDS * (attempt - 1))
                    continue
                raise NodeError(f"The node was lost: {error}") from error
            if isinstance(answer, Refused):
                raise NodeError(answer.reason)
            return answer
        raise AssertionError("the last attempt returns or raises")

    def status(self) -> Status | None:
        """Return how the node does that was asked last; None when it answers no more. Starts none."""
        with self._turn:
            if self._client is None:
                return None
            answer = self.ask_running(GetStatus())
        return answer if isinstance(answer, Status) else None

    def ask_running(self, question: Question) -> Answer | None:
        """Return the answer of the node that runs; None where none does. Starts none."""
        with self._turn:
            try:
                self._client = self._client or NodeClient(self.directory)
                return self._client.ask(question)
            except NodeLostError:
                self._disconnect()
                return None

    def may_run(self) -> bool:
        """Whether a node runs, or ran last and was killed."""
        return (self.directory / SOCKET).exists() or self._is_held()

    def runs(self) -> bool:
        """Whether a node answers, or its holder keeps a network. Starts none."""
        return self.ask_running(GetStatus()) is not None or self._is_held()

    def stop(self) -> bool:
        """Take the network down, and everything that runs in it; returns whether there was one. Raises NodeError.

        Where the node was killed and what it had made is left, another one is started that ends it.
        """
        with self._turn:
            return self._stop()

    def end(self) -> None:
        """Take the network down if it is tied to this process, and start no node any more.

        A thread may be about to ask for something still, also one beside, which would start one.
        """
        with self._child.starting:
            self._child.is_over = True
        try:
            if self._tied:
                self.stop()
        finally:
            self.close()

    def _stop(self) -> bool:
        self._told = None
        found = False
        for _ in range(_ATTEMPTS):
            client = self._client or self._running()
            if client is None:
                if not self._is_held():
                    break
                client = self._started_now()
            self._client, found = None, True
            with suppress(NodeLostError), client:
                client.ask(Stop())
                break
        self._reap()
        if self._tied:
            # A state in memory leaves nothing.
            file_trees.remove_tree(self.directory)
        else:
            self._forget()
        return found

    def _forget(self) -> None:
        """Remove what a node has left that ended with its holder, and could not say that nothing is wanted."""
        with suppress(FileNotFoundError):
            lock = self._locked(os.O_RDONLY)
            if lock is not None:
                holder.forget_holder(self.directory)
                control_groups.end_groups(self.directory)
                for name in (WANTED, SOCKET, INGRESS):
                    (self.directory / name).unlink(missing_ok=True)
                shutil.rmtree(self.directory / FLOWS, ignore_errors=True)
                os.close(lock)

    def _is_held(self) -> bool:
        """Whether a holder keeps a network, with a node or without one."""
        return holder.find_holder(self.directory) is not None

    def close(self) -> None:
        """End the connection; the node goes on, and is nobody's child to wait for any more."""
        with self._turn:
            self._disconnect()
            if self._child.process is not None:
                # Python warns of a process that is let go of before it has ended.
                self._child.process.returncode = self._child.process.poll() or 0
                self._child.process = None

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _running(self) -> NodeClient | None:
        """Return the way to the node that runs, or None. One that starts or ends is waited for. Raises NodeError."""
        for _ in range(int(_START_SECONDS / 0.01)):
            with suppress(NodeLostError):
                return NodeClient(self.directory)
            try:
                lock = self._locked(os.O_RDONLY)
            except FileNotFoundError:
                return None
            if lock is not None:
                os.close(lock)
                return None
            self._pause.wait(0.01)
        raise NodeError(f"A node runs for {self.directory} and does not answer.")

    def _locked(self, flags: int) -> int | None:
        """Take the lock of the directory, which a node has from before it starts until it has ended."""
        lock = os.open(self.directory / LOCK, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _started(self) -> NodeClient:
        """Return the way to the node; starts one when none runs. Raises NodeError."""
        with self._child.starting:
            if self._child.is_over:
                raise NodeError("The server ends.")
            return self._started_now()

    def _started_now(self) -> NodeClient:
        try:
            return self._found_or_started()
        except OSError as error:
            why = told_of(error, of_files=True)
            raise NodeError(f"The node can't be started in {self.directory}: {why}.") from error

    def _found_or_started(self) -> NodeClient:
        while True:
            running = self._running()
            if running is not None:
                return running
            self._reap()
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._locked(os.O_RDWR | os.O_CREAT)
            if lock is not None:
                break
        try:
            return self._start(lock)
        finally:
            os.close(lock)

    def _start(self, lock: int) -> NodeClient:
        """Start a node, which gets the lock, so that it is known of even before it has begun."""
        words = [sys.executable, "-m", "understudy_aws.node", str(self.directory), "--replaced"]
        words += ["--lock", str(lock)]
        if self._tied:
            words += ["--with", str(os.getpid())]
        log = self.directory / _LOG
        with log.open("wb", buffering=0) as errors:
            # On a full disk it could not even say why it can't start.
            errors.write(b"\n")
            process = self._child.process = subprocess.Popen(  # noqa: S603 - our own program
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                pass_fds=(lock,),
            )
        for _ in range(int(_START_SECONDS / 0.01)):
            with suppress(NodeLostError):
                return NodeClient(self.directory)
            if process.poll() is not None:
                said = log.read_text(errors="replace").strip() or f"it ended with {process.returncode}"
                raise NodeError(f"The node can't start: {said}")
            self._pause.wait(0.01)
        raise NodeError(f"The node did not answer in {_START_SECONDS:.0f} s; {log} may say why.")

    def _reap(self) -> None:
        """Wait for a node of ours that has ended, or ends now. One that hangs keeps its lock, and is told of then."""
        if self._child.process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._child.process.wait(_START_SECONDS)
            self._child.process = None
