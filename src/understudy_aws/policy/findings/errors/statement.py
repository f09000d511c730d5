"""Errors of statements as a whole: their effect, and which elements they must hold and must not hold together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import Element, PolicyTree, PrincipalElement
from understudy_aws.policy.language.json_text import StringNode


@check("MISSING_EFFECT", "ERROR")
def missing_effect(policy: PolicyTree) -> Iterator[Problem]:
    """Report a statement that neither allows nor denies."""
    for statement in policy.statements:
        if statement.effect is None:
            yield Problem(
                "The statement has no Effect.",
                'Add "Effect": "Allow" or "Effect": "Deny".',
                (policy.at(statement.node),),
            )


@check("INVALID_EFFECT", "ERROR")
def invalid_effect(policy: PolicyTree) -> Iterator[Problem]:
    """Report an Effect that is neither Allow nor Deny; its letter case counts."""
    for statement in policy.statements:
        effect = statement.effect
        if effect is None or not isinstance(effect.value, StringNode) or statement.allows or statement.denies:
            continue
        written = effect.value.value
        meant = next((known for known in ("Allow", "Deny") if known.lower() == written.lower()), None)
        yield Problem(
            f'"{written}" is no effect a statement can have.',
            f'Write "{meant}".' if meant else 'Write "Allow" or "Deny".',
            (policy.at(effect.value),),
        )


@check("MISSING_ACTION", "ERROR")
def missing_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report a statement about no action."""
    for statement in policy.statements:
        if not statement.actions:
            yield Problem(
                "The statement has neither Action nor NotAction.",
                'Add "Action" with the actions it is about.',
                (policy.at(statement.node),),
            )


@check("MISSING_RESOURCE", "ERROR")
def missing_resource(policy: PolicyTree) -> Iterator[Problem]:
    """Report a statement about no resource; only trust policies have none."""
    if policy.is_trust_policy:
        return
    for statement in policy.statements:
        if not statement.resources:
            yield Problem(
                "The statement has neither Resource nor NotResource.",
                'Add "Resource" with the ARNs it is about, or "*" for all.',
                (policy.at(statement.node),),
            )


@check("UNSUPPORTED_ELEMENT_COMBINATION", "ERROR")
def unsupported_element_combination(policy: PolicyTree) -> Iterator[Problem]:
    """Report an element beside its own inverse."""
    for statement in policy.statements:
        groups: tuple[Sequence[Element | PrincipalElement], ...] = (
            statement.actions,
            statement.resources,
            statement.principals,
        )
        for group in groups:
            plain = next((element for element in group if not element.inverted), None)
            inverse = next((element for element in group if element.inverted), None)
            if plain is None or inverse is None:
                continue
            yield Problem(
                f"{plain.name.value} and {inverse.name.value} cannot both be in one statement.",
                "Keep one of them, or make two statements.",
                (policy.at_key(plain.name), policy.at_key(inverse.name)),
            )


CHECKS = (missing_effect, invalid_effect, missing_action, missing_resource, unsupported_element_combination)
