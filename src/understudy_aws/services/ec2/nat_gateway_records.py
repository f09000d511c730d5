"""NAT gateways: the record, its state over time, and how it is described (ec2.md 7.9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from understudy_aws.core.arn import ec2
from understudy_aws.core.deferred import deferred
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags, unknown
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

_operations = deferred("understudy_aws.services.ec2.nat_gateways")

PENDING, AVAILABLE, DELETING, DELETED, FAILED = "pending", "available", "deleting", "deleted", "failed"
# One that was deleted or has failed is still described for about an hour (VPC user guide, "Work with NAT gateways").
SHOWN_AFTERWARDS = timedelta(hours=1)


class NatAddress(Record, frozen=True, kw_only=True):
    """One address of a NAT gateway; a private gateway's has no `allocation`, `association` and `ip`."""

    private_ip: str
    allocation: str = ""
    association: str = ""
    ip: str = ""


class NatGateway(Record, frozen=True, kw_only=True):
    """A NAT gateway in a subnet.

    `interface` is the network interface that is made for it; it is empty when that is gone. The first of `addresses` is
    the primary one. The gateway is pending until `ready`. `deletion` is when it was asked to go and `ended` when it is
    gone; one that failed has ended when it was made, with `failure_code` and `failure`.
    """

    account: str
    region: str
    id: str
    vpc: str
    subnet: str
    connectivity: str
    created: datetime
    ready: datetime
    interface: str = ""
    addresses: tuple[NatAddress, ...] = ()
    deletion: datetime | None = None
    ended: datetime | None = None
    failure_code: str = ""
    failure: str = ""
    tags: dict[str, str] = {}


nat_gateways = Table(
    "ec2/nat-gateway",
    NatGateway,
    key=lambda gateway: (gateway.account, gateway.region, gateway.id),
    indexes={
        "interface": lambda gateway: (gateway.interface,) if gateway.interface else (),
        "subnet": lambda gateway: (gateway.subnet,) if gateway.interface else (),
    },
    ordered={
        "ended": lambda gateway: gateway.ended,
        # Those whose interface must still go.
        "leaving": lambda gateway: gateway.ended if gateway.interface else None,
    },
)

NAT_GATEWAY_REFERENCES: References = (
    Reference("has", lambda gateway: (gateway.interface,), index="interface", holds=True, owns=True),
    # Its interface is in the subnet and has the addresses. A gateway that is gone is still described.
    Reference("is in", lambda gateway: (gateway.subnet, gateway.vpc), implied=True, may_dangle=True),
    Reference(
        "has",
        lambda gateway: [each.allocation for each in gateway.addresses],
        implied=True,
        may_dangle=True,
    ),
)

ended_nat_gateways = Expiry("ended NAT gateways", nat_gateways, "ended", kept_for=SHOWN_AFTERWARDS)


def state_of(gateway: NatGateway, now: datetime) -> str:
    """Return the state of a gateway at a time."""
    if gateway.failure_code:
        return FAILED
    if gateway.deletion is not None:
        return DELETING if gateway.ended is None or now < gateway.ended else DELETED
    return PENDING if now < gateway.ready else AVAILABLE


def find_nat_gateway(call: Call, id: str) -> NatGateway:
    """Return the gateway of this id. Raises NatGatewayMalformed, NatGatewayNotFound."""
    found = nat_gateways.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("nat", id)
    return found


def described_nat_gateway(gateway: NatGateway, now: datetime) -> dict[str, Any]:
    """Return a gateway as answers describe it."""
    state = state_of(gateway, now)
    shown: dict[str, Any] = {
        "CreateTime": gateway.created,
        "NatGatewayAddresses": described_addresses(gateway, state),
        "NatGatewayId": gateway.id,
        "State": state,
        "SubnetId": gateway.subnet,
        "VpcId": gateway.vpc,
        "Tags": tag_set(gateway.tags),
        "ConnectivityType": gateway.connectivity,
    }
    if gateway.deletion is not None:
        shown["DeleteTime"] = gateway.deletion
    if gateway.failure_code:
        shown |= {"FailureCode": gateway.failure_code, "FailureMessage": gateway.failure}
    return shown


def described_addresses(gateway: NatGateway, state: str = AVAILABLE) -> list[dict[str, Any]]:
    """Return the addresses of a gateway as answers describe them."""
    status = "failed" if state == FAILED else "succeeded"
    return [
        {
            "NetworkInterfaceId": gateway.interface,
            "PrivateIp": each.private_ip,
            "IsPrimary": place == 0,
            "Status": status,
            **(
                {"AllocationId": each.allocation, "AssociationId": each.association, "PublicIp": each.ip}
                if each.allocation
                else {}
            ),
        }
        for place, each in enumerate(gateway.addresses)
    ]


@memoized
def nat_gateway_target(gateway: NatGateway) -> Target:
    """Return a gateway's ARN and the condition keys that policies see of it."""
    return Target(
        ec2(gateway.region, gateway.account, f"natgateway/{gateway.id}"), resource_tags(gateway.tags)
    )


def target_of_nat_gateway(call: Call, id: str) -> Target:
    """Return the target of a gateway, which need not exist."""
    found = nat_gateways.get(call.tx, call.account, call.region, id)
    return nat_gateway_target(found) if found is not None else unknown(call, "natgateway", id)


def nat_gateway_deletions() -> Controller:
    """Return the background work that frees what gateways hold whose deletion has taken its time."""

    def due(tx: Transaction, now: datetime) -> Iterator[Due]:
        for gateway in nat_gateways.in_order(tx, "leaving", last=now):
            assert gateway.ended is not None, "the index has only those"
            yield Due((gateway.account, gateway.region, gateway.id), gateway.account, gateway.ended)

    async def reconcile(key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            gateway = nat_gateways.get(tx, *key)
            if gateway is not None and gateway.interface and gateway.ended is not None:
                _operations.release(tx, gateway)
        return None

    return Controller("NAT gateway deletions", due, reconcile, poll_seconds=1.0)
