"""What the program of an instance sees and is told: of a source tree, of an image, or of this machine."""

from __future__ import annotations

import posixpath
import signal
from collections.abc import Mapping
from pathlib import Path

import msgspec

from understudy_aws.dataplane.linux.user_maps import is_mapped
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.authorities import authority_files, authority_variables
from understudy_aws.dataplane.runtime.driver import Place, StartError
from understudy_aws.dataplane.runtime.image_users import user_of
from understudy_aws.dataplane.runtime.launcher import Overlay
from understudy_aws.dataplane.runtime.sandbox import (
    HOME,
    SYSTEM_PATH,
    USER,
    Mount,
    name_files,
    network_files,
)
from understudy_aws.dataplane.wanted_services import Pairs, Program

# Directories of its own that an instance writes to, by their place, where it sees this machine's programs.
_PRIVATE = (("/tmp", "tmp"), ("/var/tmp", "var-tmp"), ("/run", "run"), ("/dev/shm", "shm"))  # noqa: S108
_SHARED_MEMORY = (("/dev/shm", "shm"),)  # noqa: S108 - an instance's own
_ROOT = "root"


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a program sees and is told. Names of directories are those in its layer.

    In `root`, where there is one, `points` are made: places where directories, or the files of `/etc` named in `files`,
    are mounted; and the directories `made`, which the program wants to be there. With `is_root` it is root of users of
    its own, which the files in `root` belong to; with `is_one_user` it would be, had this node ids for them.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    files: Mapping[str, str]
    private: Pairs
    root: str = ""
    points: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    overlays: tuple[Overlay, ...] = ()
    directories: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    user: int = USER
    group: int = USER
    is_root: bool = False
    is_one_user: bool = False


def view_of(program: Program, artifacts: Artifacts, layer: Path, place: Place, hostname: str) -> View:
    """Return the view of a program whose layer is at `layer`. Raises StartError for what is not there."""
    address, resolver = place.address, place.resolver
    own = dict(program.environment)
    try:
        if program.image:
            files = network_files(hostname, address, resolver)
            return _of_image(program, artifacts, layer, files, hostname)
        trusted = authority_files(program.authority)
        files = {**name_files(hostname, address, resolver), **trusted}
        return _of_machine(program, artifacts, layer, own, files)
    except LookupError as error:
        raise StartError(str(error.args[0])) from error


def _of_machine(
    program: Program, artifacts: Artifacts, layer: Path, own: Mapping[str, str], files: Mapping[str, str]
) -> View:
    """Return the view of a source tree, or of a program of this machine."""
    environment = {"PATH": SYSTEM_PATH, "HOME": HOME, **authority_variables(program.authority)}
    if not program.source:
        return View(
            command=program.command, environment={**environment, **own}, directory=HOME, files=files,
            private=(*_PRIVATE, (HOME, "home")),
        )  # fmt: skip
    source = artifacts.source(program.source)
    app, installed = str(layer / "app"), str(layer / "installed")
    return View(
        command=program.command,
        environment={**environment, **dict(source.environment), **own},
        directory=source.working_directory,
        files=files,
        private=_PRIVATE,
        overlays=(
            Overlay(str(artifacts.tree(source.id)), "app"),
            Overlay(str(artifacts.installed(source.id)), "installed"),
        ),
        mounts=(
            *(Mount(source=each, target=each) for each in source.machine),
            Mount(source=installed, target=source.home, writable=True),
            Mount(source=app, target=source.working_directory, writable=True),
        ),
    )


def _of_image(
    program: Program, artifacts: Artifacts, layer: Path, files: Mapping[str, str], hostname: str
) -> View:
    image = artifacts.image(program.image)
    if image.keeps_owners and not is_mapped():
        raise LookupError(
            "The image has files of more users than there are now; `understudy doctor` says what is missing."
        )
    lower = artifacts.root(program.image)
    who = user_of(lower, image.user)
    command = program.command or image.command
    if not command:
        raise LookupError("The image names no command, and neither does the service.")
    directory = _inside(image.working_directory)
    return View(
        command=command,
        environment={
            "PATH": SYSTEM_PATH,
            "HOME": who.home,
            "HOSTNAME": hostname,
            **authority_variables(program.authority),
            **dict(image.environment),
            **dict(program.environment),
        },
        directory=directory,
        files={**files, **authority_files(program.authority, lower)},
        private=_SHARED_MEMORY,
        root=str(layer / _ROOT),
        points=("/proc", "/dev", "/tmp"),  # noqa: S108 - in the image's own root
        made=(directory, *map(_inside, image.volumes)),
        stop_signal=image.stop_signal,
        overlays=(Overlay(str(lower), _ROOT),),
        user=who.user,
        group=who.group,
        is_root=image.keeps_owners,
        is_one_user=who.user == 0 and not image.keeps_owners,
    )


def _inside(directory: str) -> str:
    """Return a directory that an image names as the kernel takes it there, where no dots lead out of `/`."""
    return posixpath.normpath("/" + directory.lstrip("/"))
