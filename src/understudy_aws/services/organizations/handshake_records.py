"""Records of handshakes, which are invitations to an organization."""

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

State = Literal["OPEN", "CANCELED", "ACCEPTED", "DECLINED", "EXPIRED"]


class Handshake(Record, frozen=True, kw_only=True):
    """An invitation of an account to an organization. The account gets `tags` when it joins."""

    id: str
    organization: str
    management: str
    account: str
    requested: datetime
    expires: datetime
    state: State = "OPEN"
    notes: str = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return arns.organizations(self.management, f"handshake/{self.organization}/invite/{self.id}")


handshakes = Table(
    "organizations/handshake",
    Handshake,
    key=lambda handshake: (handshake.id,),
    indexes={
        "by_account": lambda handshake: (handshake.account,),
        "by_organization": lambda handshake: (handshake.organization,),
    },
    ordered={"requested": lambda handshake: handshake.requested},
)

# Those no list tells of any more.
old_handshakes = Expiry("old invitations", handshakes, "requested", kept_for=OPEN_FOR + TOLD_FOR)
