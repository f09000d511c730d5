"""Source code: what is fetched, and what a hostile repository does not get."""

from __future__ import annotations

import base64
import http.server
import shutil
import socket
import stat
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from nodes import node, user_called
from repositories import commit, git, write_files
from tasks import fetch, finished, reason_of, result_of

from understudy_aws.dataplane.messages import ForgetTask, GetTask
from understudy_aws.dataplane.runtime.private_places import is_private
from understudy_aws.dataplane.tasks import FetchSource

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
# It has to be written otherwise in a URL.
TOKEN = "70ken@/5ecre7"
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


def test_a_part_of_a_repository_is_known_by_what_is_in_it(fetching, place):
    commit(place / "code", FILES)
    assert result_of(fetching, f"{place} 1", fetch(place / "code")).part == ""
    first = result_of(fetching, f"{place} 2", fetch(place / "code", directory="/inner/")).part
    commit(place / "code", {"app.py": "other\n"})
    same = result_of(fetching, f"{place} 3", fetch(place / "code", directory="inner"))
    assert (len(first), same.part) == (40, first)
    assert result_of(fetching, f"{place} 4", fetch(place / "code", directory="inner")) == same
    commit(place / "code", {"inner/more": ""})
    other = result_of(fetching, f"{place} 5", fetch(place / "code", directory="inner"))
    assert other.part not in {"", first}


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


def test_a_repository_without_commits_has_no_branch_at_all(fetching, place):
    git(place, "init", "--quiet", str(place / "code"))
    said = reason_of(fetching, f"{place} 1", fetch(place / "code"))
    assert said.endswith("has no branch main, nor any other.")


def test_what_cannot_be_fetched_says_why_in_one_sentence(fetching, place):
    commit(place / "code", FILES)
    git(place / "code", "worktree", "add", "--quiet", "-b", "other", str(place / "linked"))

    def reason(number: int, task: FetchSource) -> str:
        return reason_of(fetching, f"{place} {number}", task).replace(str(place), "PLACE")

    assert (
        reason(1, fetch(place / "code", "none"))
        == "The repository file://PLACE/code has no branch none: it has main, other."
    )
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
        "The repository git@example.com:a/b is given by ssh; https:// and file:// URLs can be fetched. "
        "One that takes credentials is cloned by its user, and the clone is given by file://."
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


@contextmanager
def answering(answer: bytes):
    """A server on loopback that answers each connection so; yields its port."""

    def serve(listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, args=(listening,))
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def test_a_repository_that_asks_for_a_password_is_not_waited_for(fetching, place):
    refused = (
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=x\r\n"
        b"Content-Length: 0\r\nConnection: close\r\n\r\n"
    )
    with answering(refused) as port:
        url = f"http://127.0.0.1:{port}/private"
        said = reason_of(fetching, str(place), FetchSource(url=url, branch="main"))
    assert said == (
        f"The repository {url} can't be read: it takes credentials. One that takes credentials is cloned by its user, and "
        "the clone is given by file://."
    )


@contextmanager
def behind_a_password(place: Path):
    """Serve a directory to `mary` with `TOKEN`; yields the port, and the command lines that have it meanwhile."""
    expected = "Basic " + base64.b64encode(f"mary:{TOKEN}".encode()).decode()
    seen: list[bytes] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments, directory=str(place))

        def do_GET(self) -> None:
            seen.extend(words for words in command_lines() if TOKEN.encode() in words)
            if self.headers["Authorization"] == expected:
                super().do_GET()
                return
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic realm=x")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield server.server_address[1], seen
        finally:
            server.shutdown()
            serving.join()


def command_lines():
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield each.read_bytes()


def test_credentials_in_a_url_are_used_and_told_to_nobody(fetching, place):
    """Not in command lines either; on disk, what the node was asked is for its owner alone."""
    known = commit(place / "code", FILES)
    git(place / "code", "update-server-info")
    with behind_a_password(place / "code" / ".git") as (port, seen):

        def task(password: str) -> FetchSource:
            return FetchSource(url=f"http://mary:{password}@127.0.0.1:{port}/", branch="main")

        assert result_of(fetching, f"{place} right", task(quote(TOKEN, safe=""))).commit == known
        said = reason_of(fetching, f"{place} wrong", task("other"))
    assert said == f"The repository http://***@127.0.0.1:{port}/ can't be read: it takes other credentials."
    assert not seen
    with closed_port() as port:
        url = f"http://mary:{quote(TOKEN, safe='')}@127.0.0.1:{port}/a"
        said = reason_of(fetching, f"{place} closed", FetchSource(url=url, branch="main"))
    start = f"The repository http://***@127.0.0.1:{port}/a can't be read: unable to access 'http://127.0.0.1:{port}/a/'"
    assert said.startswith(start)
    for url in (
        f"ssh://mary:{TOKEN}@h/a",
        f"https://mary:{TOKEN}@h/a",
        f"https://mary:a/{TOKEN}@h",
        f"mary:{TOKEN}@h/a",
        f"https://[m:{TOKEN}@h",
    ):
        said = reason_of(fetching, f"{place} {url}", FetchSource(url=url, branch="main"))
        assert said.startswith("The repository ")
        assert not [each for each in ("70ken", "5ecre7") if each in said], said
    spellings = [each.encode() for each in (TOKEN, quote(TOKEN, safe=""))]
    kept = [
        each
        for each in fetching.directory.rglob("*")
        if each.is_file() and any(spelling in each.read_bytes() for spelling in spellings)
    ]
    assert kept, "the node knows what it was asked for when it starts again"
    assert all(stat.S_IMODE(each.stat().st_mode) & 0o077 == 0 for each in kept)


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


def test_private_directories_of_this_machine_are_no_repositories(fetching, place):
    """Whoever may ask for a service need not be this user."""
    (place / "link").symlink_to("/etc/ssl")
    for number, each in enumerate((Path("/"), Path("/etc"), place / "link", fetching.directory)):
        assert reason_of(fetching, f"{place} {number}", fetch(each)) == (
            f"The repository file://{each} is among the private files of this user, which no service is given."
        )


@pytest.mark.parametrize(
    ("path", "private"),
    [
        ("home", True), ("", True), ("home/.ssh", True), ("home/.config/app", True), ("home/link", True),
        ("home/code", False), ("home/code/.hidden", False), ("other", False), ("home/code/state/node/sources", True),
    ],
)  # fmt: skip
def test_what_is_private_in_a_home(tmp_path, monkeypatch, path, private):
    for each in ("home/.ssh", "home/.config/app", "home/code/.hidden", "home/code/state/node", "other"):
        (tmp_path / each).mkdir(parents=True)
    (tmp_path / "home/link").symlink_to(".ssh")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    node_directory = tmp_path / "home/code/state/node"
    assert is_private(tmp_path / path, node_directory, is_repository=True) is private


def test_a_directory_that_holds_a_node_is_given_as_a_repository_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "code/node").mkdir(parents=True)
    assert is_private(tmp_path / "code", tmp_path / "code/node", is_repository=False)
    assert not is_private(tmp_path / "code", tmp_path / "code/node", is_repository=True)


def test_a_server_cannot_send_git_to_files_or_programs(fetching, place):
    """A redirection leads to http and https alone, whatever else git could do."""
    code = place / "code"
    commit(code, FILES)
    for number, target in enumerate(
        (f"file://{code}", f"ext::sh -c 'touch {place}/ran'", "ftp://127.0.0.1/a")
    ):
        answer = f"HTTP/1.1 301 Moved\r\nLocation: {target}/info/refs\r\nContent-Length: 0\r\n\r\n".encode()
        with answering(answer) as port:
            said = reason_of(
                fetching, f"{place} {number}", FetchSource(url=f"http://127.0.0.1:{port}/a", branch="main")
            )
        assert said.startswith(f"The repository http://127.0.0.1:{port}/a can't be read: ")
    assert not (place / "ran").exists()


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
