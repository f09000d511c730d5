"""What a node does once: each task in a process of its own, so that the node goes on meanwhile.

A task is kept in a file from when it is begun until it is forgotten. One that a node was killed in is begun again by
the next: what it makes is either complete or not there (`dataplane/runtime/artifacts.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.messages import (
    Answer,
    Done,
    ForgetTask,
    GetTask,
    GetTasks,
    KeepArtifacts,
    StartTask,
    TaskIds,
)
from understudy_aws.dataplane.runtime.artifacts import Artifacts, checkout_name
from understudy_aws.dataplane.runtime.control_groups import ControlGroups
from understudy_aws.dataplane.runtime.file_trees import remove_tree
from understudy_aws.dataplane.runtime.fork_server import ForkServer
from understudy_aws.dataplane.runtime.records import write_private
from understudy_aws.dataplane.runtime.worker import Failed, Said, Succeeded, Word
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, PullImage, Task, TaskStatus
from understudy_aws.node.forked_process import ForkedProcess

Output = Callable[[str, str, str], None]
"""Takes a line of a log: the service, the stream and the text."""

# Tasks that run at once; the others wait. What is fetched waits for others more than it works.
_FETCHED_AT_ONCE, _BUILT_AT_ONCE = 8, max(2, os.cpu_count() or 1)
_LONGEST_SECONDS = 3600.0
# A result may hold a configuration file of 1 MB.
_LONGEST_WORD = 16 * 1024**2
_LAST_ERRORS = 2000


class _Kept(msgspec.Struct, kw_only=True):
    """A task, as it is kept in a file."""

    task: Task
    status: TaskStatus


class Tasks:
    """The tasks of a node.

    `output` gets the lines of builds. `used` answers which source trees and images are
    in use, beside those that the server names. `outside` names what carries packets of builds to the world. `ended` is
    told the id of a task that has ended.
    """

    def __init__(
        self,
        directory: Path,
        output: Output,
        fork_server: ForkServer,
        *,
        outside: str = "auto",
        ended: Callable[[str], None] = lambda _: None,
        used: Callable[[], tuple[frozenset[str], frozenset[str]]] = lambda: (frozenset(), frozenset()),
    ) -> None:
        self._directory = directory
        self._fork_server = fork_server
        self._place = directory / "tasks"
        self._artifacts = Artifacts(directory)
        self._output = output
        self._used = used
        self._ended = ended
        self._outside = outside
        self._kept: dict[str, _Kept] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._fetching = asyncio.Semaphore(_FETCHED_AT_ONCE)
        self._building = asyncio.Semaphore(_BUILT_AT_ONCE)
        self._decode: Callable[[bytes], Word] = msgspec.json.Decoder(Word).decode
        self.answers: Mapping[type[Any], Callable[[Any], Awaitable[Answer]]] = MappingProxyType(
            {
                StartTask: self._start,
                GetTask: self._get,
                ForgetTask: self._forget,
                GetTasks: self._ids,
                KeepArtifacts: self._keep,
            }
        )

    def _known(self) -> dict[str, _Kept]:
        """Return the tasks; at the first question, those that a node before this one was killed in are begun again."""
        if self._kept is None:
            self._kept = {}
            # Whoever worked there has ended with the node before this one.
            remove_tree(self._artifacts.work)
            for path in sorted(self._place.glob("*.json")):
                with suppress(OSError, msgspec.DecodeError):
                    kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
                    self._kept[kept.status.id] = kept
            for task_id, kept in self._kept.items():
                if kept.status.state == "running":
                    self._begin(task_id, kept.task)
        return self._kept

    async def _start(self, question: StartTask) -> TaskStatus:
        known = self._known()
        if question.id not in known:
            kept = _Kept(task=question.task, status=TaskStatus(id=question.id, state="running"))
            self._place.mkdir(mode=0o700, exist_ok=True)
            self._write(kept)
            known[question.id] = kept
            self._begin(question.id, question.task)
        return known[question.id].status

    async def _get(self, question: GetTask) -> TaskStatus:
        kept = self._known().get(question.id)
        if kept is None:
            return TaskStatus(id=question.id, state="failed", reason="The node knows no such task.")
        return kept.status

    async def _forget(self, question: ForgetTask) -> Done:
        self._known().pop(question.id, None)
        running = self._running.get(question.id)
        if running is not None:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        self._path(question.id).unlink(missing_ok=True)
        return Done()

    async def _ids(self, _: GetTasks) -> TaskIds:
        return TaskIds(tuple(sorted(self._known())))

    async def _keep(self, question: KeepArtifacts) -> Done:
        known = self._known().values()
        if any(each.status.state == "running" and not isinstance(each.task, FetchSource) for each in known):
            # It may have found what it was to make, and said nothing of it yet.
            return Done()
        used_sources, used_images = self._used()
        sources, images, checkouts = (
            {*question.sources, *used_sources},
            {*question.images, *used_images},
            set(),
        )
        for kept in known:
            result = kept.status.result
            sources |= {result.source} - {""}
            images |= {result.image} - {""}
            if not isinstance(kept.task, PullImage):
                commit = kept.task.commit if isinstance(kept.task, BuildSource) else result.commit
                checkouts.add(checkout_name(kept.task.url, commit))
        # No task begins before all that goes is out of its way.
        self._artifacts.set_aside(sources, images, checkouts)
        await asyncio.get_running_loop().run_in_executor(None, self._artifacts.remove_aside)
        return Done()

    def _path(self, task_id: str) -> Path:
        return self._place / f"{blake2b(task_id.encode(), digest_size=16).hexdigest()}.json"

    def _write(self, kept: _Kept) -> None:
        # After a crash of the machine it may not be there: the server asks for it again.
        write_private(self._path(kept.status.id), msgspec.json.encode(kept))

    def _begin(self, task_id: str, task: Task) -> None:
        running = asyncio.get_running_loop().create_task(self._carry_out(task_id, task))
        self._running[task_id] = running
        running.add_done_callback(lambda _: self._running.pop(task_id, None))

    async def _carry_out(self, task_id: str, task: Task) -> None:
        async with self._building if isinstance(task, BuildSource) else self._fetching:
            try:
                async with asyncio.timeout(_LONGEST_SECONDS):
                    word = await self._worked(task)
            except TimeoutError:
                word = Failed(f"The task took longer than {_LONGEST_SECONDS:.0f} seconds and was ended.")
            except OSError as error:
                word = Failed(f"The task can't be started: {error}.")
        if isinstance(word, Succeeded):
            status = TaskStatus(id=task_id, state="succeeded", result=word.result)
        else:
            status = TaskStatus(id=task_id, state="failed", reason=word.reason)
        # What is kept of it from now on needs no credentials.
        kept = _Kept(task=replace(task, password="") if isinstance(task, PullImage) else task, status=status)
        self._known()[task_id] = kept
        with suppress(OSError):
            self._write(kept)
        self._ended(task_id)

    async def _worked(self, task: Task) -> Succeeded | Failed:
        """Have a process carry out a task, and return what came of it."""
        words = (str(self._directory), self._outside)
        async with ForkedProcess(self._fork_server.start("worker", words), limit=_LONGEST_WORD) as process:
            pid = await process.pid()
            errors = asyncio.get_running_loop().create_task(_last(process.stderr))
            try:
                process.write(msgspec.json.encode(task) + b"\n")
                while line := await process.stdout.readline():
                    # What has been read already is no reason to wait, and others have to have their turns.
                    await asyncio.sleep(0)
                    word = self._decode(line)
                    if not isinstance(word, Said):
                        return word
                    if isinstance(task, BuildSource):
                        self._output(task.service, task.log_stream, word.text)
                code, said = await process.ended(), await errors
                how = f"ended with {code}" if code is not None else "ended, and nobody saw how"
                return Failed(f"The task's process {how}{said and ': '}{said}.")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                await process.ended()
                await errors
                await asyncio.get_running_loop().run_in_executor(None, self._clear, pid)

    def _clear(self, pid: int) -> None:
        """Remove what the process of a task has left, which may have been killed."""
        for name in (str(pid), f"{pid}-fetch"):
            remove_tree(self._artifacts.work / name)
        with suppress(OSError):
            self._artifacts.work.rmdir()
        ControlGroups(self._directory).remove_task(pid)


async def _last(stream: asyncio.StreamReader) -> str:
    """Return the last line that a process wrote; what it wrote before is thrown away."""
    last = b""
    while chunk := await stream.read(_LAST_ERRORS):
        last = (last + chunk)[-_LAST_ERRORS:]
    lines = last.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
