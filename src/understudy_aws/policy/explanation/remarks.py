"""What AWS's service catalogue says of a question: actions that are none, resources an action never takes."""

from __future__ import annotations

from typing import Literal

import msgspec

from understudy_aws.data import service_catalogue
from understudy_aws.policy.language.document import Statement
from understudy_aws.policy.language.nearest_names import nearest_action, nearest_service
from understudy_aws.policy.language.question import Question

Kind = Literal["unknown-service", "unknown-action", "only-wildcard", "names-no-resource", "other-resource"]

# Resource types named to a person; the rest is counted.
_MOST_TYPES = 4
# How many actions of one statement are compared with the one asked for.
_MOST_ACTIONS = 20


class Remark(msgspec.Struct, frozen=True):
    """One sentence about the question itself, true whatever the policies say."""

    kind: Kind
    text: str


def remarks(question: Question) -> tuple[Remark, ...]:
    """Return what is odd about the action and the resource asked for; nothing for a question AWS would put."""
    action = service_catalogue.action(question.action)
    remark = _unknown(question.action) if action is None else _of_the_resource(action, question.resource)
    return () if remark is None else (remark,)


def _of_the_resource(action: service_catalogue.Action, resource: str) -> Remark | None:
    if not action.resources:
        text = (
            f'{action.full_name} takes only "*": AWS asks about no resource of it, and a statement that names '
            "one does not allow it."
        )
        return None if resource == "*" else Remark("only-wildcard", text)
    if resource == "*":
        text = (
            f"{action.full_name} acts on {_types(action)}; asked about *, only statements about every resource "
            "count. Name the resource to be told about it."
        )
        # An action that can do without a resource is asked about "*" then.
        needs_one = any(each.required for each in action.resources)
        return Remark("names-no-resource", text) if needs_one else None
    types = [each.name for each in service_catalogue.resource_types_of(resource)]
    if not types or any(action.resource(name) for name in types):
        return None
    text = f"{action.full_name} acts on {_types(action)}, and {resource} is none: AWS never asks this."
    return Remark("other-resource", text)


def _unknown(name: str) -> Remark:
    prefix, _, own = name.partition(":")
    if service_catalogue.service(prefix) is None:
        meant = nearest_service(prefix)
        hint = f" Is {meant} meant?" if meant else ""
        return Remark("unknown-service", f"No service of AWS's has the prefix {prefix}.{hint}")
    action = nearest_action(prefix, own)
    hint = f" Is {action} meant?" if action else ""
    return Remark("unknown-action", f"{prefix} has no action {own}: no request asks for it.{hint}")


def _types(action: service_catalogue.Action) -> str:
    """`a vpc`, `a subnet or a vpc`, and no more of them than anybody reads."""
    names = [each.name for each in action.resources if each.required] or [
        each.name for each in action.resources
    ]
    articled = [f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in names[:_MOST_TYPES]]
    if len(names) > _MOST_TYPES:
        return f"{', '.join(articled)} and {len(names) - _MOST_TYPES} other types"
    return " or ".join(articled)


def misspelled(statement: Statement, action: str) -> str:
    """Return the misspelt action that a statement names in place of `action`; "" for none."""
    wanted = action.lower()
    prefix = wanted.partition(":")[0]
    if statement.not_action:
        return ""
    for name in (statement.actions or ())[:_MOST_ACTIONS]:
        service, colon, own = name.partition(":")
        if not colon or "*" in name or "?" in name or service.lower() != prefix:
            continue
        if service_catalogue.action(name) is None and (nearest_action(prefix, own) or "").lower() == wanted:
            return name
    return ""
