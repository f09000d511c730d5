"""The pages of docs/reference, taken apart into sections by number."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "reference"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
_HEADING = re.compile(r"^(#{1,2}) (?:(\d+(?:\.\d+)?) )?(.+)$", re.MULTILINE)


def sections(page: Path) -> dict[str, str]:
    """The text of each numbered section by its number; a chapter's, with all of its sections, by the chapter's."""
    text = page.read_text()
    found: dict[str, str] = {}
    headings = list(_HEADING.finditer(text))
    for number, heading in enumerate(headings):
        if heading[2]:
            later = (other.start() for other in headings[number + 1 :] if len(other[1]) <= len(heading[1]))
            assert heading[2] not in found, f"{page.name} has two sections {heading[2]}"
            found[heading[2]] = text[heading.end() : next(later, len(text))]
    return found


SECTIONS = {page.name: sections(page) for page in PAGES}
