"""docs/reference: every section says where its facts are known from, and what it names is there."""

from __future__ import annotations

import re

import pytest
from reference import FOLDER, PAGES, SECTIONS

README = (FOLDER / "README.md").read_text()
# The first column of the table of sources, and of the table of files.
SOURCES = re.findall(r"^\| ([^|`\[]+?) \| [^|]*https://", README, re.MULTILINE)
EVERY_SECTION = [(page, number) for page, found in SECTIONS.items() for number in found]


def test_there_are_pages_sections_and_sources():
    assert len(PAGES) >= 9
    assert len(EVERY_SECTION) >= 50
    assert len(SOURCES) >= 18


@pytest.mark.parametrize(("page", "number"), EVERY_SECTION)
def test_a_section_names_a_source(page, number):
    """An address, one of the sources of the README, or an issue."""
    lines = SECTIONS[page][number].partition("\nSource")[2]
    named = [name for name in SOURCES if name in lines]
    assert named or re.search(r"https://|[\w.-]+/[\w.-]+#\d+|\[policies\.md\]", lines), f"{page} {number}"


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_is_used(source):
    used = source in "".join(page.read_text() for page in PAGES)
    assert used, source


def test_every_page_is_listed_and_short():
    assert [page.name for page in PAGES] == sorted(
        re.findall(r"^\| \[([a-z0-9-]+\.md)\]", README, re.MULTILINE)
    )
    assert [] == [page.name for page in PAGES if len(page.read_text().splitlines()) > 300]


def test_facts_are_not_left_open():
    words = re.compile(r"\b(TODO|TBD|open question|unknown to us|we believe|shared/)\b", re.IGNORECASE)
    assert [] == [page.name for page in PAGES if words.search(page.read_text())]
