"""Programs that could not be executed, known by what was said by whatever was to execute them.

Bubblewrap tells no status then, as if somebody had killed it. The others tell one that a program may end with, too. So
it is taken for a program that could not be executed when there is nothing else in all its output.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.driver import Observed
from understudy_aws.dataplane.runtime.records import STATUS
from understudy_aws.dataplane.wanted_services import Program

NOT_EXECUTABLE, NOT_FOUND = 126, 127
"""The statuses that a shell has for a command that is not executable, and for one that is not there."""

_NOT_BEGUN = 1
_BUBBLEWRAP = "bwrap: "
_SAID = (
    re.compile(r"bwrap: execvp .+: (?P<why>[^:]+)"),
    # The shell of plain processes is called by the file of their status.
    re.compile(rf"\S*/{re.escape(STATUS)}: (?:line )?1: .+: (?P<why>[^:]+)"),
    # The first processes that Docker and Podman put before a program.
    re.compile(r"\[FATAL tini \(\d+\)\] exec .+ failed: (?P<why>.+)"),
    re.compile(r"ERROR \(catatonit:\d+\): failed to exec pid1: (?P<why>.+)"),
)
_ABSENT = ("not found", "No such file or directory")
_REFUSED = ("Permission denied", "Is a directory")
_MOST_LINKS = 40


class Unexecuted(msgspec.Struct, frozen=True):
    """The status of a program that was not executed, and why in one sentence."""

    status: int
    reason: str


def unexecuted(
    found: Observed, program: Program, said: Sequence[str], artifacts: Artifacts
) -> Unexecuted | None:
    """Return why a program that has ended was never executed; None where it was. `said` is the end of its output."""
    if len(said) != 1 or found.exit_status not in {None, _NOT_BEGUN, NOT_EXECUTABLE, NOT_FOUND}:
        return None
    matched = next(filter(None, (each.fullmatch(said[0]) for each in _SAID)), None)
    if matched is None:
        if found.exit_status is None and said[0].startswith(_BUBBLEWRAP):
            what = said[0].removeprefix(_BUBBLEWRAP)
            return Unexecuted(_NOT_BEGUN, f"It could not be started: {what.removesuffix('.')}.")
        return None
    why = matched["why"]
    absent = why.endswith(_ABSENT)
    command, directory, root = _command_of(program, artifacts)
    where, whose = "", "It"
    if program.image:
        where, whose = " in the image", "StartCommand" if program.command else "The image's command"
    if absent and not _is_there(command, directory, root):
        place = "" if "/" in command else " in the directories of PATH"
        sentence = f"there is no {command}{place}{where}"
    elif absent:
        sentence = f"{command} is{where or ' there'}, but not the interpreter or loader that it names"
    elif why in _REFUSED:
        sentence = f"{command}{where} is not executable for its user"
    else:
        sentence = f"{command}{where}: {why}"
    return Unexecuted(NOT_FOUND if absent else NOT_EXECUTABLE, f"{whose} can't be run: {sentence}.")


def _command_of(program: Program, artifacts: Artifacts) -> tuple[str, str, Path]:
    """Return what is executed, where it starts, and the root of what it sees."""
    if not program.image:
        directory = artifacts.source(program.source).working_directory if program.source else "/"
        return program.command[0], directory, Path("/")
    image = artifacts.image(program.image)
    command = program.command or image.command
    return command[0], image.working_directory or "/", artifacts.root(program.image)


def _is_there(command: str, directory: str, root: Path) -> bool:
    """Whether there is a file of this name; one that is sought in PATH is not, as far as is known."""
    if "/" not in command:
        return False
    left = [*reversed(posixpath.join("/", directory, command).split("/"))]
    place: list[str] = []
    links = 0
    while left:
        name = left.pop()
        if name in {"", ".", ".."}:
            place = place[:-1] if name == ".." else place
            continue
        path = root.joinpath(*place, name)
        if path.is_symlink() and links < _MOST_LINKS:
            links += 1
            target = str(path.readlink())
            # A link leads to somewhere in the image, wherever that is on this machine.
            place = [] if target.startswith("/") else place
            left += reversed(target.split("/"))
        else:
            place.append(name)
    return root.joinpath(*place).exists()
