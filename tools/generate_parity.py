"""Writes docs/parity.md: which operations of each service are served, in part or not, and the test that shows it.

    python tools/generate_parity.py

Nothing in the page is claimed by hand. What is served, and which parameters are not taken, is read from the services
and botocore's descriptions; a test is named when its text calls the operation. A test that the page names already is
kept as long as it still does, so that the page changes only with what is served.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import botocore

from understudy_aws.data import managed_policies
from understudy_aws.data.managed_policy_history import earlier_versions
from understudy_aws.gateway.operations import Operation
from understudy_aws.gateway.service import Service
from understudy_aws.services import SERVICES
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "parity.md"
# Handled for every operation alike.
_TAKEN_BY_THE_PIPELINE = {"DryRun"}
_ROW = re.compile(r"\| `([a-z0-9-]+:\w+)` \| [^|]* \| \[`(\w+)`\]\(\.\./([^)]+)\) \|")

_HEAD = """\
# What is served, and what is not

Written by `tools/generate_parity.py`, compared by `tests/tidy/test_parity.py`; botocore {version} has the operations.

An operation that is served **in part** refuses the parameters named beside it with an error that names them.
An operation that is **not served** asks for its permission like any other, and then answers `NotImplemented` by name.
Services that are not on this page are not served at all. The test in a row calls the operation with boto3.
"""


# Why operations are not served that will not be, by service.
_WHY_NOT: Mapping[str, Mapping[str, frozenset[str]]] = {
    "iam": {
        "role templates are made by services of AWS alone, which do not publish them as data.": frozenset(
            {"AcquireRole", "GetRoleTemplateVersion"}
        ),
        "which namespaces and properties there are, and what each does, is not published; one is about Role Manager, "
        "which makes roles from those templates.": frozenset(
            {"GetAccountProperties", "PutAccountProperties"}
        ),
    },
}


class Shown(NamedTuple):
    """A test function, by name and file, that calls an operation."""

    test: str
    file: str


def page(before: str = "") -> str:
    """Return the page. `before` is the page as it was."""
    kept = {action: Shown(test, file) for action, test, file in _ROW.findall(before)}
    parts = [
        _HEAD.format(version=botocore.__version__),
        _summary(),
        *(_section(each, kept) for each in SERVICES),
    ]
    return "\n".join([*parts, _policies()])


def rows(text: str) -> list[str]:
    """Return the rows about operations that are served, in whole or in part."""
    return [line for line in text.splitlines() if _ROW.match(line)]


def untaken(operation: Operation) -> list[str]:
    """Return the members of AWS's input that an operation does not take, or takes only to refuse them by name."""
    shape = load(operation.service).operation(operation.name)
    assert shape is not None, f"AWS has no {operation.action}"
    members = shape.input.members if shape.input else {}
    taken = operation.takes - {name for name, whole in _refused_by_name(operation) if whole}
    return [name for name in members if snake(name) not in taken and name not in _TAKEN_BY_THE_PIPELINE]


def partly_taken(operation: Operation) -> list[str]:
    """Return the members of which an operation refuses some values as not implemented."""
    shape = load(operation.service).operation(operation.name)
    members = shape.input.members if shape is not None and shape.input else {}
    partly = {name for name, whole in _refused_by_name(operation) if not whole}
    return [name for name in members if snake(name) in partly]


def _refused_by_name(operation: Operation) -> set[tuple[str, bool]]:
    """Return the parameters that an operation hands to `refuse`, which is for those that are not implemented.

    Each comes with whether it is refused whatever its value: it is handed over as it is, or its `Value` is.
    """
    source = textwrap.dedent(inspect.getsource(operation.function))
    return {
        (keyword.arg, isinstance(keyword.value, ast.Name | ast.Call))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refuse"
        for keyword in node.keywords
        if keyword.arg
    }


def unserved(service: Service) -> list[str]:
    """Return the names of the operations of a service that are known and not served."""
    return sorted(load(service.id).operation_names - service.operations.keys())


def _missing(operation: Operation) -> list[str]:
    """Return what of an operation is not served, as the page says it."""
    whole = [f"`{name}`" for name in untaken(operation)]
    return whole + [f"some values of `{name}`" for name in partly_taken(operation)]


def _summary() -> str:
    lines = ["| service | served | in part | not served |", "|---|---|---|---|"]
    for service in SERVICES:
        in_part = sum(bool(_missing(operation)) for operation in service.operations.values())
        lines.append(
            f"| [{service.id}](#{service.id}) | {len(service.operations) - in_part} | {in_part} "
            f"| {len(unserved(service))} |"
        )
    return "\n".join([*lines, ""])


def _section(service: Service, kept: Mapping[str, Shown]) -> str:
    lines = [f"## {service.id}", "", "| operation | served | shown by |", "|---|---|---|"]
    for name, operation in sorted(service.operations.items()):
        missing = _missing(operation)
        how = f"in part, without {', '.join(missing)}" if missing else "yes"
        found = _shown_by(service.id, name, kept.get(operation.action))
        lines.append(f"| `{operation.action}` | {how} | [`{found.test}`](../{found.file}) |")
    names = unserved(service)
    if names:
        lines += ["", f"Not served ({len(names)}):", "", textwrap.fill(", ".join(names) + ".", 118)]
    for reason, of in _WHY_NOT.get(service.id, {}).items():
        lines += ["", textwrap.fill(f"{', '.join(sorted(of & set(names)))}: {reason}", 118)]
    return "\n".join([*lines, ""])


def _policies() -> str:
    known = managed_policies.everything()
    earlier = {policy.name: len(earlier_versions(policy.name)) for policy in known}
    whole = sum(int(policy.version_id[1:]) == 1 + earlier[policy.name] for policy in known)
    all_earlier, having = sum(earlier.values()), sum(map(bool, earlier.values()))
    return textwrap.dedent(
        f"""\
        ## AWS managed policies

        {len(known)} policies, each in its default version, and {all_earlier} earlier versions of {having} of them:
        `ListPolicyVersions` and `GetPolicyVersion` answer those ([iam.md](reference/iam.md) 2.11). {whole} policies
        have all versions that AWS's have; of the other {len(known) - whole} at least one is not among the data, and
        `GetPolicyVersion` of it says that it does not exist.
        """
    )


def _shown_by(service: str, operation: str, kept: Shown | None) -> Shown:
    """Return the test that shows an operation. Raises LookupError when none calls it."""
    called = re.compile(rf"{snake(operation)}|{operation}")
    for calls in _tests(service):
        found = [shown for shown, names in calls.items() if any(_means(name, called) for name in names)]
        if kept in found:
            return kept
        if found:
            # The file about the same noun, and there the test that calls least besides.
            return min(
                found, key=lambda shown: (-_common_words(operation, shown.file), len(calls[shown]), shown)
            )
    raise LookupError(f"No test in tests/services/{service} calls {operation}.")


def _common_words(operation: str, file: str) -> int:
    """Return how many words of an operation are in the name of a file, whether they are plural or not."""
    words = {word.removesuffix("s") for word in Path(file).stem.split("_")}
    return len(words & {word.removesuffix("s") for word in snake(operation).split("_")})


def _means(name: str, called: re.Pattern[str]) -> bool:
    """Whether a name, which may hold `*` where a test puts in different words, is what is called."""
    if "*" not in name:
        return called.fullmatch(name) is not None
    method = called.pattern.partition("|")[0]
    return re.fullmatch(re.escape(name).replace(r"\*", "[a-z]+"), method) is not None


@cache
def _tests(service: str) -> tuple[Mapping[Shown, set[str]], Mapping[Shown, set[str]]]:
    """Return what each test of a service calls itself, and what it calls by what is defined around it.

    That is its file, the folder's fixtures, and the modules of tests/support that the file imports.
    """
    directly: dict[Shown, set[str]] = {}
    by_others: dict[Shown, set[str]] = {}
    folder = ROOT / "tests" / "services" / service
    for path in sorted(folder.rglob("test_*.py")):
        tree = _parsed(path)
        imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
        beside = [folder / "conftest.py", *(ROOT / "tests" / "support" / f"{name}.py" for name in imported)]
        around: dict[str, ast.AST] = {}
        for file in (*filter(Path.exists, beside), path):
            around |= _definitions(_parsed(file))
        for function in _functions(tree.body):
            if function.name.startswith("test_"):
                shown = Shown(function.name, str(path.relative_to(ROOT)))
                directly[shown] = set(_methods(function))
                by_others[shown] = {name for each in _reached(function, around) for name in _methods(each)}
    return directly, by_others


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _functions(body: Iterable[ast.stmt]) -> Iterator[ast.FunctionDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body)


def _definitions(tree: ast.Module) -> Mapping[str, ast.AST]:
    """Return the functions, methods, classes and tables of a module by name."""
    found: dict[str, ast.AST] = {function.name: function for function in _functions(tree.body)}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def _reached(function: ast.FunctionDef, around: Mapping[str, ast.AST]) -> Iterable[ast.AST]:
    """Return a function and all that it uses of what is defined around it, fixtures included."""
    reached: dict[str, ast.AST] = {}
    waiting: list[ast.AST] = [function]
    while waiting:
        for node in ast.walk(waiting.pop()):
            name = next(
                (str(getattr(node, part)) for part in ("id", "arg", "attr") if hasattr(node, part)), ""
            )
            if name in around and name not in reached:
                reached[name] = around[name]
                waiting.append(around[name])
    return (function, *reached.values())


def _methods(tree: ast.AST) -> Iterator[str]:
    """Yield the names of methods that a piece of code calls, hands on, or puts together for `getattr`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "operations_in"
        ):
            # Every operation that a module of services declares.
            for module in ast.walk(node):
                if isinstance(module, ast.Name):
                    yield from _declared_in(module.id)


def _declared_in(module: str) -> Iterator[str]:
    for service in SERVICES:
        for operation in service.operations.values():
            if operation.function.__module__.rpartition(".")[2] == module:
                yield operation.name


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text() if PAGE.exists() else ""), encoding="utf-8")
