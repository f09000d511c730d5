"""Policy documents as IAM takes and shows them."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import quote

from understudy.policy import MalformedPolicy, review
from understudy.services.iam import errors


def reviewed(document: str, kind: str) -> str:
    """The document, if it is one of that kind. Raises MalformedPolicyDocument in AWS's words."""
    try:
        review(document, kind)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error)) from error
    return document


@lru_cache(maxsize=1024)
def shown(document: str) -> str:
    """A document as answers carry it: URL-encoded (iam.md 2.8)."""
    return quote(document, safe="")


def size(document: str) -> int:
    """Characters that count towards a quota: white space does not (iam.md 2.2)."""
    return sum(1 for letter in document if not letter.isspace())
