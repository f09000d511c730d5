"""Advice on wildcards in the names of services."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from understudy_aws.data import service_catalogue
from understudy_aws.policy.findings.advice.wording import enumeration
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens


@check("WILDCARD_IN_SERVICE_NAME", "SUGGESTION")
def open_service(policy: PolicyTree) -> Iterator[Problem]:
    """Report a wildcard where an ARN or an action names its service."""
    for statement in policy.statements:
        for text in statement.action_texts():
            prefix, colon, name = text.value.partition(":")
            if colon and _is_wild(prefix):
                yield Problem(
                    f"{prefix}: stands for {_services(prefix)}, and for services to come.",
                    f"List the actions of each service that is meant, such as {_example(prefix)}:{name}.",
                    (policy.at(text),),
                )
        for text in statement.resource_texts():
            parts = text.value.split(":", 5)
            if len(parts) == 6 and _is_wild(parts[2]):
                yield Problem(
                    f'"{parts[2]}" in the ARN stands for {_services(parts[2])}, and for services to come.',
                    f"List an ARN for each service that is meant, such as {_rewritten(parts)}.",
                    (policy.at(text),),
                )


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


@memoized(1024)
def _matching(pattern: str) -> tuple[str, ...]:
    """Return the services whose prefix the pattern matches, by the alphabet."""
    lowered = pattern.lower()
    start = re.split(r"[*?]", lowered, maxsplit=1)[0]
    everything = service_catalogue.everything()
    matches = matcher(wildcard_tokens(lowered))
    found: list[str] = []
    for prefix in everything[bisect_left(everything, start) :]:
        if not prefix.startswith(start):
            break
        if matches(prefix):
            found.append(prefix)
    return tuple(found)


def _services(pattern: str) -> str:
    found = _matching(pattern)
    if not found:
        return "no service of today"
    if len(found) > 5:
        return f"{len(found)} services ({enumeration(found)})"
    return enumeration(found)


def _example(pattern: str) -> str:
    found = _matching(pattern)
    return found[0] if found else "ec2"


def _rewritten(parts: list[str]) -> str:
    return ":".join((*parts[:2], _example(parts[2]), *parts[3:]))


CHECKS = (open_service,)
