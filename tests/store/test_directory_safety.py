"""A state directory that others may write to is refused, with the command that mends it."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import subprocess

import pytest

from understudy_aws.core.errors import UserError
from understudy_aws.store.directory_safety import danger_in
from understudy_aws.store.sqlite import SqliteStore

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


@pytest.fixture
def state(tmp_path):
    directory = tmp_path / "above" / "state"
    directory.mkdir(parents=True, mode=0o700)
    directory.parent.chmod(0o755)
    return directory


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o711, 0o500])
def test_what_others_cannot_write_to_is_accepted(state, mode):
    state.chmod(mode)
    assert "" == danger_in(state)


@pytest.mark.parametrize("mode", [0o777, 0o702, 0o1777])
@pytest.mark.parametrize("above", [False, True])
def test_what_everybody_may_write_to_is_refused_until_it_is_mended(state, mode, above):
    """The command in the sentence is run as it stands."""
    which = state.parent if above else state
    which.chmod(mode)
    danger = danger_in(state)
    if above and mode & 0o1000:
        assert "" == danger, "in a sticky folder nobody can replace what is another's"
        return
    assert f"{which}" in danger
    assert "by everybody" in danger
    subprocess.run(shlex.split(danger.partition(": ")[2]), check=True)
    assert "" == danger_in(state)


def test_a_store_is_not_opened_and_nothing_is_left_in_it(state):
    state.chmod(0o777)
    with pytest.raises(UserError, match=r"may be written to by everybody\. .*: chmod go-w "):
        SqliteStore(state)
    assert [] == list(state.iterdir())


@AS_ROOT
class TestGroups:
    """A group with no other members is no others: many systems give each user one and let it write."""

    @pytest.fixture
    def me(self):
        return next(user for user in pwd.getpwall() if user.pw_name == "nobody")

    @pytest.fixture
    def owned(self, state, me):
        os.chown(state, me.pw_uid, me.pw_gid)
        state.chmod(0o770)
        return state

    def test_a_group_of_ones_own_may_write(self, owned, me, monkeypatch):
        monkeypatch.setattr(pwd, "getpwall", lambda: [me])
        assert "" == danger_in(owned, me.pw_uid)

    @pytest.mark.parametrize("member", ["listed", "by default"])
    def test_another_member_is_refused(self, owned, me, monkeypatch, member):
        other = pwd.struct_passwd(("ann", "x", 4242, me.pw_gid, "", "/", "/bin/sh"))
        members = ["ann"] if member == "listed" else []
        monkeypatch.setattr(pwd, "getpwall", lambda: [me] if members else [me, other])
        monkeypatch.setattr(grp, "getgrgid", lambda number: grp.struct_group(("team", "x", number, members)))
        danger = danger_in(owned, me.pw_uid)
        assert danger.endswith(f"may be written to by group team. This keeps it out: chmod g-w {owned}")


@AS_ROOT
class TestOwners:
    def test_another_owner_is_refused(self, state):
        os.chown(state, 4242, 0)
        assert "belongs to user 4242, who may change it" in danger_in(state)
        assert danger_in(state).endswith(f"sudo chown -h root {state}")
        assert "" == danger_in(state, 4242)

    def test_a_folder_above_of_another_owner_is_refused(self, state):
        os.chown(state, 4242, 0)
        os.chown(state.parent, 4343, 0)
        assert f"The folder {state.parent}, which the state directory is in, belongs" in danger_in(
            state, 4242
        )

    def test_a_link_of_another_owner_is_refused(self, state, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(state)
        os.chown(link, 4242, 0, follow_symlinks=False)
        assert f"The link {link} belongs to user 4242" in danger_in(link)


class TestLinks:
    def test_they_are_followed(self, state, tmp_path):
        (tmp_path / "link").symlink_to(state)
        assert "" == danger_in(tmp_path / "link")
        state.chmod(0o777)
        assert f"chmod go-w {state}" in danger_in(tmp_path / "link")

    def test_who_may_replace_the_link_is_refused(self, state, tmp_path):
        (tmp_path / "open").mkdir()
        (tmp_path / "open").chmod(0o777)
        (tmp_path / "open" / "link").symlink_to(state)
        assert f"chmod go-w {tmp_path / 'open'}" in danger_in(tmp_path / "open" / "link")


def test_a_directory_that_is_to_be_made_is_as_safe_as_what_is_there(state):
    assert "" == danger_in(state / "a" / "b")
    state.chmod(0o777)
    assert f"The folder {state}," in danger_in(state / "a" / "b")
