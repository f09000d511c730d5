"""Source code, fetched: a branch of a git repository, or a directory of this machine.

A repository is other people's: git runs without hooks, prompts, submodules and settings of anybody, and apart from this
machine where that can be done. What is read of the tree afterwards is read without following links. A directory without
git has a digest of what is in it for its commit.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from understudy_aws.core.urls import without_credentials
from understudy_aws.dataplane.runtime import commands, isolation
from understudy_aws.dataplane.runtime.artifacts import (
    MOST_BYTES,
    Artifacts,
    TaskError,
    checkout_name,
    making,
    read_record,
    write_record,
)
from understudy_aws.dataplane.runtime.build_network import NONE, BuildNetwork, build_network
from understudy_aws.dataplane.runtime.command_limits import CommandLimits, command_limits
from understudy_aws.dataplane.runtime.file_trees import remove_tree
from understudy_aws.dataplane.runtime.isolation import Mount, write_if_other
from understudy_aws.dataplane.runtime.managed import SYSTEM_PATH
from understudy_aws.dataplane.runtime.private_places import is_private
from understudy_aws.dataplane.tasks import BuildSource, FetchSource, TaskResult

CONFIGURATION_FILE = "apprunner.yaml"
_LARGEST_CONFIGURATION = 1024 * 1024
_ASK_SECONDS, _FETCH_SECONDS = 60.0, 600.0
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_HEADS = "refs/heads/"
_MOST_BRANCHES, _BRANCHES_SHOWN = 10_000, 5
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\-][^\x00-\x20\x7f~^:?*\[\\]*")
_CHUNK = 1 << 20
# What git says of a repository that it is asked credentials for, of which it has none.
_WANTS_CREDENTIALS = re.compile(
    r"could not read (Username|Password)|Authentication failed|read askpass response"
)
_BY_CLONE = "One that takes credentials is cloned by its user, and the clone is given by file://."
# Variables by which this machine reaches others.
_WAY_OUT = (
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "all_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "git_ssl_cainfo",
)
# Read by what a fetch starts on the other side, too, which settings in the environment are not.
_SETTINGS = """\
[core]
hooksPath = /dev/null
fsmonitor = false
symlinks = true
[credential]
helper =
[fetch]
recurseSubmodules = false
[submodule]
recurse = false
[protocol]
allow = never
[protocol "file"]
allow = always
[protocol "https"]
allow = always
[protocol "http"]
allow = always
[safe]
directory = *
[gc]
auto = 0
[maintenance]
auto = false
"""
_SETTINGS_FILE = "gitconfig"
NO_GIT = "git is not installed (`sudo apt install git`)."
"""Why no repository is fetched where there is no git."""
# Git appends what it wants to do with credentials, which a function gets.
_HELPER = (
    """!f() { printf 'username=%s\\npassword=%s\\n' "$UNDERSTUDY_GIT_USER" "$UNDERSTUDY_GIT_PASSWORD"; }; f"""
)


class Checkout(msgspec.Struct, frozen=True):
    """A fetched source tree: where it came from, without credentials, and its commit."""

    url: str
    commit: str


def fetch(artifacts: Artifacts, task: FetchSource, outside: str = NONE) -> TaskResult:
    """Fetch source code; `outside` names what carries packets to the world. Raises TaskError and OSError."""
    with _Repository(task.url, artifacts, outside) as repository:
        commit = repository.commit_of(task.branch)
        tree = _checked_out(artifacts, repository, commit)
    text = _configuration_file(tree, task.directory)
    return TaskResult(commit=commit, part=_part(tree, task.directory), configuration_file=text)


def fetched_directory(artifacts: Artifacts, task: BuildSource, outside: str = NONE) -> Path:
    """Return the directory of a source tree that is to be built; fetches the tree if it is not there any more.

    Raises TaskError and OSError.
    """
    with _Repository(task.url, artifacts, outside) as repository:
        tree = _checked_out(artifacts, repository, task.commit)
    os.close(_opened(tree, task.directory))
    return tree.joinpath(*_parts(task.directory))


def _checked_out(artifacts: Artifacts, repository: _Repository, commit: str) -> Path:
    place = artifacts.checkouts / checkout_name(repository.url, commit)
    with making(place) as new:
        if new:
            repository.check_out(commit, place)
            write_record(place, Checkout(repository.shown, commit))
        elif read_record(place, Checkout) is None:
            raise TaskError(f"What was fetched of {repository.shown} can't be read.")
    return place / "tree"


class _Repository:
    """Where source code comes from. What its commands have of this machine is given back when the block ends.

    Its URL may have credentials in it, of which nothing is told: neither in what is said, nor in git's command line.
    `shown` is the URL without them.
    """

    def __init__(self, url: str, artifacts: Artifacts, outside: str) -> None:
        self.url, self.shown = url, without_credentials(url)
        self._artifacts = artifacts
        self._etc = artifacts.settings
        self._outside = outside
        self._stack = ExitStack()
        self._network: BuildNetwork | None = None
        self._limits: CommandLimits | None = None
        parts = self._parts(url)
        self._remote, self._credentials = _taken_apart(url, parts)
        if parts.scheme not in {"file", "http", "https"}:
            way = (
                "ssh"
                if parts.scheme == "ssh" or (not parts.scheme and ":" in url)
                else (parts.scheme or "no scheme")
            )
            raise TaskError(
                f"The repository {self.shown} is given by {way}; https:// and file:// URLs can be fetched. {_BY_CLONE}"
            )
        self.path: Path | None = None
        if parts.scheme == "file":
            self.path = Path(unquote(parts.path))
            if parts.netloc not in {"", "localhost"} or not self.path.is_dir():
                raise TaskError(f"The repository {self.shown} is no directory of this machine.")
            if (self.path / ".git").is_file():
                raise TaskError(
                    f"The directory {self.path} is a working tree linked to another directory's repository;"
                    " name that directory instead."
                )
            if is_private(self.path, artifacts.directory, is_repository=self.has_git):
                raise TaskError(
                    f"The repository {self.shown} is among the private files of this user, which no service is given."
                )

    def _parts(self, url: str) -> SplitResult:
        """Return the parts of a URL. Raises TaskError for one that has no host, or another number for its port."""
        with suppress(ValueError):
            parts = urlsplit(url)
            # A password with "/" in it, as it is, looks like a port. Asking for that raises ValueError.
            if parts.scheme not in {"http", "https"} or (parts.hostname and parts.port != 0):
                return parts
        raise TaskError(f"The repository {self.shown} is given by no URL.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def has_git(self) -> bool:
        """Whether it is a git repository, with a working tree or bare."""
        path = self.path
        return (
            path is None
            or (path / ".git").exists()
            or ((path / "HEAD").is_file() and (path / "objects").is_dir())
        )

    def commit_of(self, branch: str) -> str:
        """Return the commit that a branch is at. Raises TaskError."""
        if self.path is not None and not self.has_git:
            return _digest(self.path)
        if not _BRANCH.fullmatch(branch) or ".." in branch:
            raise TaskError(f"{branch!r} is no name of a branch.")
        commit = self._heads(_HEADS + branch).get(branch)
        if commit is None:
            there = sorted(each for each in self._heads(f"{_HEADS}*") if _BRANCH.fullmatch(each))
            shown = ", ".join(there[:_BRANCHES_SHOWN]) + (", …" if len(there) > _BRANCHES_SHOWN else "")
            has = f": it has {shown}" if there else ", nor any other"
            raise TaskError(f"The repository {self.shown} has no branch {branch}{has}.")
        return commit

    def _heads(self, pattern: str) -> dict[str, str]:
        """The commits of the branches whose references match, by their names. Raises TaskError."""
        found: dict[str, str] = {}

        def hear(lines: Sequence[str]) -> None:
            for line in lines:
                commit, _, reference = line.partition("\t")
                if reference.startswith(_HEADS) and _COMMIT.fullmatch(commit) and len(found) < _MOST_BRANCHES:
                    found.setdefault(reference.removeprefix(_HEADS), commit)

        ended = self._git(["ls-remote", "--", self._remote, pattern], _ASK_SECONDS, hear)
        if ended.status:
            raise TaskError(self._why("can't be read", ended))
        return found

    def check_out(self, commit: str, place: Path) -> None:
        """Put the files of a commit at `place`/tree. Raises TaskError."""
        tree = place / "tree"
        tree.mkdir()
        if self.path is not None and not self.has_git:
            if _copied(self.path, tree) != commit:
                raise TaskError(f"The directory {self.path} has changed since it was looked at.")
            return
        if not _COMMIT.fullmatch(commit):
            raise TaskError(f"{commit!r} is no commit.")
        store = place / "git"
        store.mkdir()
        mine = [f"--git-dir={store}", f"--work-tree={tree}"]
        fetch = [*mine, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"]
        ended = self._git(
            [f"--git-dir={store}", "init", "--quiet", "--bare", "--template=", str(store)],
            _ASK_SECONDS,
            None,
            place,
        )
        if not ended.status:
            ended = self._git([*fetch, "--depth=1", "--", self._remote, commit], _FETCH_SECONDS, None, place)
            if ended.status:
                # Servers may refuse a commit by its number, or parts of a history.
                ended = self._git(
                    [*fetch, "--", self._remote, "refs/heads/*:refs/heads/*"], _FETCH_SECONDS, None, place
                )
        if not ended.status:
            ended = self._git(
                [*mine, "checkout", "--quiet", "--force", commit, "--", "."], _FETCH_SECONDS, None, place
            )
        if ended.status:
            raise TaskError(self._why(f"gives no commit {commit}", ended))
        remove_tree(store)

    def _why(self, what: str, ended: commands.Ended) -> str:
        if any(_WANTS_CREDENTIALS.search(each) for each in ended.last):
            takes = "other credentials." if self._credentials else f"credentials. {_BY_CLONE}"
            return f"The repository {self.shown} {what}: it takes {takes}"
        said = next((each for each in ended.last if each.startswith(("fatal:", "error:"))), ended.said)
        reason = without_credentials(said.partition(": ")[2] or said)
        return f"The repository {self.shown} {what}: {reason or ended.status}"

    def _git(
        self,
        words: Sequence[str],
        seconds: float,
        say: Callable[[Sequence[str]], None] | None,
        place: Path | None = None,
    ) -> commands.Ended:
        program = shutil.which("git")
        if program is None:
            raise TaskError(NO_GIT)
        whole, settings = [program, *words], self._etc / _SETTINGS_FILE
        write_if_other(settings, _SETTINGS)
        network, isolated = self._way(), isolation.obstacle() == ""
        if isolated:
            mounts = [Mount(source=str(settings), target=str(settings))]
            if self.path is not None:
                mounts.append(Mount(source=str(self.path), target=str(self.path)))
            if place is not None:
                mounts.append(Mount(source=str(place), target=str(place), writable=True))
            whole = isolation.isolated(
                whole,
                mounts,
                directory="/",
                place=self._etc,
                files=network.files,
                network=not network.has_none,
            )
        return commands.run(
            whole, {**_git_environment(str(settings)), **self._credentials}, seconds=seconds, say=say, watched=place,
            title=f"git: {self.shown}",
            filtered=isolated, network=network.namespace, limits=self._limits,
        )  # fmt: skip

    def _way(self) -> BuildNetwork:
        """Return the network that git is in: none for a directory, and of this machine what the URL names alone."""
        if self._network is None:
            self._limits = self._stack.enter_context(command_limits(self._artifacts.directory))
            self._network = BuildNetwork(said="")
            if self.path is not None:
                self._network = BuildNetwork(said="", has_none=True)
            elif self._outside != NONE and isolation.obstacle() == "":
                place = self._artifacts.make_work(f"{os.getpid()}-fetch")
                told = (self._remote, *_ways_out().values())
                self._network = self._stack.enter_context(build_network(self._outside, place, told))
        return self._network


def _taken_apart(url: str, parts: SplitResult) -> tuple[str, dict[str, str]]:
    """Return a URL as git is given it, and the variables by which git has the credentials that it was given with.

    Git asks a helper for credentials when the host that they are for wants some. Other users of this machine see the
    words of a command, and not its variables.
    """
    given, at, host = parts.netloc.rpartition("@")
    if not at or parts.scheme not in {"http", "https"}:
        return url, {}
    user, _, password = given.partition(":")
    return parts._replace(netloc=host).geturl(), {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"credential.{parts.scheme}://{host}.helper",
        "GIT_CONFIG_VALUE_0": _HELPER,
        "UNDERSTUDY_GIT_USER": unquote(user),
        "UNDERSTUDY_GIT_PASSWORD": unquote(password),
    }


def _git_environment(settings: str) -> dict[str, str]:
    variables = {
        "PATH": SYSTEM_PATH,
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": settings,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
    }
    return {**variables, **_ways_out()}


def _ways_out() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower() in _WAY_OUT}


def _parts(directory: str) -> list[str]:
    return [each for each in directory.split("/") if each not in {"", "."}]


def _opened(tree: Path, directory: str) -> int:
    """Return a descriptor of a directory in a tree, to which no link leads. Raises TaskError."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(tree, flags)
    for part in _parts(directory):
        try:
            if part == "..":
                raise NotADirectoryError
            inner = os.open(part, flags, dir_fd=folder)
        except OSError as error:
            raise TaskError(f"The source directory {directory} is not in the repository.") from error
        finally:
            os.close(folder)
        folder = inner
    return folder


def _configuration_file(tree: Path, directory: str) -> str | None:
    """Return the text of a directory's configuration file; None when there is none. Raises TaskError."""
    folder = _opened(tree, directory)
    try:
        fd = os.open(
            CONFIGURATION_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TaskError(f"{CONFIGURATION_FILE} is no regular file.") from error
    finally:
        os.close(folder)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_CONFIGURATION:
            raise TaskError(f"{CONFIGURATION_FILE} is no regular file of at most 1 MB.")
        try:
            return file.read().decode()
        except UnicodeDecodeError as error:
            raise TaskError(f"{CONFIGURATION_FILE} is no text in UTF-8.") from error


def _part(tree: Path, directory: str) -> str:
    """Return a digest of a directory that no link leads to, kept beside the tree; empty for all of it."""
    parts = _parts(directory)
    if not parts:
        return ""
    kept = tree.with_name(f"part-{blake2b('/'.join(parts).encode(), digest_size=20).hexdigest()}")
    with suppress(FileNotFoundError):
        if known := kept.read_text():
            return known
    digest = _digest(tree.joinpath(*parts))
    kept.write_text(digest)
    return digest


def _digest(source: Path) -> str:
    """Return a digest of everything in a directory."""
    return _gone_through(source, None)


def _copied(source: Path, tree: Path) -> str:
    """Copy everything in a directory, and return a digest of what was copied."""
    return _gone_through(source, tree)


def _gone_through(source: Path, copy: Path | None) -> str:
    """Read a directory in order of names: regular files, directories and links, which are not followed."""
    digest = blake2b(digest_size=20)
    budget = _Budget(source)

    def into(folder: int, relative: str) -> None:
        for name in sorted(os.listdir(folder)):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            path = f"{relative}/{name}"
            target = copy.joinpath(path[1:]) if copy is not None else None
            if stat.S_ISDIR(found.st_mode):
                digest.update(f"d{path}\0".encode(errors="surrogateescape"))
                if target is not None:
                    target.mkdir()
                inner = os.open(
                    name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder
                )
                try:
                    into(inner, path)
                finally:
                    os.close(inner)
            elif stat.S_ISLNK(found.st_mode):
                link = os.readlink(name, dir_fd=folder)
                digest.update(f"l{path}\0{link}\0".encode(errors="surrogateescape"))
                if target is not None:
                    target.symlink_to(link)
            elif stat.S_ISREG(found.st_mode):
                mode = found.st_mode & 0o100
                digest.update(f"f{path}\0{mode}\0".encode(errors="surrogateescape"))
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                fd = os.open(name, flags, dir_fd=folder)
                digest.update(_file(fd, target, 0o644 | mode | mode >> 3 | mode >> 6, budget.spend))

    root = os.open(source, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        into(root, "")
    except RecursionError as error:
        raise TaskError(f"The directories in {source} are too deep.") from error
    finally:
        os.close(root)
    return digest.hexdigest()


class _Budget:
    """What may still be read of a directory."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._left = MOST_BYTES

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise TaskError(f"The directory {self._source} holds more than {MOST_BYTES // 1024**3} GB.")


def _file(fd: int, target: Path | None, mode: int, spend: Callable[[int], None]) -> bytes:
    """Return a digest of a file, and copy it to a target if there is one."""
    digest = blake2b(digest_size=20)
    out = None
    try:
        if target is not None:
            out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        while chunk := os.read(fd, _CHUNK):
            spend(len(chunk))
            digest.update(chunk)
            while out is not None and chunk:
                chunk = chunk[os.write(out, chunk) :]
    finally:
        os.close(fd)
        if out is not None:
            os.close(out)
    return digest.digest()
