"""What the documents show runs and says what they say it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "benchmarks").glob("*.md"))


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_example_without_a_server_decides_and_explains(capsys):
    example = next(text for text in examples() if "understudy.policy" in text)
    exec(compile(example, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("False\n")
    assert "s3:PutObject" in said


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    missing = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert [] == missing


def test_every_decision_is_listed():
    listed = re.findall(r"\((\d{4}-[^)]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text())
    there = [path.name for path in sorted((ROOT / "docs/decisions").glob("0*.md"))]
    assert there == sorted(listed)


def test_every_command_is_in_the_readme():
    from_code = re.findall(
        r'^    "(\w+)": "', (ROOT / "src/understudy/cli/main.py").read_text(), re.MULTILINE
    )
    readme = (ROOT / "README.md").read_text()
    assert [] == [name for name in from_code if name != "version" and f"`{name}" not in readme]
