"""Records of handshakes: invitations to an organization, and approvals of all its features."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from understudy_aws.core import arn as arns
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.services.iam.tags import Tags
from understudy_aws.store.tables import Record, Table

# User guide, Quotas: an invitation is open for 15 days, and is told of for 30 more once it is answered.
OPEN_FOR = timedelta(days=15)
TOLD_FOR = timedelta(days=30)
# What it takes to enable all features is open for longer.
FEATURES_OPEN_FOR = timedelta(days=90)

State = Literal["REQUESTED", "OPEN", "CANCELED", "ACCEPTED", "DECLINED", "EXPIRED"]
Action = Literal["INVITE", "ENABLE_ALL_FEATURES", "APPROVE_ALL_FEATURES"]


class Handshake(Record, frozen=True, kw_only=True):
    """An invitation of an account to an organization, or a part of enabling all features.

    The account that is invited gets `tags` when it joins; `email` is the address it was invited by, if it was. The
    management account accepts ENABLE_ALL_FEATURES once each account that was invited has accepted its
    APPROVE_ALL_FEATURES, whose `parent` is the former.
    """

    id: str
    organization: str
    management: str
    account: str
    requested: datetime
    expires: datetime
    state: State = "OPEN"
    notes: str = ""
    tags: Tags = ()
    action: Action = "INVITE"
    parent: str = ""
    email: str = ""

    @property
    def arn(self) -> str:
        return arns.organizations(
            self.management, f"handshake/{self.organization}/{self.action.lower()}/{self.id}"
        )


handshakes = Table(
    "organizations/handshake",
    Handshake,
    key=lambda handshake: (handshake.id,),
    indexes={
        "by_account": lambda handshake: (handshake.account,),
        "by_organization": lambda handshake: (handshake.organization,),
        "by_parent": lambda handshake: (handshake.parent,) if handshake.parent else (),
    },
    # As if one of longer life had been asked for later.
    ordered={"requested": lambda handshake: handshake.expires - OPEN_FOR},
)

# Those no list tells of any more.
old_handshakes = Expiry("old invitations", handshakes, "requested", kept_for=OPEN_FOR + TOLD_FOR)
