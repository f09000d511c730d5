"""The file with what is wanted: readable after a node was killed at any byte, and never much longer than it must be."""

from __future__ import annotations

import os
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from network_strategies import networks
from networks import interface, vpc

from understudy_aws.dataplane.deltas import NetworkDelta, delta_of
from understudy_aws.dataplane.messages import WantChange, revision_of
from understudy_aws.dataplane.wanted import Network
from understudy_aws.node.wanted_file import WantedFile


def change(base: str, before: Network, after: Network) -> bytes:
    return msgspec.json.encode(WantChange(base, delta_of(before, after)))


@given(st.lists(networks(), min_size=2, max_size=5), networks(), st.data())
def test_what_was_kept_before_the_byte_at_which_it_ended_is_read(tmp_path_factory, states, later, data):
    directory = tmp_path_factory.mktemp("wanted")
    file = WantedFile(directory)
    file.keep(states[0], "first")
    revisions, ends = ["first"], [(directory / "wanted.json").stat().st_size]
    for before, after in pairwise(states):
        line = change(revisions[-1], before, after)
        file.keep_change(line, after)
        revisions.append(revision_of(line))
        ends.append((directory / "wanted.json").stat().st_size)
    file.close()
    end = data.draw(st.integers(ends[0], ends[-1]))
    with (directory / "wanted.json").open("r+b") as written:
        written.truncate(end)
    again = WantedFile(directory)
    last = max(number for number, each in enumerate(ends) if each <= end)
    assert again.read() == (states[last], revisions[last])
    # It goes on from there, whatever stands behind the last whole line.
    line = change(revisions[last], states[last], later)
    again.keep_change(line, later)
    again.close()
    assert WantedFile(directory).read() == (later, revision_of(line))


def test_lines_that_do_not_follow_are_no_changes(tmp_path):
    network = Network(vpcs=(vpc("vpc-a", groups=()),))
    file = WantedFile(tmp_path)
    file.keep(network, "first")
    kept = (tmp_path / "wanted.json").read_bytes()
    other = change("another", network, Network())
    unfit = msgspec.json.encode(WantChange("first", NetworkDelta(gone={"vpcs": ("vpc-b",)})))
    for line in (other, unfit, b"{}", b"\xff"):
        (tmp_path / "wanted.json").write_bytes(kept + line + b"\n")
        assert WantedFile(tmp_path).read() == (network, "first"), line


@pytest.mark.parametrize("content", [b"", b"\n", b"{", b"[]\n", b"\xff\xff"])
def test_a_file_that_is_none_holds_nothing(tmp_path, content):
    (tmp_path / "wanted.json").write_bytes(content)
    assert WantedFile(tmp_path).read() == (Network(), "")


def test_it_is_written_anew_before_the_changes_are_much_longer_than_the_whole(tmp_path):
    states = [
        Network(vpcs=(vpc("vpc-a", interface(f"{n:04}", "vpc-a-subnet-1", "10.0.1.4"), groups=()),))
        for n in range(2)
    ]
    file = WantedFile(tmp_path)
    file.keep(states[0], "first")
    revision, longest, written = "first", 0, 0
    for number in range(2000):
        line = change(revision, states[number % 2], states[(number + 1) % 2])
        file.keep_change(line, states[(number + 1) % 2])
        revision, written = revision_of(line), written + len(line)
        longest = max(longest, (tmp_path / "wanted.json").stat().st_size)
    file.close()
    assert longest < 80_000 < written
    assert WantedFile(tmp_path).read() == (states[0], revision)


def test_a_change_that_can_not_be_written_leaves_what_was_kept(tmp_path, monkeypatch):
    states = [Network(vpcs=(vpc(f"vpc-{n}", groups=()),)) for n in range(3)]
    file = WantedFile(tmp_path)
    file.keep(states[0], "first")
    line = change("first", states[0], states[1])
    file.keep_change(line, states[1])

    def full(written, data, at, write=os.pwrite):
        if len(data) > 10:
            return write(written, data[:10], at)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space"):
            file.keep_change(change(revision_of(line), states[1], states[2]), states[2])
    assert WantedFile(tmp_path).read() == (states[1], revision_of(line))
    again = change(revision_of(line), states[1], replace(states[2], prefix_lists={"pl-1": ()}))
    file.keep_change(again, states[2])
    file.close()
    assert WantedFile(tmp_path).read()[1] == revision_of(again)


def test_what_was_made_is_known_to_be_until_something_else_is_wanted(tmp_path):
    network = Network(vpcs=(vpc("vpc-a", groups=()),))
    file = WantedFile(tmp_path)
    file.keep(network, "first")
    assert not WantedFile(tmp_path).made

    def made() -> bool:
        again = WantedFile(tmp_path)
        again.read()
        return again.made

    assert not made()
    file.keep_made()
    size = (tmp_path / "wanted.json").stat().st_size
    file.keep_made()
    assert made()
    assert (tmp_path / "wanted.json").stat().st_size == size, "it is said once"
    line = change("first", network, Network())
    file.keep_change(line, Network())
    assert not made()
    file.keep_made()
    assert made()
    kept = (tmp_path / "wanted.json").read_bytes()
    (tmp_path / "wanted.json").write_bytes(kept[:-1])
    assert not made(), "the line was not finished"
    file.keep(network, "second")
    assert not made()
    file.close()
