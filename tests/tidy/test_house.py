"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import understudy_aws
from understudy_aws.settings import Settings

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted((ROOT / "src" / "understudy_aws").rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in SOURCES}
LONGEST_FILE, LONGEST_FUNCTION = 600, 70


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))
def test_a_module_says_what_it_is_for(path):
    docstring = ast.get_docstring(TREES[path])
    assert docstring, "the first line of a module is a sentence"
    assert docstring.splitlines()[0].endswith((".", "?", ":", "!")), docstring.splitlines()[0]


def test_what_is_looked_at_is_the_whole_source():
    """The other tests of this file hold of no files, too."""
    assert len(SOURCES) > 200
    assert Path(understudy_aws.__file__) in SOURCES
    functions = sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for tree in TREES.values()
        for node in ast.walk(tree)
    )
    assert functions > 2000


def test_files_and_functions_keep_to_their_limits():
    long_files = [path for path in SOURCES if len(path.read_text().splitlines()) > LONGEST_FILE]
    long_functions = [
        f"{path.name}:{node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]
    assert ([], []) == (names(long_files), long_functions)


def test_imports_stand_at_the_top():
    hidden = [
        f"{path.relative_to(ROOT)}:{inner.lineno}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert [] == hidden


def test_values_are_structs():
    """Making one dataclass costs a start more than a millisecond; a hundred of them were a third of it."""
    importing = [
        path for path in SOURCES if re.search(r"^(from|import) dataclasses\b", path.read_text(), re.MULTILINE)
    ]
    assert [] == names(importing)


def test_drawers_are_not_built():
    forbidden = {"utils", "helpers", "common", "misc", "manager", "base"}
    assert [] == [path for path in names(SOURCES) if Path(path).stem in forbidden]


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    assert [] == [path for path in names(SOURCES) if marks.search((ROOT / path).read_text())]


def test_every_setting_is_documented():
    readme = (ROOT / "README.md").read_text()
    names = list(Settings._fields)
    assert "iam" in names
    assert [] == [name for name in names if f"_{name.upper()}`" not in readme]


def test_the_map_names_every_folder():
    architecture = (ROOT / "ARCHITECTURE.md").read_text()
    folders = [
        path.name for path in (ROOT / "src" / "understudy_aws").iterdir() if (path / "__init__.py").exists()
    ]
    assert {"gateway", "policy", "store"} <= set(folders)
    assert [] == [folder for folder in folders if f"  {folder}/" not in architecture]
