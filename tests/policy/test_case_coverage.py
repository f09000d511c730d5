"""Nothing that the reference says is without a case: each row and each rule is cited by one at least."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from reference import SECTIONS

CASES = Path(__file__).parent.parent / "cases" / "policy"
# The questions of disagreements.md 1, on which implementations differ.
ROWS = re.findall(r"^\| (.+?) \|", SECTIONS["disagreements.md"]["1"], re.MULTILINE)[1:]
# The sections that a decision can follow or break.
CITED = [
    *(("service-linked-roles.md", number) for number in ("1.7", "1.9")),
    ("sts.md", "3.1"),
    *(("policies.md", number) for number in SECTIONS["policies.md"] if number not in ("4", "4.6", "4.7")),
]


def cites() -> list[str]:
    files = [json.loads(path.read_text()) for path in sorted(CASES.glob("*.json"))]
    return [case.get("cite", file["cite"]) for file in files for case in file["cases"]]


CITES = cites()


@pytest.mark.parametrize("row", ROWS)
def test_each_row_of_disagreement_has_its_cases(row):
    assert f"disagreements.md 1: {row}" in CITES


@pytest.mark.parametrize(("page", "number"), CITED)
def test_each_section_has_its_cases(page, number):
    named = re.compile(rf"{re.escape(page)}[^;]*\b{re.escape(number)}\b")
    assert any(named.search(cite) for cite in CITES)


def test_there_are_rows_and_sections():
    assert (14, 10) == (len(ROWS), len(CITED))


def test_the_traps_of_the_networking_policy_have_their_cases():
    assert any("service-linked-roles.md 1.9 (traps)" in cite for cite in CITES)


def test_no_two_cases_of_a_file_have_one_name():
    for path in sorted(CASES.glob("*.json")):
        names = [case["name"] for case in json.loads(path.read_text())["cases"]]
        assert len(names) == len(set(names)), path.name
