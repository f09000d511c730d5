"""Checks: functions from the tree of a policy to the problems in it, each under an issue code of AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec

from understudy_aws.core.printable import printable
from understudy_aws.policy.findings.finding import Finding, FindingType
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.positions import Location

# How many texts a sentence names, and how many places of one sort a finding points at.
MOST_TOLD = 20
# How many findings one check makes of a document. A list of a thousand numbers is not understood better by one more.
MOST_FINDINGS = 500


class Problem(msgspec.Struct, frozen=True):
    """One finding of a check before it has its name; `at` holds at least one place."""

    details: str
    instead: str
    at: tuple[Location, ...]


CheckFunction = Callable[[PolicyTree], Iterator[Problem]]


class Check(msgspec.Struct, frozen=True):
    """A check by its issue code and finding type, both AWS's."""

    issue_code: str
    finding_type: FindingType
    find: CheckFunction

    def findings(self, policy: PolicyTree) -> Iterator[Finding]:
        """Return what the check finds in this policy, up to MOST_FINDINGS of it."""
        for problem in islice(self.find(policy), MOST_FINDINGS):
            details, instead = printable(problem.details), printable(problem.instead)
            yield Finding(self.issue_code, self.finding_type, details, instead, problem.at)


def size_without_space(text: str) -> int:
    """Return the characters of a document that count towards most quotas (iam.md 2.2)."""
    return sum(map(len, text.split()))


def listed(texts: Iterable[str]) -> str:
    """Return the first few of some texts, and how many more there are."""
    told = list(texts)
    more = len(told) - MOST_TOLD
    return ", ".join(told[:MOST_TOLD]) + (f" and {more} more" if more > 0 else "")


def check(issue_code: str, finding_type: str) -> Callable[[CheckFunction], Check]:
    """Make a check of a function: `@check("INVALID_ACTION", "ERROR")`."""

    def make(find: CheckFunction) -> Check:
        return Check(issue_code, FindingType(finding_type), find)

    return make
