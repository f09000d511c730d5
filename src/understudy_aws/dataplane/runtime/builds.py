"""Source trees, built: the commands of a build, one after another, isolated from this machine.

What is built is known by all that goes into it, so that an equal build is never done twice. Commands see the source
tree at `/app`, where each starts, and a home of their own, in which what they install stays: a virtual environment of
Python, the global packages of npm, gems. The instances see both at the same places.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import msgspec

from understudy_aws.dataplane.runtime import commands, isolation
from understudy_aws.dataplane.runtime.artifacts import (
    MOST_BYTES,
    Artifacts,
    SourceTree,
    TaskError,
    making,
    size_of,
    write_record,
)
from understudy_aws.dataplane.runtime.build_network import BuildNetwork, build_network
from understudy_aws.dataplane.runtime.command_limits import CommandLimits, command_limits
from understudy_aws.dataplane.runtime.file_trees import remove_tree
from understudy_aws.dataplane.runtime.isolation import HOME, WORKING_DIRECTORY, Mount
from understudy_aws.dataplane.runtime.managed import FoundRuntime, find_runtime
from understudy_aws.dataplane.runtime.sources import fetched_directory
from understudy_aws.dataplane.tasks import BuildSource, TaskResult

_BUILD_SECONDS = 1800.0
# Of the log of a build; a command that writes more goes on unheard.
_MOST_LOG_BYTES, _LEAST_LINE = 16 * 1024**2, 160
# By which a build reaches the registries that this machine reaches; nothing else of its environment is passed on.
_PASSED_ON = (
    "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir",
    "requests_ca_bundle", "curl_ca_bundle", "node_extra_ca_certs", "goproxy", "gosumdb", "gonosumdb", "goprivate",
    "bundle_ssl_ca_cert",
)  # fmt: skip
_PASSED_ON_BY_PREFIX = ("pip_", "npm_config_", "uv_index", "uv_default_index", "bundle_mirror")
_PATHS = (
    "npm_config_prefix",
    "npm_config_cache",
    "npm_config_userconfig",
    "pip_cache_dir",
    "pip_target",
    "pip_prefix",
)
_PASSED_ON_NEVER = (
    *_PATHS,
    "pip_user",
    "pip_require_virtualenv",
    "npm_config_global",
    "npm_config_user_agent",
)
_OWN_SETTINGS = (".npmrc", ".config/pip/pip.conf", ".pip/pip.conf", ".config/uv/uv.toml")
_GLOBAL_NPM_SETTINGS = ("/usr/etc/npmrc", "/usr/local/etc/npmrc", "/etc/npmrc")
# What was fetched to install it, and is not needed any more.
_CACHES = (
    ".cache",
    ".npm/_cacache",
    ".npm/_logs",
    "go/pkg",
    ".bundle/cache",
    ".composer/cache",
    "build-settings",
)


def build(
    artifacts: Artifacts, task: BuildSource, say: Callable[[str], None], outside: str = "auto"
) -> TaskResult:
    """Build a source tree, unless there is one that is equal; `say` gets the lines of the log.

    `outside` names what carries packets to the world, `auto` or `none`.
    Raises TaskError and OSError.
    """
    runtime = find_runtime(task.language, task.version, artifacts.settings)
    obstacle = isolation.obstacle()
    source_id = _id_of(task, runtime, isolated=not obstacle)
    place = artifacts.sources / source_id
    log = _Log(say)
    with making(place) as new:
        if not new:
            log(f"Nothing has changed since {source_id} was built; it is used again.")
            return TaskResult(commit=task.commit, source=source_id)
        _tell_what_is_there(log, runtime, obstacle)
        fetched = fetched_directory(artifacts, task, outside)
        if size_of(fetched) > MOST_BYTES:
            raise TaskError(
                f"The source code takes more than the {MOST_BYTES // 1024**3} GB that an instance has."
            )
        shutil.copytree(fetched, place / "app", symlinks=True)
        (place / "home").mkdir()
        making_it = _Build(
            artifacts=artifacts, place=place, source_id=source_id, task=task, runtime=runtime, log=log,
            isolated=not obstacle,
        )  # fmt: skip
        with command_limits(artifacts.directory) as limits:
            if limits.missing:
                log(limits.missing)
            if obstacle:
                record = making_it.run(BuildNetwork(said=""), limits)
            else:
                with build_network(outside, artifacts.make_work(str(os.getpid())), _told()) as network:
                    log(network.said)
                    record = making_it.run(network, limits)
        write_record(place, record)
    return TaskResult(commit=task.commit, source=source_id)


def _id_of(task: BuildSource, runtime: FoundRuntime, *, isolated: bool) -> str:
    what = (
        task.url,
        task.commit,
        task.directory,
        task.language,
        task.version,
        task.commands,
        task.environment,
    )
    said = msgspec.json.encode((what, runtime.program, runtime.version, isolated))
    return f"src-{blake2b(said, digest_size=16).hexdigest()}"


def _tell_what_is_there(log: Callable[[str], None], runtime: FoundRuntime, obstacle: str) -> None:
    log(f"{runtime.runtime.title} is {runtime.said} of this machine, {runtime.program}.")
    if not runtime.is_exact:
        log(f"App Runner would run {runtime.runtime.title} itself.")
    if obstacle:
        log(f"The build is not isolated from this machine: {obstacle}.")


class Environment(msgspec.Struct, frozen=True):
    """What a home begins with, such as a virtual environment: of which runtime."""

    runtime: str


class _Log:
    """The lines of a build's log, up to a size; each counts as so many bytes at least."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._left = _MOST_LOG_BYTES

    def __call__(self, line: str) -> None:
        self.add((line,))

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, which are said together."""
        taken = []
        for line in lines:
            if self._left < 0:
                break
            self._left -= max(len(line) + 1, _LEAST_LINE)
            taken.append(line if self._left >= 0 else "More of this log was left out.")
        if taken:
            self._say("\n".join(taken))


class _Build:
    """A build that goes on in a directory."""

    def __init__(
        self,
        *,
        artifacts: Artifacts,
        place: Path,
        source_id: str,
        task: BuildSource,
        runtime: FoundRuntime,
        log: _Log,
        isolated: bool,
    ) -> None:
        self._artifacts = artifacts
        self._place = place
        self._id = source_id
        self._task = task
        self._runtime = runtime
        self._log = log
        self._isolated = isolated
        self._network = BuildNetwork(said="")
        self._limits: CommandLimits | None = None
        self._app, self._home = (
            (WORKING_DIRECTORY, HOME) if isolated else (str(place / "app"), str(place / "home"))
        )

    def run(self, network: BuildNetwork, limits: CommandLimits) -> SourceTree:
        """Run the commands in a network, within limits, and return what is known of the tree then."""
        self._network, self._limits = network, limits
        found = self._runtime.environment(self._home)
        of_machine = {**_of_this_machine(), **found}
        # The variables of one service have no say in what all get a copy of.
        self._prepare(of_machine)
        environment = {**of_machine, **dict(self._task.environment)}
        for number, command in enumerate(self._task.commands, start=1):
            self._log(f"[{number}/{len(self._task.commands)}] {command}")
            ended = self._in_build(("/bin/sh", "-c", command), environment, self._log.add, command)
            if ended.status:
                said = f": {ended.said}" if ended.said else ""
                raise TaskError(
                    f"The build command `{_short(command)}` ended with status {ended.status}{said}"
                )
        for name in _CACHES:
            remove_tree(self._place / "home" / name)
        if size_of(self._place) > MOST_BYTES:
            raise TaskError(f"The build made more than the {MOST_BYTES // 1024**3} GB that an instance has.")
        self._log("The build succeeded.")
        return SourceTree(
            id=self._id,
            commit=self._task.commit,
            runtime=self._runtime.said,
            working_directory=self._app,
            home=self._home,
            environment=tuple(sorted(found.items())),
            machine=self._runtime.machine,
            isolated=self._isolated,
        )

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Put into the home what must be there before anything is installed."""
        command = self._runtime.preparation(self._home)
        if not command:
            return
        if not self._isolated:
            # It has its place written in it, which is another for each source tree.
            self._prepare_home(command, environment, self._place)
            return
        # Making it takes seconds, and all source trees have the same: they get copies.
        name = blake2b(
            f"{self._runtime.program} {self._runtime.version}".encode(), digest_size=16
        ).hexdigest()
        place = self._artifacts.environments / name
        with making(place) as new:
            if new:
                (place / "app").mkdir()
                (place / "home").mkdir()
                self._prepare_home(command, environment, place)
                write_record(place, Environment(self._runtime.said))
            shutil.copytree(place / "home", self._place / "home", symlinks=True, dirs_exist_ok=True)

    def _prepare_home(self, command: tuple[str, ...], environment: Mapping[str, str], place: Path) -> None:
        ended = self._in_build(command, environment, None, place=place)
        if ended.status:
            package = self._runtime.runtime.package
            raise TaskError(
                f"{self._runtime.said} makes no virtual environment (`sudo apt install {package}`): {ended.said}"
            )

    def _in_build(
        self,
        command: tuple[str, ...],
        environment: Mapping[str, str],
        say: Callable[[Sequence[str]], None] | None,
        title: str = "",
        place: Path | None = None,
    ) -> commands.Ended:
        words, directory, place = list(command), self._app, place or self._place
        if self._isolated:
            mounts = [
                *(Mount(source=each, target=each) for each in self._runtime.machine),
                Mount(source=str(place / "app"), target=WORKING_DIRECTORY, writable=True),
                Mount(source=str(place / "home"), target=HOME, writable=True),
                *_own_settings(),
            ]
            words = isolation.isolated(
                words, mounts, directory=WORKING_DIRECTORY, place=self._artifacts.settings,
                files=self._network.files, network=not self._network.has_none,
            )  # fmt: skip
            directory = "/"
        return commands.run(
            words, environment, seconds=_BUILD_SECONDS, say=say, directory=directory, watched=place,
            network=self._network.namespace, filtered=self._isolated, limits=self._limits,
            title=_short(title or command[0]),
        )  # fmt: skip


def _of_this_machine() -> dict[str, str]:
    """Return the variables of this machine by which a build reaches what it reaches."""
    passed = {"LANG": "C.UTF-8", "CI": "true", "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    passed |= {"NPM_CONFIG_UPDATE_NOTIFIER": "false", "NPM_CONFIG_FUND": "false", "NPM_CONFIG_AUDIT": "false"}
    for path in _GLOBAL_NPM_SETTINGS:
        if Path(path).is_file():
            passed["NPM_CONFIG_GLOBALCONFIG"] = path
            break
    for name, value in os.environ.items():
        known = name.lower()
        if (known in _PASSED_ON or known.startswith(_PASSED_ON_BY_PREFIX)) and known not in _PASSED_ON_NEVER:
            passed[name] = value
    return passed


def _told() -> Iterator[str]:
    """Yield the texts in which places of this machine may stand that pip and npm are told of."""
    yield from _of_this_machine().values()
    system = (*_GLOBAL_NPM_SETTINGS, "/etc/pip.conf", "/etc/xdg/pip/pip.conf")
    for path in (*(each.source for each in _own_settings()), *system):
        with suppress(OSError):
            yield Path(path).read_text(errors="replace")


def _own_settings() -> list[Mount]:
    """Return this user's settings of pip and npm, in which registries and what they ask for may be named."""
    # Who the user is in the node's namespaces tells nothing of where the home is.
    home = Path(os.environ.get("HOME") or os.devnull)
    return [
        Mount(source=str(home / name), target=f"{HOME}/{name}")
        for name in _OWN_SETTINGS
        if _is_readable_file(home / name)
    ]


def _is_readable_file(path: Path) -> bool:
    try:
        return path.is_file() and os.access(path, os.R_OK)
    except PermissionError:
        return False


def _short(command: str) -> str:
    first, _, more = command.strip().partition("\n")
    return f"{first[:200]} …" if more or len(first) > 200 else first
