"""Carries out one task, in a process of its own, which the fork server forks (`fork_server.py`).

The task is the first line of standard input. It says a line of JSON for each line of its log and at last what came of
it. It ends, and all it has started, when its standard input does, since nobody hears it any more then.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TypeAlias

import msgspec

from understudy_aws.dataplane.runtime.artifacts import Artifacts, TaskError, as_task_error
from understudy_aws.dataplane.runtime.builds import build
from understudy_aws.dataplane.runtime.images import pull
from understudy_aws.dataplane.runtime.sources import fetch
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, Task, TaskResult


class Said(msgspec.Struct, frozen=True, tag="said"):
    """A line of the log."""

    text: str


class Succeeded(msgspec.Struct, frozen=True, tag="succeeded"):
    """The task is done."""

    result: TaskResult


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The task can't be done, and why."""

    reason: str


Word: TypeAlias = Said | Succeeded | Failed


def main(words: list[str]) -> int:
    """Carry out the task that is given on the first line of standard input, below the directory `words[0]`.

    `words[1]` is what carries packets to the world, `auto` or `none`.
    """
    os.umask(0o022)
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_end_when_alone, daemon=True).start()
    artifacts = Artifacts(Path(words[0]))
    try:
        _tell(Succeeded(_carried_out(artifacts, task, words[1])))
    except TaskError as error:
        _tell(Failed(str(error)))
    except RecursionError:
        _tell(Failed("Directories lie deeper in one another than can be gone through."))
    except OSError as error:
        _tell(Failed(str(as_task_error(error, artifacts.directory))))
    return 0


def _carried_out(artifacts: Artifacts, task: Task, outside: str) -> TaskResult:
    if isinstance(task, FetchSource):
        return fetch(artifacts, task, outside)
    if isinstance(task, BuildSource):
        return build(artifacts, task, lambda text: _tell(Said(text)), outside)
    return pull(artifacts, task)


def _tell(word: Word) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(word) + b"\n")
    sys.stdout.buffer.flush()


def _end_when_alone() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGKILL)
