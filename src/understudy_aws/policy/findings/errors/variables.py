"""Errors of policy variables: broken ones, and ones where none are filled in."""

from __future__ import annotations

from collections.abc import Iterator

from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.findings.variables import WrittenVariable, variables_in
from understudy_aws.policy.language.json_text import StringNode


def _texts_with_variables(policy: PolicyTree) -> Iterator[StringNode]:
    """Return the resources and condition values that have a `${` in them."""
    for statement in policy.statements:
        for text in statement.resource_texts():
            if "${" in text.value:
                yield text
        for condition in statement.conditions:
            yield from (text for text in condition.texts if "${" in text.value)


def _variables(policy: PolicyTree) -> Iterator[tuple[StringNode, WrittenVariable]]:
    """Return the variables of a policy whose version has variables."""
    if policy.has_variables:
        for text in _texts_with_variables(policy):
            for variable in variables_in(text.value):
                yield text, variable


def _closed(policy: PolicyTree) -> Iterator[tuple[StringNode, WrittenVariable]]:
    return (
        (text, variable)
        for text, variable in _variables(policy)
        if variable.is_closed and not variable.is_escape
    )


@check("MISSING_BRACE_IN_VARIABLE", "ERROR")
def missing_brace(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable that does not end."""
    for text, variable in _variables(policy):
        if not variable.is_closed:
            yield Problem(
                f'The variable "{variable.text}" has no closing brace.',
                "Add } behind its name.",
                (policy.at_part(text, variable.start, len(variable.text)),),
            )


@check("MISSING_QUOTE_IN_VARIABLE", "ERROR")
def missing_quote(policy: PolicyTree) -> Iterator[Problem]:
    """Report a default that is not in single quotes."""
    for text, variable in _closed(policy):
        if variable.default is None:
            continue
        default = variable.default.strip()
        if len(default) < 2 or not default.startswith("'") or not default.endswith("'"):
            plain = default.strip("'")
            yield Problem(
                f'The default of "{variable.text}" is not in single quotes.',
                f"Write ${{{variable.name.strip()}, '{plain}'}}.",
                (policy.at_part(text, variable.start, len(variable.text)),),
            )


@check("UNSUPPORTED_SPACE_IN_VARIABLE", "ERROR")
def unsupported_space(policy: PolicyTree) -> Iterator[Problem]:
    """Report a blank in the name of a variable."""
    for text, variable in _closed(policy):
        name = variable.name
        if name.strip() and any(character.isspace() for character in name):
            plain = "".join(name.split())
            yield Problem(
                f'The name of the variable "{variable.text}" has a blank in it.',
                f"Write ${{{plain}}}.",
                (policy.at_part(text, variable.start, len(variable.text)),),
            )


@check("EMPTY_VARIABLE", "ERROR")
def empty_variable(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable without a name."""
    for text, variable in _closed(policy):
        if not variable.name.strip():
            yield Problem(
                f'The variable "{variable.text}" has no name.',
                "Write a condition key between the braces, such as ${aws:username}.",
                (policy.at_part(text, variable.start, len(variable.text)),),
            )


@check("VARIABLE_UNSUPPORTED_IN_ELEMENT", "ERROR")
def variable_unsupported_in_element(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable in an action or a principal, where it stays as it is."""
    for statement in policy.statements:
        texts = [*statement.action_texts(), *(member.value for member in statement.principal_members())]
        for text in texts:
            for variable in variables_in(text.value):
                yield Problem(
                    f"No variable is filled in here; {variable.text} stays as it is.",
                    "Write the value itself; variables work in Resource and in condition values.",
                    (policy.at_part(text, variable.start, len(variable.text)),),
                )


@check("VARIABLE_UNSUPPORTED_IN_VERSION", "ERROR")
def variable_unsupported_in_version(policy: PolicyTree) -> Iterator[Problem]:
    """Report a variable in a policy of the old version, where it stays as it is."""
    if policy.has_variables:
        return
    for text in _texts_with_variables(policy):
        yield Problem(
            "Without version 2012-10-17 no variable is filled in; this text stays as it is.",
            'Write "Version": "2012-10-17" at the top of the policy.',
            (policy.at(text),),
        )


CHECKS = (
    missing_brace,
    missing_quote,
    unsupported_space,
    empty_variable,
    variable_unsupported_in_element,
    variable_unsupported_in_version,
)
