"""Errors of condition keys: those AWS does not have, and those that are written twice."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.data import service_catalogue
from understudy_aws.data.newer_actions import newer_actions
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.condition_keys import (
    has_form,
    is_known,
    is_of_identity_provider,
    nearest_key,
    prefix_of,
    tag_form,
)
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.json_text import ObjectNode, StringNode
from understudy_aws.policy.language.nearest_names import MOST_GUESSES, nearest_service

_OLD_ARN = "aws:arn"


def _unknown(policy: PolicyTree) -> Iterator[StringNode]:
    """Return the keys of good form that are not in the catalogue; nobody can know those of identity providers."""
    for _, condition in policy.conditions():
        key = condition.key.value
        if not has_form(key) or is_of_identity_provider(key) or key.lower() == _OLD_ARN:
            continue
        if not is_known(key) and tag_form(key) is None:
            yield condition.key


def _guess(key: str, guesses: int, otherwise: str) -> str:
    meant = nearest_key(key) if guesses >= 0 else None
    return f'Write "{meant}", if that is what is meant.' if meant else otherwise


@check("INVALID_CONDITION_KEY_FORMAT", "ERROR")
def invalid_condition_key_format(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key without a prefix or without a name."""
    for _, condition in policy.conditions():
        key = condition.key.value
        if not has_form(key) and tag_form(key) is None:
            yield Problem(
                f'"{key}" is no condition key: a key is a prefix, a colon and a name.',
                'Write it as "service:Key", such as "aws:SourceArn" or "s3:prefix".',
                (policy.at_key(condition.key),),
            )


@check("INVALID_GLOBAL_CONDITION_KEY", "ERROR")
def invalid_global_condition_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key with the prefix `aws` that does not exist."""
    guesses = MOST_GUESSES
    for key in _unknown(policy):
        if prefix_of(key.value.lower()) == "aws":
            guesses -= 1
            yield Problem(
                f'There is no global condition key "{key.value}".',
                _guess(
                    key.value, guesses, "Look up the global condition keys; keys of services have prefixes."
                ),
                (policy.at_key(key),),
            )


@check("INVALID_SERVICE_CONDITION_KEY", "ERROR")
def invalid_service_condition_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key that its service does not have."""
    guesses = MOST_GUESSES
    for key in _unknown(policy):
        prefix = prefix_of(key.value.lower())
        if prefix != "aws" and service_catalogue.service(prefix) is not None:
            guesses -= 1
            yield Problem(
                f'{prefix} has no condition key "{key.value}".',
                _guess(key.value, guesses, f"Look up the condition keys of {prefix}."),
                (policy.at_key(key),),
            )


@check("INVALID_SERVICE", "ERROR")
def invalid_service_in_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key of a service that does not exist."""
    guesses = MOST_GUESSES
    for key in _unknown(policy):
        prefix = prefix_of(key.value)
        if prefix.lower() == "aws" or service_catalogue.service(prefix) is not None or newer_actions(prefix):
            continue
        guesses -= 1
        meant = nearest_service(prefix) if guesses >= 0 else None
        yield Problem(
            f'There is no service "{prefix}" that a condition key could be of.',
            f'Write "{meant}", if that is what is meant.' if meant else "Look up the prefix of the service.",
            (policy.at_key(key),),
        )


@check("UNSUPPORTED_GLOBAL_CONDITION_KEY", "ERROR")
def unsupported_global_condition_key(policy: PolicyTree) -> Iterator[Problem]:
    """`aws:ARN`, of old.

    AWS has a warning for it as well and does not say which one when. Where it was in use, in policies of
    identities and resources, the warning is given; in those of Organizations, which came later, this error.
    """
    if policy.type not in (PolicyType.SERVICE_CONTROL, PolicyType.RESOURCE_CONTROL):
        return
    for _, condition in policy.conditions():
        if condition.key.value.lower() == _OLD_ARN:
            yield Problem(
                f"{condition.key.value} is no longer a condition key.",
                "Write aws:PrincipalArn for who asks, or aws:SourceArn for the resource a service asks for.",
                (policy.at_key(condition.key),),
            )


@check("MISSING_TAG_KEY_IN_CONDITION", "ERROR")
def missing_tag_key(policy: PolicyTree) -> Iterator[Problem]:
    """Report a key for tags that names no tag."""
    for _, condition in policy.conditions():
        key = condition.key.value
        form = None if is_known(key) else tag_form(key)
        if form is not None:
            written = form.partition("${")[0]
            yield Problem(
                f"{key} does not say which tag it compares.",
                f'Write the tag\'s key behind a slash, such as "{written}team".',
                (policy.at_key(condition.key),),
            )


@check("DUPLICATE_KEYS_WITH_DIFFERENT_CASE", "ERROR")
def duplicate_keys_with_different_case(policy: PolicyTree) -> Iterator[Problem]:
    """Report one key in two spellings under one operator; letter case does not make another key of it."""
    for statement in policy.statements:
        block = None if statement.condition is None else statement.condition.value
        if not isinstance(block, ObjectNode):
            continue
        for operator in block.members:
            if not isinstance(operator.value, ObjectNode):
                continue
            first: dict[str, StringNode] = {}
            for member in operator.value.members:
                earlier = first.setdefault(member.key.value.lower(), member.key)
                if earlier.value != member.key.value:
                    yield Problem(
                        f"{earlier.value} and {member.key.value} are one key, which may be there once.",
                        f"Put all values into one list under {earlier.value}.",
                        (policy.at_key(member.key), policy.at_key(earlier)),
                    )


CHECKS = (
    invalid_condition_key_format,
    invalid_global_condition_key,
    invalid_service_condition_key,
    invalid_service_in_key,
    unsupported_global_condition_key,
    missing_tag_key,
    duplicate_keys_with_different_case,
)
