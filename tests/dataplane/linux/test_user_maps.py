"""Which further ids a user has, and what is in the way."""

from __future__ import annotations

import os
import pwd

import pytest

from understudy_aws.dataplane.linux import user_maps
from understudy_aws.dataplane.linux.user_maps import Range, found_range, is_mapped, obstacle


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine whose files and programs a test has; its user is an ordinary one until it says otherwise."""
    lists = (tmp_path / "subuid", tmp_path / "subgid")
    monkeypatch.setattr(user_maps, "_LISTS", lists)
    monkeypatch.setattr(user_maps, "_PATH", str(tmp_path))
    for name in ("newuidmap", "newgidmap"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    for each in lists:
        each.write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    monkeypatch.setattr(
        pwd, "getpwuid", lambda _: pwd.struct_passwd(("ada", "", 4711, 4711, "", "/", "/bin/sh"))
    )
    return tmp_path


def give(machine, users: str, groups: str) -> None:
    (machine / "subuid").write_text(users)
    (machine / "subgid").write_text(groups)


@pytest.mark.parametrize(
    ("users", "groups", "found"),
    [
        ("ada:100000:65536\n", "ada:200000:65536\n", Range(100000, 200000)),
        ("4711:100000:65536\n", "eve:1:65536\nada:5:70000\n", Range(100000, 5)),
        ("ada:7:10\nada:100000:65536\n", "ada:100000:65536", Range(100000, 100000)),
        ("ada:100000:65535\n", "ada:100000:65536\n", None),
        ("ada:100000:65536\n", "", None),
        ("eve:100000:65536\n", "eve:100000:65536\n", None),
        ("ada:0:65536\n", "ada:0:65536\n", None),
        ("ada:x:65536\nada\n:::\n", "ada:100000:65536\n", None),
    ],
)
def test_the_range_of_an_ordinary_user(machine, users, groups, found):
    give(machine, users, groups)
    assert found_range() == found
    assert bool(obstacle()) == (found is None)


def test_what_is_missing_is_said_with_the_remedy(machine):
    assert "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada" in obstacle()
    give(machine, "ada:100000:65536\n", "ada:100000:65536\n")
    (machine / "newgidmap").unlink()
    assert obstacle() == "newgidmap not installed (`sudo apt install uidmap`)"


def test_root_has_one_that_nobody_has_unless_it_is_given_another(machine, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    whole = machine / "map"
    whole.write_text("         0          0 4294967295\n")
    monkeypatch.setattr(user_maps, "_OWN_MAPS", (whole, whole))
    assert found_range() == Range(0x70000000, 0x70000000)
    give(machine, "ada:100000:65536\n", "0:200000:65536\n")
    assert found_range() == Range(100000, 200000)
    # As in a container that is given few ids itself.
    whole.write_text("         0     100000      65536\n")
    assert found_range() is None
    assert "as in a container" in obstacle()


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("0 1000 1\n1 100000 65536\n", True),
        ("0 1000 1\n", False),
        ("0 0 4294967295\n", False),
        ("0 1000 1\n1 100000 65535\n", False),
        ("", False),
    ],
)
def test_a_holder_s_namespace_is_known_by_its_maps(tmp_path, monkeypatch, text, mapped):
    (tmp_path / "map").write_text(text)
    monkeypatch.setattr(user_maps, "_OWN_MAPS", (tmp_path / "map",) * 2)
    assert is_mapped() == mapped
