"""Checks and formats policy documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote

from understudy_aws.core.arn import PARTITION
from understudy_aws.data import service_principals
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.iam import errors

# As many as AWS takes in one document (API reference, SimulateCustomPolicy); each takes its time to read.
LONGEST_TOGETHER = 131_072


def reviewed(
    document: str, kind: str, *, is_service: Callable[[str], bool] = service_principals.is_known
) -> str:
    """Return the document if it is valid for that kind of policy. Raises MalformedPolicyDocument in AWS's words.

    `is_service` tells the service principals that exist.
    """
    try:
        review(document, kind, partition=PARTITION, is_service=is_service)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error)) from error
    return document


@lru_cache(maxsize=1024)
def shown(document: str) -> str:
    """Return a document as answers have it: URL-encoded (iam.md 2.8)."""
    return quote(document, safe="")


def check_together(documents: Iterable[str]) -> None:
    """Raise InvalidInput for documents that are too long together. It is called before they are read."""
    if sum(map(len, documents)) > LONGEST_TOGETHER:
        raise errors.invalid_input(
            f"The policy documents of a request may have {LONGEST_TOGETHER} characters together."
        )


def size(document: str) -> int:
    """Return how many characters count towards a quota. White space does not count (iam.md 2.2)."""
    return sum(map(len, document.split()))
