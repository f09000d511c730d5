"""Advice on conditions on a resource's tags where a request never carries them."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.data import service_catalogue
from understudy_aws.data.service_catalogue import Action
from understudy_aws.policy.findings.advice.grants import fails_without_key
from understudy_aws.policy.findings.advice.wording import as_json, enumeration, one_or_list
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens

_TAG = "aws:resourcetag/"
_NEW_TAG = "aws:requesttag/"
# A policy that fits AWS's quotas has no room for more.
_MOST_PATTERNS = 1_000


@check("ALLOW_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "SUGGESTION")
def never_allowed(policy: PolicyTree) -> Iterator[Problem]:
    """Report an Allow by tag for actions whose requests carry no tag of the resource: it allows nothing."""
    for statement in policy.statements:
        if statement.allows:
            yield from _without_tag(policy, statement, "allows")


@check("DENY_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "SECURITY_WARNING")
def never_denied(policy: PolicyTree) -> Iterator[Problem]:
    """Report a Deny by tag for actions whose requests carry no tag of the resource: it denies nothing."""
    for statement in policy.statements:
        if statement.denies:
            yield from _without_tag(policy, statement, "denies")


@check("ALLOW_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "SUGGESTION")
def rest_never_allowed(policy: PolicyTree) -> Iterator[Problem]:
    """Report an Allow with NotAction by tag."""
    for statement in policy.statements:
        if statement.allows:
            yield from _rest_without_tag(policy, statement, "allowed")


@check("DENY_NOTACTION_WITH_UNSUPPORTED_TAG_CONDITION_KEY_FOR_SERVICE", "SECURITY_WARNING")
def rest_never_denied(policy: PolicyTree) -> Iterator[Problem]:
    """Report a Deny with NotAction by tag."""
    for statement in policy.statements:
        if statement.denies:
            yield from _rest_without_tag(policy, statement, "denied")


def _without_tag(policy: PolicyTree, statement: StatementNode, verb: str) -> Iterator[Problem]:
    condition = _by_tag(statement)
    if condition is None:
        return
    tagless = [text for text in _affordable(statement) if is_tagless(text.value.lower())]
    if not tagless:
        return
    names = [text.value for text in tagless]
    services = list(dict.fromkeys(name.partition(":")[0].lower() for name in names))
    key = condition.key.value
    yield Problem(
        f"Requests for {enumeration(names)} ({enumeration(services)}) never carry {key}, so this statement never "
        f"{verb} them.",
        f"Move them to a statement without {key} that names the resources: "
        + as_json({"Action": one_or_list(names[:5]), "Resource": _arns(names)})
        + ".",
        (*(policy.at(text) for text in tagless), policy.at_key(condition.key)),
    )


def _affordable(statement: StatementNode) -> Iterator[StringNode]:
    """Return a statement's actions, of those with wildcards as many as can be compared with every action there is."""
    patterns = 0
    for element in statement.actions:
        if element.inverted:
            continue
        for text in element.texts:
            patterns += "*" in text.value or "?" in text.value
            if patterns > _MOST_PATTERNS:
                return
            yield text


def _rest_without_tag(policy: PolicyTree, statement: StatementNode, verb: str) -> Iterator[Problem]:
    condition = _by_tag(statement)
    inverted = next((element for element in statement.actions if element.inverted), None)
    if condition is None or inverted is None:
        return
    yield Problem(
        f"NotAction leaves many actions whose requests never carry {condition.key.value}; none of them is "
        f"{verb} by this statement.",
        'List in "Action" the actions that are meant, and those without the key in a statement of their own.',
        (policy.at_key(inverted.name), policy.at_key(condition.key)),
    )


def _by_tag(statement: StatementNode) -> ConditionNode | None:
    """Return the first condition on a tag of the resource that fails without the tag."""
    return next(
        (
            condition
            for condition in statement.conditions
            if condition.key.value.lower().startswith(_TAG) and fails_without_key(condition)
        ),
        None,
    )


@memoized(8192)
def is_tagless(pattern: str) -> bool:
    """Return whether no action that the pattern (in lower case) names knows a tag of its resource; unknown ones may.

    Creating something with tags counts as knowing them (policies.md 4.6; ValidatePolicy on managed policies).
    """
    prefix, _, name = pattern.partition(":")
    if "*" in prefix or "?" in prefix:
        return False
    service = service_catalogue.service(prefix)
    if service is None:
        return False
    if "*" not in name and "?" not in name:
        found = service.actions.get(name)
        return found is not None and not _has_tags(found)
    matches = matcher(wildcard_tokens(name))
    actions = [action for own, action in service.actions.items() if matches(own)]
    return bool(actions) and not any(map(_has_tags, actions))


def _has_tags(action: Action) -> bool:
    service = service_catalogue.service(action.service)
    assert service is not None, "the action is one of its service"
    keys = set(action.all_condition_keys())
    for resource in action.resources:
        keys.update(service.resource_types[resource.name].condition_keys)
    return any(key.lower().startswith((_TAG, _NEW_TAG)) for key in keys)


def _arns(names: list[str]) -> str | list[str]:
    """Return the ARNs of what the actions act on, `*` where one of them acts on nothing that has an ARN."""
    arns: dict[str, None] = {}
    for name in names[:5]:
        found = service_catalogue.action(name)
        service = None if found is None else service_catalogue.service(found.service)
        if found is None or service is None or not found.resources:
            return "*"
        arns[service.resource_types[found.resources[0].name].arn] = None
    return one_or_list([arn.replace("${Partition}", "aws") for arn in arns])


CHECKS = (never_allowed, never_denied, rest_never_allowed, rest_never_denied)
