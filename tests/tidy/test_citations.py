"""Citations such as `policies.md 4.6` lead to a section of docs/reference."""

from __future__ import annotations

import re
import subprocess
from collections import Counter

import pytest
from reference import FOLDER, ROOT, SECTIONS

# A citation may go on in the next line, and name several sections: `ec2.md 7.3, 7.5`, `iam.md 2.2 to 2.4`.
_GAP = r"(?:\s|\n\s*#\s)\s*"
_NUMBER = r"\d+(?:\.\d+)?"
_CITATION = re.compile(
    rf"(?<![\w/.-])([a-z][a-z0-9-]*\.md){_GAP}(?:section{_GAP})?({_NUMBER}(?:(?:,{_GAP}|{_GAP}and{_GAP}|{_GAP}to{_GAP}|-){_NUMBER})*)"
)
# A number that says of no page: `policies.md 4.4`, `(recorded, policies.md 4.4)`, `(4.8)`.
_WITHOUT_PAGE = re.compile(r"\b[Rr]eference \d\.\d|recorded(?: [a-z ]+)?, \d\.\d\)|[a-z`] \(\d\.\d\)")


def files() -> list[str]:
    """Every text in the repository that can cite, by its path."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.splitlines()  # fmt: skip
    kinds = (".py", ".json", ".md", ".toml")
    return [
        name
        for name in listed
        if name.endswith(kinds) and "/data/policies/" not in name and (ROOT / name).exists()
    ]


TEXTS = {name: (ROOT / name).read_text() for name in files()}
CITATIONS = [
    (name, page, number)
    for name, text in TEXTS.items()
    for page, numbers in _CITATION.findall(text)
    for number in re.findall(_NUMBER, numbers)
]


def test_citations_are_found():
    """The other tests of this file hold of no citations, too."""
    where = Counter(name.partition("/")[0] for name, _, _ in CITATIONS)
    assert where["src"] >= 100
    assert where["tests"] >= 350
    assert {page for _, page, _ in CITATIONS} >= {
        "policies.md",
        "ec2.md",
        "service-linked-roles.md",
        "apprunner.md",
    }


def test_each_citation_leads_to_a_section():
    lost = [
        f"{name}: {page} {number}" for name, page, number in CITATIONS if number not in SECTIONS.get(page, ())
    ]
    assert [] == lost


@pytest.mark.parametrize("page", sorted(SECTIONS))
def test_each_page_is_cited(page):
    assert any(page == cited for _, cited, _ in CITATIONS)


def test_no_section_is_cited_without_its_page():
    code = {
        name: text
        for name, text in TEXTS.items()
        if name.endswith(".py") and not name.endswith("test_citations.py")
    }
    assert [] == [(name, found[0]) for name, text in code.items() for found in _WITHOUT_PAGE.finditer(text)]


def test_the_case_files_cite_a_page_each():
    """By the page's heading or a decision: what a case holds is known from somewhere."""
    cases = {name: text for name, text in TEXTS.items() if name.startswith("tests/cases/")}
    assert len(cases) >= 18
    cites = [cite for text in cases.values() for cite in re.findall(r'"cite": ?"((?:[^"\\]|\\.)*)"', text)]
    assert len(cites) >= 150
    pages = "|".join(re.escape(page) for page in SECTIONS)
    known = re.compile(rf"(?:{pages}) {_NUMBER}|decision \d{{4}}|Service Authorization Reference")
    assert [] == [cite for cite in cites if not known.search(cite)]


def test_the_folder_is_the_one_that_is_cited():
    assert sorted(path.name for path in FOLDER.glob("*.md")) == sorted(["README.md", *SECTIONS])
