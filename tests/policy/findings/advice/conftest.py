"""Policies in which the places a finding should point at stand between « and »."""

from __future__ import annotations

import re

import pytest

from understudy_aws.policy.findings import validate_policy
from understudy_aws.policy.findings.finding import TRUST_POLICY

Span = tuple[int, int]

_MARK = re.compile("[«»]")


def places(
    code: str, marked: str, policy_type: str = "IDENTITY_POLICY", resource_type: str | None = None
) -> tuple[list[Span], list[Span]]:
    """(marked, found) spans of one issue code, as offsets in the text without its marks."""
    text = _MARK.sub("", marked)
    expected: list[Span] = []
    starts: list[int] = []
    for number, mark in enumerate(_MARK.finditer(marked)):
        if mark.group() == "«":
            starts.append(mark.start() - number)
        else:
            expected.append((starts.pop(), mark.start() - number))
    found = [
        (location.span.start.offset, location.span.end.offset)
        for finding in validate_policy(text, policy_type, resource_type)
        if finding.issue_code == code
        for location in finding.locations
    ]
    return sorted(expected), sorted(set(found))


class Policies:
    """Checks marked statements; every method answers (marked, found) spans."""

    def document(self, code: str, marked: str, policy_type: str = "IDENTITY_POLICY"):
        return places(code, marked, policy_type)

    def identity(self, code: str, *statements: str):
        return places(code, self._whole(*statements))

    def resource(self, code: str, statement: str, resource_type: str | None = None):
        return places(code, self._whole(statement), "RESOURCE_POLICY", resource_type)

    def trust(self, code: str, statement: str):
        return self.resource(code, statement, TRUST_POLICY)

    def rcp(self, code: str, statement: str):
        return places(code, self._whole(statement), "RESOURCE_CONTROL_POLICY")

    def condition(self, code: str, block: str, effect: str = "Allow"):
        statement = (
            f'{{"Effect": "{effect}", "Action": "s3:GetObject", "Resource": "*", "Condition": {block}}}'
        )
        return self.identity(code, statement)

    def only(
        self, code: str, text: str, policy_type: str = "IDENTITY_POLICY", resource_type: str | None = None
    ):
        """The only finding of this code."""
        (finding,) = [
            each for each in validate_policy(text, policy_type, resource_type) if each.issue_code == code
        ]
        return finding

    def _whole(self, *statements: str) -> str:
        return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


@pytest.fixture
def policies() -> Policies:
    return Policies()
