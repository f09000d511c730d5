"""What a node does once: each task in a process of its own, so that the node goes on meanwhile.

A task is kept in a file from when it is begun until it is forgotten. One that a node was killed in is begun again by
the next: what it makes is either complete or not there (`dataplane/runtime/artifacts.py`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.messages import Answer, Done, ForgetTask, GetTask, KeepArtifacts, StartTask
from understudy_aws.dataplane.runtime.artifacts import Artifacts, checkout_name, remove_tree, write_whole
from understudy_aws.dataplane.runtime.worker import Failed, Said, Succeeded, Word
from understudy_aws.dataplane.tasks import BuildSource, PullImage, Task, TaskStatus

Output = Callable[[str, str, str], None]
"""Takes a line of a log: the service, the stream and the text."""

# Tasks that run at once; the others wait.
_MOST_AT_ONCE = 2
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
    in use, beside those that the server names. `outside` names what carries packets of builds to the world.
    """

    def __init__(
        self,
        directory: Path,
        output: Output,
        *,
        outside: str = "auto",
        used: Callable[[], tuple[frozenset[str], frozenset[str]]] = lambda: (frozenset(), frozenset()),
    ) -> None:
        self._directory = directory
        self._place = directory / "tasks"
        self._artifacts = Artifacts(directory)
        self._output = output
        self._used = used
        self._outside = outside
        self._kept: dict[str, _Kept] | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._decode: Callable[[bytes], Word] = msgspec.json.Decoder(Word).decode
        self.answers: Mapping[type[Any], Callable[[Any], Awaitable[Answer]]] = MappingProxyType(
            {
                StartTask: self._start,
                GetTask: self._get,
                ForgetTask: self._forget,
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

    async def _keep(self, question: KeepArtifacts) -> Done:
        used_sources, used_images = self._used()
        sources, images, checkouts = (
            {*question.sources, *used_sources},
            {*question.images, *used_images},
            set(),
        )
        for kept in self._known().values():
            result = kept.status.result
            sources |= {result.source} - {""}
            images |= {result.image} - {""}
            if not isinstance(kept.task, PullImage):
                commit = kept.task.commit if isinstance(kept.task, BuildSource) else result.commit
                checkouts.add(checkout_name(kept.task.url, commit))
        keep = partial(self._artifacts.keep, sources, images, checkouts)
        await asyncio.get_running_loop().run_in_executor(None, keep)
        return Done()

    def _path(self, task_id: str) -> Path:
        return self._place / f"{blake2b(task_id.encode(), digest_size=16).hexdigest()}.json"

    def _write(self, kept: _Kept) -> None:
        write_whole(self._path(kept.status.id), msgspec.json.encode(kept))

    def _begin(self, task_id: str, task: Task) -> None:
        running = asyncio.get_running_loop().create_task(self._carry_out(task_id, task))
        self._running[task_id] = running
        running.add_done_callback(lambda _: self._running.pop(task_id, None))

    async def _carry_out(self, task_id: str, task: Task) -> None:
        async with self._places:
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

    async def _worked(self, task: Task) -> Succeeded | Failed:
        """Have a process carry out a task, and return what came of it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "understudy_aws.dataplane.runtime.worker", str(self._directory), self._outside,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=_LONGEST_WORD, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.get_running_loop().create_task(_last(process.stderr))
        try:
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            with suppress(ConnectionError):
                await process.stdin.drain()
            while line := await process.stdout.readline():
                word = self._decode(line)
                if not isinstance(word, Said):
                    return word
                if isinstance(task, BuildSource):
                    self._output(task.service, task.log_stream, word.text)
            await process.wait()
            said = await errors
            return Failed(f"The task's process ended with {process.returncode}{said and ': '}{said}.")
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.stdin.close()
            await process.wait()
            await errors


async def _last(stream: asyncio.StreamReader) -> str:
    """Return the last line that a process wrote; what it wrote before is thrown away."""
    last = b""
    while chunk := await stream.read(_LAST_ERRORS):
        last = (last + chunk)[-_LAST_ERRORS:]
    lines = last.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""
