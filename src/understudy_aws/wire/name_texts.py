"""IAM's own texts for names and paths with characters they cannot have (iam.md 2.4)."""

from __future__ import annotations

import re

from understudy_aws.wire.names import camel
from understudy_aws.wire.validation import Problem

# A service's principal is called a name too, and is none of IAM's.
_NAME = re.compile(r"(?!AWSService)\w*Name")
_PATHS = ("Path", "NewPath")


def name_text(problem: Problem) -> str | None:
    """Return IAM's text when a parameter that is a name or path does not match its pattern, else None."""
    if problem.kind != "pattern" or problem.path != camel(problem.name):
        return None
    if problem.name in _PATHS:
        rule = "begin and end with / and contain only alphanumeric characters and/or / characters."
    elif problem.name == "PathPrefix":
        rule = "begin with the / character and contain only alphanumeric characters and/or / characters."
    elif _NAME.fullmatch(problem.name):
        rule = "contain only alphanumeric characters and/or the following: +=,.@_-"
    else:
        return None
    return f"The specified value for {problem.path} is invalid. It must {rule}"
