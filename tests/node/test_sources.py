"""Source code: what is fetched, and what a hostile repository does not get."""

from __future__ import annotations

import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from nodes import node, user_called
from repositories import commit, git, write_files
from tasks import fetch, finished, reason_of, result_of

from understudy_aws.dataplane.messages import ForgetTask, GetTask
from understudy_aws.dataplane.tasks import FetchSource

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
FILES = {
    "apprunner.yaml": "version: 1.0\n",
    "inner/apprunner.yaml": "version: 1.0\nruntime: python3\n",
    "app.py": "pass\n",
}


@pytest.fixture(scope="module", params=["this-user", "unprivileged"])
def fetching(request):
    """A node that fetches."""
    user = user_called(request.param)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user) as started:
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture
def place():
    """A directory that every user of the tests can read."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def files_of(running, text: str) -> list[Path]:
    """The fetched files with a text."""
    found = (
        each
        for each in (running.directory / "checkouts").rglob("*")
        if each.is_file() and not each.is_symlink()
    )
    return [each for each in found if text in each.read_text(errors="replace")]


def test_a_branch_of_a_repository_is_fetched_with_its_commit_and_configuration_file(fetching, place):
    first = commit(place / "code", FILES)
    assert result_of(fetching, f"{place} 1", fetch(place / "code")).commit == first
    second = commit(place / "code", {"apprunner.yaml": "version: 1.0\nrun: {}\n"})
    result = result_of(fetching, f"{place} 2", fetch(place / "code"))
    assert (result.commit, result.configuration_file) == (second, "version: 1.0\nrun: {}\n")
    inner = result_of(fetching, f"{place} 3", fetch(place / "code", directory="/inner/"))
    assert (inner.commit, inner.configuration_file) == (second, FILES["inner/apprunner.yaml"])


def test_what_is_not_committed_is_not_fetched(fetching, place):
    known = commit(place / "code", FILES)
    write_files(place / "code", {"apprunner.yaml": "uncommitted"})
    result = result_of(fetching, f"{place}", fetch(place / "code"))
    assert (result.commit, result.configuration_file) == (known, FILES["apprunner.yaml"])


def test_a_bare_repository_is_fetched_by_each_of_its_branches(fetching, place):
    first = commit(place / "code", FILES)
    git(place / "code", "checkout", "--quiet", "-b", "feature/one")
    second = commit(place / "code", {"app.py": "print()\n"})
    git(place, "clone", "--quiet", "--bare", str(place / "code"), str(place / "bare"))
    assert result_of(fetching, f"{place} 1", fetch(place / "bare", "main")).commit == first
    assert result_of(fetching, f"{place} 2", fetch(place / "bare", "feature/one")).commit == second


def test_a_directory_without_git_has_a_digest_of_what_is_in_it_for_its_commit(fetching, place):
    write_files(place / "code", FILES)
    (place / "code/link").symlink_to("app.py")
    first = result_of(fetching, f"{place} 1", fetch(place / "code"))
    assert (len(first.commit), first.configuration_file) == (40, FILES["apprunner.yaml"])
    assert result_of(fetching, f"{place} 2", fetch(place / "code")).commit == first.commit
    changes = [
        lambda: (place / "code/app.py").write_text("print(2)\n"),
        lambda: (place / "code/app.py").chmod(0o755),
        lambda: (place / "code/app.py").rename(place / "code/main.py"),
        (place / "code/empty").mkdir,
        lambda: ((place / "code/link").unlink(), (place / "code/link").symlink_to("main.py")),
    ]
    seen = {first.commit}
    for number, change in enumerate(changes, start=3):
        change()
        seen.add(result_of(fetching, f"{place} {number}", fetch(place / "code")).commit)
    assert len(seen) == 1 + len(changes)


def test_what_cannot_be_fetched_says_why_in_one_sentence(fetching, place):
    commit(place / "code", FILES)
    git(place / "code", "worktree", "add", "--quiet", "-b", "other", str(place / "linked"))

    def reason(number: int, task: FetchSource) -> str:
        return reason_of(fetching, f"{place} {number}", task).replace(str(place), "PLACE")

    assert reason(1, fetch(place / "code", "none")) == "The repository file://PLACE/code has no branch none."
    assert (
        reason(2, fetch(place / "nowhere"))
        == "The repository file://PLACE/nowhere is no directory of this machine."
    )
    assert (
        reason(3, fetch(place / "code", "--upload-pack=id")) == "'--upload-pack=id' is no name of a branch."
    )
    assert (
        reason(4, fetch(place / "code", directory="/none"))
        == "The source directory /none is not in the repository."
    )
    assert (
        reason(5, fetch(place / "code", directory="../.."))
        == "The source directory ../.. is not in the repository."
    )
    assert reason(6, FetchSource(url="git@example.com:a/b", branch="main")) == (
        "The repository git@example.com:a/b is given by ssh; https:// and file:// URLs can be fetched."
    )
    assert reason(7, FetchSource(url="ext::sh -c id", branch="main")).startswith(
        "The repository ext::sh -c id is given by"
    )
    assert reason(8, fetch(place / "linked")).startswith(
        "The directory PLACE/linked is a working tree linked to another"
    )
    with closed_port() as port:
        said = reason(9, FetchSource(url=f"http://127.0.0.1:{port}/a", branch="main"))
    assert said.startswith(f"The repository http://127.0.0.1:{port}/a can't be read: unable to access")


@contextmanager
def closed_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_repository_that_asks_for_a_password_is_not_waited_for(fetching, place):
    def refuse(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )

    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=refuse, args=(listening,))
        answering.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/private"
        said = reason_of(fetching, str(place), FetchSource(url=url, branch="main"))
        listening.shutdown(socket.SHUT_RDWR)
        answering.join()
    assert said.startswith(f"The repository {url} can't be read: ")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../../../../../etc/passwd", "missing"])
def test_a_configuration_file_that_is_a_link_is_not_read(fetching, place, target):
    (place / "code").mkdir()
    (place / "code/apprunner.yaml").symlink_to(target)
    reason = "apprunner.yaml is no regular file."
    assert reason_of(fetching, f"{place} plain", fetch(place / "code")) == reason
    commit(place / "code", {})
    assert reason_of(fetching, f"{place} git", fetch(place / "code")) == reason


def test_a_source_directory_that_is_a_link_leads_nowhere(fetching, place):
    commit(place / "secret", {"apprunner.yaml": "secret"})
    commit(place / "code", {})
    (place / "code/inner").symlink_to(place / "secret")
    commit(place / "code", {"a": ""})
    said = reason_of(fetching, str(place), fetch(place / "code", directory="inner"))
    assert said == "The source directory inner is not in the repository."


def test_links_out_of_a_directory_are_copied_as_links(fetching, place):
    write_files(place / "secret", {"key": f"secret of {place}"})
    write_files(place / "code", FILES)
    (place / "code/file").symlink_to(place / "secret/key")
    (place / "code/folder").symlink_to(place / "secret")
    result_of(fetching, str(place), fetch(place / "code"))
    assert files_of(fetching, f"secret of {place}") == []


def test_nothing_of_a_repository_runs(fetching, place):
    """Neither its hooks, nor what its settings, attributes or submodules name."""
    mark = place / "ran"
    mark.touch()
    mark.chmod(0o666)
    touch = f"echo ran >> {mark}"
    commit(place / "sub", {"a": "b"})
    commit(place / "code", {**FILES, ".gitattributes": "* filter=bad diff=bad\n"})
    write_files(
        place / "code",
        {".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = {place / "sub"}\n\tupdate = !{touch}\n'},
    )
    git(
        place / "code",
        "update-index",
        "--add",
        "--cacheinfo",
        f"160000,{git(place / 'sub', 'rev-parse', 'HEAD')},x",
    )
    commit(place / "code", {"b": "c"})
    for name in ("post-checkout", "pre-receive", "post-update", "reference-transaction", "post-index-change"):
        hook = place / "code/.git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{touch}\n")
        hook.chmod(0o755)
    for name, value in (
        ("core.fsmonitor", touch), ("core.sshCommand", touch), ("uploadpack.packObjectsHook", touch),
        ("filter.bad.smudge", touch), ("filter.bad.process", touch), ("core.hooksPath", str(hook.parent)),
        ("core.pager", touch), ("core.alternateRefsCommand", touch), ("credential.helper", f"!{touch}"),
    ):  # fmt: skip
        git(place / "code", "config", name, value)
    assert finished(fetching, str(place), fetch(place / "code")).state == "succeeded"
    assert mark.read_text() == ""


def test_a_task_is_done_once_and_may_be_forgotten(fetching, place):
    first = commit(place / "code", FILES)
    assert result_of(fetching, str(place), fetch(place / "code")).commit == first
    commit(place / "code", {"app.py": "print(2)\n"})
    assert result_of(fetching, str(place), fetch(place / "code")).commit == first, "it was begun anew"
    fetching.client.ask(ForgetTask(str(place)))
    status = fetching.client.ask(GetTask(str(place)))
    assert (status.state, status.reason) == ("failed", "The node knows no such task.")
    assert result_of(fetching, str(place), fetch(place / "code")).commit != first
