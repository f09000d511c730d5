"""What the documents show runs and says what they say it says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from understudy_aws.admin.requests import REQUESTS
from understudy_aws.cli.main import COMMANDS, SUMMARY
from understudy_aws.services.apprunner.resources import RESOURCES

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += [ROOT / "SECURITY.md", *sorted((ROOT / "examples").rglob("*.md"))]
DOCUMENTS += sorted((ROOT / "docs").rglob("*.md")) + sorted((ROOT / "benchmarks").glob("*.md"))


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_the_example_without_a_server_decides_and_explains(capsys):
    example = next(text for text in examples() if "understudy_aws.policy" in text)
    exec(compile(example, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith("False\n")
    assert "s3:PutObject" in said


def test_what_this_is_is_said_everywhere_in_the_same_words():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["description"]
    first = (ROOT / "README.md").read_text().split("\n\n")[1]
    assert (package, first) == (SUMMARY, f"{SUMMARY}.")


def test_what_is_served_has_all_kinds_of_app_runners_resources():
    served = (ROOT / "README.md").read_text().partition("## What is served")[2].partition("\n## ")[0]
    of_app_runner = re.search(r"App\s+Runner's([^;]*);", served)
    assert of_app_runner is not None
    said = "".join(of_app_runner[1].lower().split())
    kinds = [kind.name for kind in RESOURCES]
    assert len(kinds) >= 6
    # A list names the noun that kinds have in common once.
    assert [] == [kind for kind in kinds if kind.removesuffix("configuration") not in said]
    assert "customdomains" in said


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    missing = [link for link in links(document) if not (document.parent / link).exists()]
    assert [] == missing


def links(document: Path) -> list[str]:
    """Where a document points to in this repository."""
    return [link for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()) if "://" not in link]


def test_links_are_found():
    """The test before holds of documents without links, too."""
    assert sum(len(links(document)) for document in DOCUMENTS) >= 15


def named_files(document: Path) -> list[str]:
    """The files and folders of this repository that a document names in code style."""
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.py|\.json|\.txt|\.md))`", document.read_text())
    return [name for name in named if "/" in name]


@pytest.mark.parametrize(
    "document", [ROOT / "CONTRIBUTING.md", ROOT / "ARCHITECTURE.md"], ids=lambda path: path.name
)
def test_the_files_that_are_named_are_there(document):
    """From the root, from the package, or from the part of it that the text is about."""
    named = named_files(document)
    assert len(named) >= 10
    source = ROOT / "src"
    there = [
        f"/{path.relative_to(source)}" for path in source.rglob("*") if path.suffix in ("", ".py", ".json")
    ]
    missing = [name for name in named if not (ROOT / name).exists()]
    assert [] == [
        name for name in missing if not any(path.endswith(f"/{name.rstrip('/')}") for path in there)
    ]


def test_every_decision_is_listed():
    listed = re.findall(r"\((\d{4}-[^)]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text())
    there = [path.name for path in sorted((ROOT / "docs/decisions").glob("0*.md"))]
    assert len(there) >= 10
    assert there == sorted(listed)


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert "up" in COMMANDS
    assert [] == [name for name in COMMANDS if name != "version" and f"`{name}" not in readme]


def test_every_administrative_route_is_in_the_readme():
    rows = set(
        re.findall(r"^\| `([A-Z]+) (/_[^`]+)` \| (yes|) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    )
    assert rows == {(each.methods[0], each.path, "yes" if each.public else "") for each in REQUESTS}
