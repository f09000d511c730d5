"""Access keys, and the protocol by which authentication looks them up."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from understudy_aws.authn.caller import Caller
from understudy_aws.core.confidential import Confidential


class Credential(Confidential, frozen=True):
    """An access key, its secret and its caller. Its printed form leaves the secrets out.

    A long-term key has an empty `session_token`, and None as `expires_at`. A key that is not `active` is refused.
    """

    hidden = frozenset({"secret", "session_token"})

    access_key_id: str
    secret: str
    caller: Caller
    session_token: str = ""
    expires_at: datetime | None = None
    active: bool = True


class CredentialSource(Protocol):
    """Looks up access keys. It is asked on every request, so it must answer from memory."""

    def credential(self, access_key_id: str) -> Credential | None:
        """Return the key as it is now, or None when it is unknown or its owner is gone."""
        ...
