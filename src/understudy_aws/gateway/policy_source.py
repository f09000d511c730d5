"""Where authorization gets the policies, the tags and the organization of a caller; IAM's directory answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from understudy_aws.authn.caller import Caller
from understudy_aws.gateway.membership import Membership
from understudy_aws.policy import Bindings
from understudy_aws.store.database import Transaction


class PolicySource(Protocol):
    """Looks up what binds and describes a caller."""

    def bindings(self, tx: Transaction, caller: Caller, owner: str = "") -> Bindings:
        """Return the policies that bind a caller; `owner` is the account of the resource (empty: the caller's own)."""
        ...

    def tags(self, tx: Transaction, caller: Caller) -> Mapping[str, str]:
        """Return the tags of a caller, session tags included."""
        ...

    def membership(self, tx: Transaction, account: str) -> Membership | None:
        """Return the place of an account in its organization; None when it is in none."""
        ...
