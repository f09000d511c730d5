"""Keys that requests are signed with, and where they are looked up."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from understudy.authn.caller import Caller
from understudy.core.confidential import Confidential


class Credential(Confidential, frozen=True):
    """An access key and whom it speaks for; the secrets are kept out of its printed form.

    `session_token` is empty for a long-term key, and `expires_at` is None. A key that is not `active` is
    known, but opens nothing.
    """

    hidden = frozenset({"secret", "session_token"})

    access_key_id: str
    secret: str
    caller: Caller
    session_token: str = ""
    expires_at: datetime | None = None
    active: bool = True


class CredentialSource(Protocol):
    """Looks up access keys; asked on every request, so it answers from memory."""

    def credential(self, access_key_id: str) -> Credential | None:
        """The key as it stands now, or None when it is unknown or its owner is gone."""
        ...
