"""Management policies: what their documents hold, and how those of parents and children merge (organizations.md 32.4).

A document is a tree. What is set stands under operators: `@@assign`, `@@append` and `@@remove` change what was
inherited, and `@@operators_allowed_for_child_policies` says which of them count below.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
ALLOWED = "@@operators_allowed_for_child_policies"
_OPERATORS = frozenset({ASSIGN, APPEND, REMOVE})
_ALLOWABLE = frozenset({*_OPERATORS, "@@all", "@@none"})
_DEEPEST = 20

# The one key at the top of the documents of each type. Of the others it is not known for sure.
TOP_KEYS: Mapping[str, str] = {
    "AISERVICES_OPT_OUT_POLICY": "services",
    "BACKUP_POLICY": "plans",
    "CHATBOT_POLICY": "chatbots",
    "DECLARATIVE_POLICY_EC2": "ec2_attributes",
    "TAG_POLICY": "tags",
}

Tree = dict[str, Any]


class MalformedManagementPolicy(ValueError):
    """A document that AWS does not take; the text says why."""


def check(content: str, type: str) -> None:
    """Raise MalformedManagementPolicy for a document that is none of this type."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise MalformedManagementPolicy("It is not JSON.") from error
    if not isinstance(document, dict) or not document:
        raise MalformedManagementPolicy("It is not an object with members.")
    top = TOP_KEYS.get(type)
    if top is not None and set(document) - {top, ALLOWED}:
        raise MalformedManagementPolicy(f"Its one member is {top}.")
    _check_node(document, (), 0)


def _check_node(node: Any, place: tuple[str, ...], depth: int) -> None:
    where = ".".join(place) or "the top"
    if not isinstance(node, dict):
        raise MalformedManagementPolicy(f"The value at {where} is under no operator such as {ASSIGN}.")
    if depth > _DEEPEST:
        raise MalformedManagementPolicy(f"It is nested too deeply at {where}.")
    for name, value in node.items():
        if name in _OPERATORS:
            _check_value(value, name, where)
        elif name == ALLOWED:
            _check_allowed(value, where)
        elif name.startswith("@@"):
            raise MalformedManagementPolicy(f"{name} at {where} is no operator.")
        else:
            _check_node(value, (*place, name), depth + 1)
    if _OPERATORS & node.keys() and any(not name.startswith("@@") for name in node):
        raise MalformedManagementPolicy(f"Beside an operator there are members at {where}.")


def _check_value(value: Any, operator: str, where: str) -> None:
    plain = isinstance(value, str | int | bool)
    listed = isinstance(value, list) and all(isinstance(each, str | int | bool) for each in value)
    if not (plain or listed):
        raise MalformedManagementPolicy(f"{operator} at {where} takes a text or a list of texts.")


def _check_allowed(value: Any, where: str) -> None:
    if not isinstance(value, list) or not value or any(each not in _ALLOWABLE for each in value):
        raise MalformedManagementPolicy(f"{ALLOWED} at {where} takes a list of operators.")
    if len(value) > 1 and {"@@all", "@@none"} & set(value):
        raise MalformedManagementPolicy(f"{ALLOWED} at {where} has @@all or @@none beside others.")


def effective(levels: Iterable[Iterable[str]]) -> Tree:
    """Return what the documents of some levels come to, from the root of the organization down to the account.

    Documents of one level do not restrict each other: what one of them allows its children counts below it.
    """
    merged: Tree = {}
    allowed: Tree = {}
    for documents in levels:
        read = [json.loads(each) for each in documents]
        for document in read:
            _merge(merged, document, allowed, _OPERATORS)
        for document in read:
            _restrict(allowed, document)
    return _without_empty(merged)


def _merge(into: Tree, node: Tree, allowed: Tree, permitted: frozenset[str]) -> None:
    permitted = allowed.get(ALLOWED, permitted)
    for name, value in node.items():
        if name.startswith("@@") or not isinstance(value, dict):
            continue
        # Members are the same in whatever letter case; the first spelling stays.
        known = next((each for each in into if each.lower() == name.lower()), name)
        below = allowed.get(name.lower(), {})
        if _OPERATORS & value.keys():
            _set(into, known, value, below.get(ALLOWED, permitted))
        else:
            child = into.setdefault(known, {})
            if isinstance(child, dict):
                _merge(child, value, below, permitted)


def _set(into: Tree, name: str, node: Tree, permitted: frozenset[str]) -> None:
    if ASSIGN in node and ASSIGN in permitted:
        into[name] = node[ASSIGN]
    if APPEND in node and APPEND in permitted:
        present = _listed(into.get(name))
        into[name] = [*present, *(each for each in _listed(node[APPEND]) if each not in present)]
    if REMOVE in node and REMOVE in permitted:
        gone = _listed(node[REMOVE])
        into[name] = [each for each in _listed(into.get(name)) if each not in gone]


def _restrict(allowed: Tree, node: Tree) -> None:
    """Note which operators a document lets those below it use, and where; a level below can only take from them."""
    said = node.get(ALLOWED)
    if isinstance(said, list):
        meant = _OPERATORS if "@@all" in said else frozenset(said) & _OPERATORS
        allowed[ALLOWED] = allowed.get(ALLOWED, _OPERATORS) & meant
    for name, value in node.items():
        if not name.startswith("@@") and isinstance(value, dict):
            _restrict(allowed.setdefault(name.lower(), {}), value)


def _listed(value: Any) -> list[Any]:
    if value is None or isinstance(value, dict):
        return []
    return list(value) if isinstance(value, list) else [value]


def _without_empty(node: Tree) -> Tree:
    """Return a tree without branches in which nothing is set."""
    found: Tree = {}
    for name, value in node.items():
        kept = _without_empty(value) if isinstance(value, dict) else value
        if kept not in ({}, []):
            found[name] = kept
    return found


def errors_in(type: str, tree: Tree) -> list[tuple[str, str, str]]:
    """Return what is wrong with an effective policy: code, text, and where. A plan of backups needs all its parts."""
    found: list[tuple[str, str, str]] = []
    if type == "BACKUP_POLICY":
        for name, plan in tree.get("plans", {}).items():
            found += [
                ("KEY_REQUIRED", f"The required key {part} is missing.", f"plans.{name}.{part}")
                for part in ("regions", "rules", "selections")
                if not isinstance(plan, dict) or part not in plan
            ]
    if type == "AISERVICES_OPT_OUT_POLICY":
        for name, service in tree.get("services", {}).items():
            value = service.get("opt_out_policy") if isinstance(service, dict) else None
            if value not in ("optIn", "optOut"):
                found.append(
                    ("VALUE_INVALID", "The value is not optIn or optOut.", f"services.{name}.opt_out_policy")
                )
    return found
