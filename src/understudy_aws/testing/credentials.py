"""Credentials that a client signs with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy_aws.core.confidential import Confidential


class Credentials(Confidential, frozen=True):
    """What a client signs with. `arn` is whose they are, a user's or a role session's, where that was told."""

    hidden = frozenset({"secret_access_key", "session_token"})

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    arn: str | None = None


def of_session(answer: Mapping[str, Any]) -> Credentials:
    """Return the credentials in an answer of STS."""
    found = answer["Credentials"]
    return Credentials(
        found["AccessKeyId"],
        found["SecretAccessKey"],
        found["SessionToken"],
        answer.get("AssumedRoleUser", {}).get("Arn"),
    )
