"""What instances and builds write is told line by line, whatever they write, and bounded on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from understudy_aws.node import spool as spools
from understudy_aws.node.spool import LONGEST_LINE, Spool


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path)


def texts(output):
    return [line.text for line in output.lines]


def all_of(spool, after=0):
    """Everything there is, told in as many answers as it takes."""
    found = []
    while True:
        output = spool.output(spool.name, found[-1].number if found else after)
        if not output.lines:
            return found
        found += output.lines


def write(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_have_numbers_and_say_whose_they_are(spool):
    write(spool.begin("i-1", "arn:1", "instance/1"), b"one\ntwo\n")
    spool.add("arn:2", "deployment/2", "three")
    lines = spool.output("", 0).lines
    assert [(each.number, each.service, each.stream, each.text) for each in lines] == [
        (1, "arn:1", "instance/1", "one"),
        (2, "arn:1", "instance/1", "two"),
        (3, "arn:2", "deployment/2", "three"),
    ]
    assert all(each.at > 1_600_000_000_000 for each in lines)


def test_lines_are_told_until_the_server_has_them(spool):
    write(spool.begin("i-1", "a", "s"), b"one\ntwo\nthree\n")
    assert texts(spool.output("another", 2)) == ["one", "two", "three"]
    assert texts(spool.output(spool.name, 2)) == ["three"]
    assert texts(spool.output(spool.name, 3)) == []


def test_another_node_goes_on_behind_what_the_server_has(spool, tmp_path):
    write(spool.begin("i-1", "a", "s"), b"one\ntwo\n")
    spool.output("", 0)
    spool.output(spool.name, 1)
    assert texts(Spool(tmp_path).output("", 0)) == ["two"]


def test_a_line_without_an_end_is_told_when_nothing_more_comes(spool):
    path = spool.begin("i-1", "a", "s")
    write(path, b"one\ntw")
    assert texts(spool.output("", 0)) == ["one"]
    write(path, b"o")
    spool.finish("i-1")
    assert texts(spool.output("", 0)) == ["one", "two"]


def test_a_file_goes_when_it_is_finished_and_told(spool, tmp_path):
    write(spool.begin("i-1", "a", "s"), b"one\n")
    spool.finish("i-1")
    spool.output("", 0)
    assert (tmp_path / "output" / "i-1").is_dir()
    spool.output(spool.name, 1)
    assert list((tmp_path / "output").iterdir()) == []


@pytest.mark.parametrize("character", ["x", "\N{GREEK SMALL LETTER ALPHA}", "\N{GRINNING FACE}"])
def test_a_long_line_becomes_several_and_no_character_is_cut(spool, character):
    text = "y" + character * (3 * LONGEST_LINE // len(character.encode()))
    write(spool.begin("i-1", "a", "s"), f"{text}\nlast\n".encode())
    pieces = [line.text for line in all_of(spool)]
    assert "".join(pieces[:-1]) == text
    assert pieces[-1] == "last"
    assert all(len(piece.encode()) <= LONGEST_LINE for piece in pieces)


def test_bytes_that_are_no_text_are_told_as_what_stands_for_them(spool):
    write(spool.begin("i-1", "a", "s"), b"\xff\x00\xfe\nafter\r\n")
    assert texts(spool.output("", 0)) == ["\N{REPLACEMENT CHARACTER}\0\N{REPLACEMENT CHARACTER}", "after"]


def test_what_the_server_has_is_given_back_to_the_disk(spool, tmp_path):
    path = spool.begin("i-1", "a", "s")
    write(path, b"0123456789abcde\n" * 65536)
    before = path.stat().st_blocks
    assert len(all_of(spool)) == 65536
    write(path, b"next\n")
    assert path.stat().st_blocks < before // 4
    assert [each.text for each in all_of(spool, 65536)] == ["next"]


def test_what_nobody_reads_loses_its_oldest_lines_which_are_counted(spool, monkeypatch):
    monkeypatch.setattr(spools, "MOST_BYTES", 64 * 1024)
    path = spool.begin("i-1", "a", "s")
    lines = [f"{number:015d}" for number in range(20_000)]
    write(path, "".join(f"{each}\n" for each in lines).encode())
    output = spool.output("", 0)
    kept = texts(output)
    assert output.lost + len(kept) == len(lines)
    assert kept == lines[-len(kept) :]
    assert 0 < len(kept) <= 64 * 1024 // 16


def test_lines_that_were_read_and_then_dropped_are_counted_once(spool, monkeypatch):
    path = spool.begin("i-1", "a", "s")
    write(path, b"0123456789abcde\n" * 1000)
    spool.output("", 0)
    monkeypatch.setattr(spools, "MOST_BYTES", 8 * 1024)
    write(path, b"0123456789abcde\n" * 3000)
    output = spool.output("", 0)
    assert output.lost + len(output.lines) == 4000


def test_files_of_what_is_no_more_are_bounded_in_number(spool, tmp_path, monkeypatch):
    monkeypatch.setattr(spools, "MOST_FILES", 3)
    for number in range(10):
        write(spool.begin(f"i-{number}", "a", "s"), f"{number}\n".encode())
        spool.finish(f"i-{number}")
    output = spool.output("", 0)
    assert (output.lost, texts(output)) == (7, ["7", "8", "9"])
    assert len(list((tmp_path / "output").iterdir())) == 3


def test_the_last_lines_of_a_start_are_found(spool):
    path = spool.begin("i-1", "a", "s")
    write(path, b"of another start\n")
    start = path.stat().st_size
    write(path, b"\none\ntwo\nthree")
    assert spool.last_lines("i-1", start, 2, 1000) == ["two", "three"]
    assert spool.last_lines("none", 0, 2, 1000) == []


def test_at_rest_each_file_is_looked_at_once_a_question(spool, tmp_path, monkeypatch):
    """Two hundred instances that write nothing cost two hundred looks a second, and nothing else."""
    for number in range(5):
        write(spool.begin(f"i-{number}", "a", f"s-{number}"), b"one\n")
    last = spool.output("", 0).lines[-1].number
    spool.output(spool.name, last)
    looks = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda *words, **more: looks.append(words[0]) or stat(*words, **more))
    assert texts(spool.output(spool.name, last)) == []
    assert len(looks) == 5
    monkeypatch.undo()
    write(tmp_path / "output/i-3/output", b"two\n")
    assert texts(spool.output(spool.name, last)) == ["two"]
