"""Copies of a state: whole whatever is written meanwhile, and put back at once or not at all."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.store.protocol import LogEntry, RecordChange
from understudy_aws.store.sqlite import SqliteStore
from understudy_aws.store.sqlite_backup import back_up, restore


def fill(directory, *names):
    store = SqliteStore(directory)
    epoch = store.claim()
    for name in names:
        store.write(epoch, [RecordChange("names", name, b"x")], [LogEntry(0, name, "", b"y")])
    return store


def names(directory):
    store = SqliteStore(directory)
    found = [key for key, _ in store.load("names")]
    store.close()
    return found


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copies" / "copy"


@pytest.fixture(autouse=True)
def folders(tmp_path, copy):
    copy.parent.mkdir()


def test_a_copy_has_what_was_acknowledged_while_the_store_is_open(tmp_path, copy):
    store = fill(tmp_path / "state", "a", "b")
    size = back_up(tmp_path / "state", copy)
    assert size == copy.stat().st_size
    assert 0o600 == copy.stat().st_mode & 0o777
    store.close()
    restore(copy, tmp_path / "other")
    assert ["a", "b"] == names(tmp_path / "other")
    assert [copy] == list(copy.parent.iterdir()), "nothing else is left beside it"


WRITER = """
    import sys
    from pathlib import Path
    from understudy_aws.store.protocol import RecordChange
    from understudy_aws.store.sqlite import SqliteStore
    store = SqliteStore(Path(sys.argv[1]))
    epoch, number = store.claim(), 0
    while True:
        # Both or neither: a copy with one of them would be of no moment.
        both = [RecordChange("left", "n", b"%d" % number), RecordChange("right", "n", b"%d" % number)]
        if (later := store.write(epoch, both, [])) is not None:
            later.result()
        number += 1
        if number % 100 == 0:
            print(number, flush=True)
"""


def test_a_copy_is_of_one_moment_while_another_process_writes(tmp_path, copy):
    state = tmp_path / "state"
    program = [sys.executable, "-c", textwrap.dedent(WRITER), str(state)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            seen = []
            for _ in range(5):
                acknowledged = int(process.stdout.readline())
                back_up(state, copy, overwrite=True)
                with sqlite3.connect(copy) as found:
                    bodies = {bytes(body) for (body,) in found.execute("SELECT body FROM records")}
                found.close()
                assert 1 == len(bodies)
                seen.append(int(bodies.pop()))
                assert seen[-1] >= acknowledged - 1
            assert seen == sorted(seen)
            assert seen[0] < seen[-1]
        finally:
            process.kill()


class TestRefused:
    def test_no_state(self, tmp_path, copy):
        with pytest.raises(UserError, match="There is no state in"):
            back_up(tmp_path / "none", copy)
        assert not (tmp_path / "none").exists()

    def test_a_file_that_is_there(self, tmp_path, copy):
        fill(tmp_path / "state", "a").close()
        copy.write_text("mine")
        with pytest.raises(UserError, match="is there already; --force"):
            back_up(tmp_path / "state", copy)
        assert "mine" == copy.read_text()
        back_up(tmp_path / "state", copy, overwrite=True)

    @pytest.mark.parametrize("name", ["understudy.db", "understudy.db-wal", "lock", "copy"])
    @pytest.mark.parametrize("whose", ["state", "other"])
    def test_a_file_of_a_state(self, tmp_path, whose, name):
        """A copy in the place of a file that a server has open would lose what the server writes from then on."""
        for directory in ("state", "other"):
            fill(tmp_path / directory, directory).close()
        target = tmp_path / whose / name
        store = fill(tmp_path / whose, "later")
        with pytest.raises(UserError, match=f"{whose} is a state directory; a copy belongs elsewhere"):
            back_up(tmp_path / "state", target, overwrite=True)
        store.close()
        assert {"later", whose} == set(names(tmp_path / whose))

    @pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xa5" * 8192])
    def test_a_file_that_is_no_copy(self, tmp_path, copy, content):
        copy.write_bytes(content)
        fill(tmp_path / "state", "a").close()
        with pytest.raises(UserError, match="no copy of a state"):
            restore(copy, tmp_path / "state", overwrite=True)
        assert ["a"] == names(tmp_path / "state")

    def test_a_copy_of_a_later_version(self, tmp_path, copy):
        fill(tmp_path / "state", "a").close()
        back_up(tmp_path / "state", copy)
        with sqlite3.connect(copy) as made:
            made.execute("PRAGMA user_version = 99")
        made.close()
        with pytest.raises(
            UserError, match=r"written by a newer Understudy, in format 99; this one, .* is older"
        ):
            restore(copy, tmp_path / "state", overwrite=True)

    def test_a_state_that_is_there(self, tmp_path, copy):
        fill(tmp_path / "state", "a").close()
        back_up(tmp_path / "state", copy)
        with pytest.raises(UserError, match=r"There is a state in .* already; --yes"):
            restore(copy, tmp_path / "state")

    def test_a_state_in_use(self, tmp_path, copy):
        store = fill(tmp_path / "state", "a")
        back_up(tmp_path / "state", copy)
        with pytest.raises(UserError, match=f"Process {os.getpid()} already uses"):
            restore(copy, tmp_path / "state", overwrite=True)
        store.close()


def test_the_log_of_the_old_state_is_not_read_into_the_copy(tmp_path, copy):
    """A server that was killed leaves a log beside its file."""
    state = tmp_path / "state"
    fill(state, "old").close()
    back_up(state, copy)
    program = "import os, sys; sys.path.insert(0, sys.argv[1]); from test_sqlite_backup import fill; from pathlib import Path; fill(Path(sys.argv[2]), *map(str, range(50))); os._exit(0)"
    subprocess.run([sys.executable, "-c", program, str(Path(__file__).parent), str(state)], check=True)
    assert (state / "understudy.db-wal").stat().st_size
    restore(copy, state, overwrite=True)
    assert ["old"] == names(state)


def test_a_damaged_state_can_be_replaced(tmp_path, copy):
    state = tmp_path / "state"
    fill(state, "a").close()
    back_up(state, copy)
    (state / "understudy.db").write_bytes(b"\xa5" * 12288)
    restore(copy, state, overwrite=True)
    assert ["a"] == names(state)


KILLED = """
    import os, sys
    from pathlib import Path
    from understudy_aws.store import sqlite_backup
    seen = 0
    def killed(*_, **__):
        os._exit(9)
    def at(name, of=sqlite_backup):
        setattr(of, name, killed)
    moment = sys.argv[3]
    if moment == "after the rename":
        sync = sqlite_backup._sync
        def last(path):
            if path == Path(sys.argv[2]):
                os._exit(9)
            sync(path)
        sqlite_backup._sync = last
    elif moment == "before the rename":
        Path.replace = killed
    else:
        at(moment)
    sqlite_backup.restore(Path(sys.argv[1]), Path(sys.argv[2]), overwrite=True)
"""


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("_empty_file_beside", "after"),
        ("_fold_log_into", "after"),
        ("before the rename", "after"),
        ("after the rename", "before"),
    ],
)
def test_a_kill_at_any_moment_leaves_the_one_or_the_other(tmp_path, copy, moment, left):
    state = tmp_path / "state"
    fill(state, "before").close()
    back_up(state, copy)
    store = fill(state, "after")
    store.close()
    program = [sys.executable, "-c", textwrap.dedent(KILLED), str(copy), str(state), moment]
    assert 9 == subprocess.run(program, check=False).returncode
    assert (["after", "before"] if left == "after" else ["before"]) == names(state)
