"""The records of VPC ingress connections, and their statuses over time (apprunner-services.md 2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from understudy_aws.core.arn import Arn, apprunner
from understudy_aws.dataplane.wanted_services import PrivateEntry
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.vpc_endpoints.records import AVAILABLE as ENDPOINT_AVAILABLE
from understudy_aws.services.ec2.vpc_endpoints.records import state_of as state_of_endpoint
from understudy_aws.services.ec2.vpc_endpoints.records import vpc_endpoints
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

AVAILABLE = "AVAILABLE"
PENDING_CREATION = "PENDING_CREATION"
PENDING_UPDATE = "PENDING_UPDATE"
PENDING_DELETION = "PENDING_DELETION"
DELETED = "DELETED"


class VpcIngressConnection(Record, frozen=True, kw_only=True):
    """A way into a private service from a VPC.

    `service` is the service's ARN, `endpoint` a VPC endpoint of `vpc`, and `domain` the name that the service has
    there. It is AVAILABLE when its creation is done at `ready`, or its last change at `changed`. `deletion` is when it
    was asked to go, `ended` when it is gone.
    """

    account: str
    region: str
    name: str
    id: str
    service: str
    vpc: str
    endpoint: str
    domain: str
    created: datetime
    ready: datetime
    changed: datetime | None = None
    deletion: datetime | None = None
    ended: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        """Return the ARN."""
        return apprunner(self.region, self.account, f"vpcingressconnection/{self.name}/{self.id}")


vpc_ingress_connections = Table(
    "apprunner/vpc-ingress-connection",
    VpcIngressConnection,
    key=lambda record: (record.account, record.region, record.name, record.id),
    indexes={
        "by_arn": lambda record: (record.arn,),
        # Of those whose deletion was asked for the name is free, and nothing else is held.
        "standing": lambda record: (record.service,) if record.deletion is None else (),
        "endpoint": lambda record: (record.endpoint,) if record.deletion is None else (),
    },
    ordered={"ended": lambda record: record.ended},
)

INGRESS_CONNECTION_REFERENCES: References = (
    Reference(
        "leads to",
        lambda connection: (connection.service,) if connection.deletion is None else (),
        index="standing",
        holds=True,
    ),
    # App Runner takes no notice when these are deleted.
    Reference("is reached by", lambda connection: (connection.endpoint,), index="endpoint", may_dangle=True),
    Reference("is in", lambda connection: (connection.vpc,), implied=True, may_dangle=True),
)

# AWS does not say how long a deleted one is described. Clients that wait for its end ask within minutes.
deleted_ingress_connections = Expiry(
    "deleted VPC ingress connections",
    vpc_ingress_connections,
    "ended",
    kept_for=timedelta(hours=1),
    most=1000,
)


def status_of(connection: VpcIngressConnection, now: datetime) -> str:
    """Return the status at a time."""
    if connection.ended is not None:
        return DELETED if connection.ended <= now else PENDING_DELETION
    if now < connection.ready:
        return PENDING_CREATION
    return PENDING_UPDATE if connection.changed is not None and now < connection.changed else AVAILABLE


def of_arn(tx: Transaction, arn: Arn) -> VpcIngressConnection | None:
    """Return the connection of an ARN, or a deleted one that is still described."""
    found = vpc_ingress_connections.where(tx, "by_arn", str(arn))
    return found[0] if found else None


def connections_of(tx: Transaction, service: str) -> list[VpcIngressConnection]:
    """Return the connections that lead to the service of an ARN, and whose deletion nobody has asked for."""
    return vpc_ingress_connections.where(tx, "standing", service)


def private_entries(
    tx: Transaction, service: str, now: datetime, domains: Sequence[str] = ()
) -> tuple[PrivateEntry, ...]:
    """Return where the service of an ARN is reached from inside VPCs: none through an endpoint that does not work.

    `domains` are the customer's own names of it, which lead to it where a connection's does.
    """
    return tuple(_entries(tx, service, now, domains))


def _entries(tx: Transaction, service: str, now: datetime, domains: Sequence[str]) -> Iterator[PrivateEntry]:
    for connection in connections_of(tx, service):
        endpoint = vpc_endpoints.get(tx, connection.account, connection.region, connection.endpoint)
        if (
            endpoint is not None
            and status_of(connection, now) == AVAILABLE
            and state_of_endpoint(endpoint, now) == ENDPOINT_AVAILABLE
        ):
            for host in (connection.domain, *domains):
                yield PrivateEntry(host=host, interfaces=endpoint.interfaces)
