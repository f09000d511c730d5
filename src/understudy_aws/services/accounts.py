"""Accounts: the record, and what a new account is made with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from understudy_aws.core.confidential import Confidential
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import REGIONS
from understudy_aws.services.ec2.default_vpcs import provision_default_vpc
from understudy_aws.services.ec2.dhcp_options import dhcp_options
from understudy_aws.services.ec2.internet_gateways import internet_gateways
from understudy_aws.services.ec2.network_acls import network_acls
from understudy_aws.services.ec2.route_tables import route_tables
from understudy_aws.services.ec2.security_groups import security_groups
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.services.iam.users import AccessKey, User, access_keys, users
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

ADMINISTRATOR = "Administrator"
_ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


class Account(Record, frozen=True, kw_only=True):
    """An AWS account."""

    id: str
    created: datetime


accounts = Table("account", Account, key=lambda record: (record.id,))


def in_order(tx: Transaction) -> list[Account]:
    """Every account, the first one made first."""
    return sorted(accounts.scan(tx), key=lambda account: (account.created, account.id))


class Keys(Confidential, frozen=True):
    """An access key pair for its user. The secret is not printed."""

    hidden = frozenset({"secret_access_key"})

    access_key_id: str
    secret_access_key: str


def keys_of_administrator(tx: Transaction, account: str) -> list[AccessKey]:
    """Return the administrator's active access keys, the oldest first."""
    found = access_keys.where(tx, "by_user", (account, ADMINISTRATOR.lower()))
    return sorted((key for key in found if key.active), key=lambda key: (key.created, key.id))


def make(tx: Transaction, account: str, *, ids: Ids, at: datetime, keep: Sequence[AccessKey] = ()) -> Keys:
    """Make an account with an administrator, and the default VPC in every Region. Returns the administrator's keys.

    The account must not exist. The administrator gets the keys to `keep`, and a new one when there are none.
    """
    provision(tx, account, ids=ids, at=at)
    users.put(
        tx,
        User(
            account=account,
            name=ADMINISTRATOR,
            id=ids.iam("AIDA"),
            created=at,
            attached=(_ADMINISTRATOR_ACCESS,),
        ),
    )
    if not keep:
        key = AccessKey(
            id=ids.access_key_id("AKIA", account),
            account=account,
            user=ADMINISTRATOR.lower(),
            secret=ids.secret_access_key(),
            active=True,
            # Known everywhere by the time it is handed over, with simulated latency too.
            created=at - timedelta(minutes=1),
        )
        keep = (key,)
    for key in keep:
        access_keys.put(tx, key)
    return Keys(keep[0].id, keep[0].secret)


def provision(tx: Transaction, account: str, *, ids: Ids, at: datetime) -> None:
    """Make an account without users, with the default VPC in every Region."""
    accounts.put(tx, Account(id=account, created=at))
    for region in REGIONS:
        provision_default_vpc(tx, account, region, ids, at)


def remove_provisioned(tx: Transaction, account: str) -> None:
    """Delete the networks that `provision` made in an account without users, all or some of them. The account stays."""
    for table in _PROVISIONED:
        for record in list(table.scan(tx, account)):
            table.delete(tx, record)


_PROVISIONED: tuple[Table[Any], ...] = (
    vpcs,
    subnets,
    route_tables,
    internet_gateways,
    network_acls,
    security_groups,
    dhcp_options,
)
