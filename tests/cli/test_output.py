"""Text for people, JSON for programs, colours on a terminal only."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

from understudy_aws import cli
from understudy_aws.cli.output import Output, counted


def test_nothing_is_coloured_into_a_pipe(capsys):
    assert "x" == Output().paint("x", "red")


class TestOnATerminal:
    def test_colours_are_used(self, monkeypatch, capsys):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        out = Output()
        out.line(f"{out.paint('x', 'red')} y")
        assert "\x1b[31mx\x1b[0m y\n" == capsys.readouterr().out

    def test_what_others_send_gives_a_terminal_no_orders(self, monkeypatch, capsys):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        out = Output()
        out.line(out.paint("\x1b]0;title\x07\n\u202e", "bold"))
        out.table(("A", "B"), [("\x9b1m", "x"), ("y", "z")])
        out.facts([("a", "\x7f")])
        out.remark("\x1b[1m")
        said = capsys.readouterr()
        assert said.out.startswith("\x1b[1m\\u001b]0;title\\u0007\\u000a\\u202e\x1b[0m\n")
        assert "\\u009b1m  x\ny         z\n" in said.out
        assert said.out.endswith("  \\u007f\n")
        assert "\\u001b[1m\n" == said.err

    def test_no_color_is_honoured_as_variable_and_as_option(self, monkeypatch):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        assert "x" == Output(colour=False).paint("x", "red")
        monkeypatch.setenv("NO_COLOR", "1")
        assert "x" == Output().paint("x", "red")


def test_columns_are_as_wide_as_their_longest_cell(capsys):
    Output().table(("A", "B"), [("one", "1"), ("three", "")])
    assert "A      B\none    1\nthree\n" == capsys.readouterr().out


def test_facts_stand_under_each_other(capsys):
    Output().facts([("a", "1"), ("long", "2")])
    assert "a     1\nlong  2\n" == capsys.readouterr().out


def test_a_value_is_one_line_of_json(capsys):
    Output().value({"a": ["é"]})
    assert {"a": ["é"]} == json.loads(capsys.readouterr().out)


def test_remarks_are_no_part_of_the_answer(capsys):
    Output().remark("by the way")
    assert ("", "by the way\n") == capsys.readouterr()


def test_one_of_something_is_told_in_the_singular():
    assert [counted(number, "packet") for number in (0, 1, 2)] == ["0 packets", "1 packet", "2 packets"]


def test_no_line_is_given_a_line_feed_which_would_be_printed_escaped():
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(cli.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "line"
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and "\n" in part.value
    ]
    assert found == []
