"""VPC endpoints: the record, its state over time, what policies see of it (vpc-endpoints.md)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from understudy_aws.core.arn import ec2
from understudy_aws.core.deferred import deferred
from understudy_aws.data.vpc_endpoint_services import GATEWAY, INTERFACE
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

_deletion = deferred("understudy_aws.services.ec2.vpc_endpoints.deletion")

PENDING, AVAILABLE, DELETING, DELETED = "pending", "available", "deleting", "deleted"
# One that is deleted is still described for a moment; clients wait until it is gone (vpc-endpoints.md 15.1).
SHOWN_AFTERWARDS = timedelta(seconds=30)
IPV4 = "ipv4"
AMAZON = "amazon"


class VpcEndpoint(Record, frozen=True, kw_only=True):
    """A VPC endpoint.

    A gateway endpoint has `route_tables`, one of the other type `interfaces`, each in the subnet that stands at the
    same place of `subnets`, and `groups`, pairs of id and name. `policy` is empty for the one that allows everything.
    `record_type` and `inbound_only` are DNS options. The endpoint is pending until `ready`. `deletion` is when it was
    asked to go, and `ended` when it is gone.
    """

    account: str
    region: str
    id: str
    vpc: str
    service: str
    created: datetime
    ready: datetime
    kind: str = INTERFACE
    route_tables: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    policy: str = ""
    private_dns: bool = False
    ip_address_type: str = IPV4
    record_type: str = IPV4
    inbound_only: bool = False
    deletion: datetime | None = None
    ended: datetime | None = None
    tags: dict[str, str] = {}

    @property
    def is_gateway(self) -> bool:
        """Whether it is reached by routes, and not by interfaces of its own."""
        return self.kind == GATEWAY

    @property
    def is_held(self) -> bool:
        """Whether it still has what it was made of, as it has until it is deleted: a gateway goes at once."""
        return self.is_gateway or bool(self.groups)


vpc_endpoints = Table(
    "ec2/vpc-endpoint",
    VpcEndpoint,
    key=lambda endpoint: (endpoint.account, endpoint.region, endpoint.id),
    indexes={
        "vpc": lambda endpoint: (endpoint.vpc,),
        "route_table": lambda endpoint: endpoint.route_tables,
        "group": lambda endpoint: [group for group, _ in endpoint.groups],
        "interface": lambda endpoint: endpoint.interfaces,
    },
    ordered={
        "ended": lambda endpoint: endpoint.ended,
        # Those that still hold something when they are gone.
        "leaving": lambda endpoint: endpoint.ended if endpoint.is_held else None,
    },
)

VPC_ENDPOINT_REFERENCES: References = (
    # One that is gone is still described for a moment, when its VPC may be gone too.
    Reference(
        "is in",
        lambda endpoint: (endpoint.vpc,),
        index="vpc",
        holds=lambda endpoint: endpoint.is_held,
        may_dangle=True,
    ),
    Reference("has", lambda endpoint: endpoint.interfaces, index="interface", holds=True, owns=True),
    # Its interfaces are in the subnets.
    Reference("is in", lambda endpoint: endpoint.subnets, implied=True),
    Reference(
        "is a member of",
        lambda endpoint: [group for group, _ in endpoint.groups],
        index="group",
        holds=True,
        ended_by="ModifyVpcEndpoint",
    ),
    # The tables route to it.
    Reference("has a route in", lambda endpoint: endpoint.route_tables, implied=True),
)

ended_vpc_endpoints = Expiry("deleted VPC endpoints", vpc_endpoints, "ended", kept_for=SHOWN_AFTERWARDS)


def state_of(endpoint: VpcEndpoint, now: datetime) -> str:
    """Return the state of an endpoint at a time."""
    if endpoint.deletion is not None:
        return DELETING if endpoint.ended is None or now < endpoint.ended else DELETED
    return PENDING if now < endpoint.ready else AVAILABLE


def find_vpc_endpoint(call: Call, id: str) -> VpcEndpoint:
    """Return the endpoint of this id. Raises InvalidVpcEndpointId.Malformed, InvalidVpcEndpointId.NotFound."""
    found = vpc_endpoints.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("vpce", id)
    return found


def held_in(tx: Transaction, vpc: str) -> list[VpcEndpoint]:
    """Return the endpoints of a VPC that are not deleted; those being deleted are among them."""
    return [each for each in vpc_endpoints.where(tx, "vpc", vpc) if each.is_held]


@memoized
def dns_label(endpoint: VpcEndpoint) -> str:
    """Return the label with which an endpoint's own DNS names begin: its id, a dash and eight letters and digits."""
    digest = hashlib.sha256(endpoint.id.encode()).digest()
    return f"{endpoint.id}-{base64.b32encode(digest)[:8].decode().lower()}"


@memoized
def private_zone(endpoint: VpcEndpoint) -> str:
    """Return the id of the hidden private hosted zone that an endpoint with private DNS has."""
    return "Z0" + hashlib.sha256(f"zone of {endpoint.id}".encode()).hexdigest()[:19].upper()


@memoized
def vpc_endpoint_target(endpoint: VpcEndpoint) -> Target:
    """Return an endpoint's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(endpoint.tags)
    keys["ec2:vpcemultiregion"] = "false"
    keys["ec2:vpceserviceregion"] = endpoint.region
    return Target(ec2(endpoint.region, endpoint.account, f"vpc-endpoint/{endpoint.id}"), keys)


def target_of_vpc_endpoint(call: Call, id: str) -> Target:
    """Return the target of an endpoint, which need not exist."""
    found = vpc_endpoints.get(call.tx, call.account, call.region, id)
    return vpc_endpoint_target(found) if found is not None else unknown(call, "vpc-endpoint", id)


def vpc_endpoint_deletions() -> Controller:
    """Return the background work that frees what endpoints hold whose deletion has taken its time."""

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for endpoint in vpc_endpoints.in_order(tx, "leaving", last=now):
            assert endpoint.ended is not None, "the index has only those"
            yield Due((endpoint.account, endpoint.region, endpoint.id), endpoint.account, endpoint.ended)

    async def reconcile(key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            endpoint = vpc_endpoints.get(tx, *key)
            if endpoint is not None and endpoint.ended is not None:
                _deletion.release(tx, endpoint)
        return None

    return Controller("VPC endpoint deletions", due, reconcile, poll_seconds=1.0)
