"""Errors of condition keys that do not go with the actions of their statement."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.data import service_catalogue
from understudy_aws.policy.findings.check import MOST_TOLD, Problem, check, listed
from understudy_aws.policy.findings.condition_keys import (
    CROSS_SERVICE_KEYS,
    fits,
    is_known,
    is_of_identity_provider,
    prefix_of,
)
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens

# What may be set as a role is assumed only by who is allowed a second action as well (sts.md 3.1).
_SETTING_ACTIONS = {
    "sts:sourceidentity": "sts:SetSourceIdentity",
    "sts:transitivetagkeys": "sts:TagSession",
    "aws:tagkeys": "sts:TagSession",
}
# More actions times conditions than any policy that IAM would store has.
_MOST_PAIRS = 100_000
_REQUEST_TAG = "aws:requesttag/"


@check("UNSUPPORTED_ACTION_FOR_CONDITION_KEY", "ERROR")
def unsupported_action_for_condition_key(policy: PolicyTree) -> Iterator[Problem]:
    """Actions whose requests never carry the key, named one by one; patterns are not looked at, as by AWS."""
    for statement in policy.statements:
        actions = tuple(_plain_actions(statement))
        conditions = [each for each in statement.conditions if _is_asked_of_every_action(each)]
        for condition in conditions[: _MOST_PAIRS // max(1, len(actions))]:
            unsupported = [text for text in actions if not _carries(text.value, condition)]
            if unsupported:
                yield Problem(
                    f"No request for {listed(text.value for text in unsupported)} carries "
                    f"{condition.key.value}; the condition never sees it.",
                    "Move the actions into a statement without this condition, or the condition into one without "
                    "them.",
                    (*(policy.at(text) for text in unsupported[:MOST_TOLD]), policy.at(condition.value)),
                )


def _is_asked_of_every_action(condition: ConditionNode) -> bool:
    """Keys of services and of identity providers belong to some actions; global ones are left alone.

    IfExists and Null are there for actions that do not carry the key.
    """
    spelled = condition.spelled
    if spelled is None or spelled.if_exists or spelled.is_null:
        return False
    key = condition.key.value.lower()
    if prefix_of(key) == "aws" or key in CROSS_SERVICE_KEYS:
        return False
    return is_known(key) and _has_actions(key)


@memoized(2048)
def _has_actions(key: str) -> bool:
    """Return whether the catalogue grants the key to any action of its service at all."""
    prefix = "sts" if is_of_identity_provider(key) or prefix_of(key) == "saml" else prefix_of(key)
    service = service_catalogue.service(prefix)
    return service is not None and any(
        _is_among(key, _keys_of(action.full_name)) for action in service.actions.values()
    )


def _plain_actions(statement: StatementNode) -> Iterator[StringNode]:
    """Return the known actions that are named in full."""
    for element in statement.actions:
        if not element.inverted:
            for text in element.texts:
                if service_catalogue.action(text.value) is not None:
                    yield text


def _carries(action: str, condition: ConditionNode) -> bool:
    return _is_among(condition.key.value.lower(), _keys_of(action.lower()))


@memoized(8192)
def _keys_of(action: str) -> frozenset[str]:
    """Return the keys of a known action: its own, and those of the resource types it acts on."""
    found = service_catalogue.action(action)
    service = None if found is None else service_catalogue.service(found.service)
    if found is None or service is None:
        return frozenset()
    types = (service.resource_types.get(resource.name) for resource in found.resources)
    return found.all_condition_keys().union(*(each.condition_keys for each in types if each is not None))


@memoized(8192)
def _is_among(key: str, known: frozenset[str]) -> bool:
    return any(fits(key, each) for each in known)


@check("MISSING_ACTION_FOR_CONDITION_KEY", "ERROR")
def missing_action_for_condition_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a trust policy that asks for what nobody it allows may set."""
    if not policy.is_trust_policy:
        return
    allowed = _setting_actions_named(policy)
    for statement in policy.statements:
        if not statement.allows:
            continue
        for condition in statement.conditions:
            key = condition.key.value
            action = _setting_action(key.lower())
            if action is None or condition.spelled is None or condition.spelled.if_exists:
                continue
            if action not in allowed:
                yield Problem(
                    f"{key} can only be set by who is allowed {action}, which no statement names.",
                    f'Add "{action}" to Action.',
                    (policy.at(condition.value),),
                )


def _setting_action(key: str) -> str | None:
    return "sts:TagSession" if key.startswith(_REQUEST_TAG) else _SETTING_ACTIONS.get(key)


def _setting_actions_named(policy: PolicyTree) -> frozenset[str]:
    """Which of the second actions any statement names."""
    patterns = {text.value.lower() for statement in policy.statements for text in statement.action_texts()}
    matchers = [matcher(wildcard_tokens(pattern)) for pattern in patterns]
    actions = set(_SETTING_ACTIONS.values())
    return frozenset(action for action in actions if any(matches(action.lower()) for matches in matchers))


CHECKS = (unsupported_action_for_condition_key, missing_action_for_condition_key)
