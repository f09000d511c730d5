"""The operations of NAT gateways."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, refuse, select
from understudy_aws.services.ec2.api.parameters import check_addresses, distinct
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new
from understudy_aws.services.ec2.elastic_ip_records import (
    elastic_ips,
    find_elastic_ip,
    free_again,
    target_of_elastic_ip,
)
from understudy_aws.services.ec2.elastic_ips import associate, disassociate
from understudy_aws.services.ec2.internet_gateways import internet_gateways
from understudy_aws.services.ec2.nat_gateway_records import (
    AVAILABLE,
    DELETED,
    DELETING,
    FAILED,
    PENDING,
    NatAddress,
    NatGateway,
    described_addresses,
    described_nat_gateway,
    find_nat_gateway,
    nat_gateways,
    state_of,
    target_of_nat_gateway,
)
from understudy_aws.services.ec2.network_interface_changes import free_addresses, place_interface
from understudy_aws.services.ec2.network_interfaces import (
    Attachment,
    find_interface,
    network_interfaces,
    remove,
)
from understudy_aws.services.ec2.route_tables import BLACKHOLE, set_state
from understudy_aws.services.ec2.subnets import Subnet, find_subnet, target_of_subnet
from understudy_aws.store.database import Transaction

# VPC user guide, "Amazon VPC quotas": five in a zone at first, more to who asks.
GATEWAYS_PER_ZONE = 100
# The same page: two Elastic IP addresses at first, eight private ones.
ADDRESSES_PER_GATEWAY = 8

NAT_GATEWAY_FILTERS: FilterTable = MappingProxyType(
    {
        "nat-gateway-id": lambda gateway: (gateway.id,),
        "subnet-id": lambda gateway: (gateway.subnet,),
        "vpc-id": lambda gateway: (gateway.vpc,),
    }
)


def a_new_nat_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a gateway: it, its tags, its subnet and its Elastic IP addresses."""
    targets = a_new(call, params, "natgateway")
    if params.get("subnet_id"):
        targets.append(target_of_subnet(call, params["subnet_id"]))
    allocations = [params.get("allocation_id"), *(params.get("secondary_allocation_ids") or ())]
    targets.extend(target_of_elastic_ip(call, id) for id in allocations if id)
    return targets


def a_nat_gateway(call: Call, params: Params) -> Sequence[Target]:
    """Return the gateway that the request names."""
    return [target_of_nat_gateway(call, params["nat_gateway_id"])]


def a_nat_gateway_and_addresses(call: Call, params: Params) -> Sequence[Target]:
    """Return the gateway, and the Elastic IP addresses that it gets or loses."""
    ids = list(params.get("allocation_ids") or ())
    for association in params.get("association_ids") or ():
        ids.extend(found.id for found in elastic_ips.where(call.tx, "association", association))
    return [*a_nat_gateway(call, params), *(target_of_elastic_ip(call, id) for id in ids)]


@operation("ec2:CreateNatGateway", on=a_new_nat_gateway)
def create_nat_gateway(
    call: Call,
    *,
    availability_mode: str | None = None,
    allocation_id: str | None = None,
    client_token: str | None = None,
    subnet_id: str | None = None,
    vpc_id: str | None = None,
    availability_zone_addresses: list[dict[str, Any]] | None = None,
    tag_specifications: TagSpecifications = None,
    connectivity_type: str | None = None,
    private_ip_address: str | None = None,
    secondary_allocation_ids: list[str] | None = None,
    secondary_private_ip_addresses: list[str] | None = None,
    secondary_private_ip_address_count: int | None = None,
) -> Answer:
    """Make a gateway in a subnet. What is wrong with its network does not refuse the call: the gateway fails."""
    refuse(
        availability_mode=None if availability_mode == "zonal" else availability_mode,
        vpc_id=vpc_id, availability_zone_addresses=availability_zone_addresses,
    )  # fmt: skip
    check_addresses(private_ip_address, *secondary_private_ip_addresses or ())
    if not subnet_id:
        raise errors.missing("SubnetId")
    connectivity = connectivity_type or "public"
    allocations = _allocations(call, connectivity, allocation_id, secondary_allocation_ids or ())
    tags = tags_for("natgateway", tag_specifications)
    subnet = find_subnet(call, subnet_id)
    if _in_subnet(call.tx, subnet) >= GATEWAYS_PER_ZONE:
        raise errors.limit("NatGatewayLimitExceeded", "NAT gateways")
    id = call.ids.ec2("nat")
    gateway = NatGateway(
        account=call.account,
        region=call.region,
        id=id,
        vpc=subnet.vpc,
        subnet=subnet.id,
        connectivity=connectivity,
        created=call.at,
        ready=call.at + timedelta(seconds=call.latency.nat_gateway_seconds(id)),
        tags=tags,
    )
    failure = _failure(call, subnet, allocations)
    if failure is None:
        secondaries = secondary_private_ip_addresses or []
        wanted = [private_ip_address, *secondaries] if private_ip_address else secondaries
        distinct(wanted, "SecondaryPrivateIpAddresses")
        more = max(len(allocations) - 1, secondary_private_ip_address_count or 0, len(secondaries))
        gateway = _provision(call, gateway, subnet, allocations, wanted, 1 + more)
    else:
        code, message = failure
        gateway = replace(gateway, failure_code=code, failure=message, ended=call.at)
    nat_gateways.put(call.tx, gateway)
    # As with interfaces, the answer says pending, though the gateway may be available at once.
    shown = {**described_nat_gateway(gateway, call.at), "State": PENDING}
    shown.pop("FailureCode", None)
    shown.pop("FailureMessage", None)
    return {"ClientToken": client_token, "NatGateway": shown}


@operation("ec2:DescribeNatGateways", on=all_resources)
def describe_nat_gateways(
    call: Call,
    *,
    filter: Filters = None,
    max_results: int | None = None,
    nat_gateway_ids: list[str] | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's NAT gateways in the Region; those that are gone for an hour more."""
    table = {**NAT_GATEWAY_FILTERS, "state": lambda gateway: (state_of(gateway, call.at),)}
    found, token = select(
        call, nat_gateways, find_nat_gateway, table,
        ids=nat_gateway_ids, filters=filter, max_results=max_results, next_token=next_token,
        ids_name="NatGatewayIds",
    )  # fmt: skip
    return {
        "NatGateways": [described_nat_gateway(gateway, call.at) for gateway in found],
        "NextToken": token,
    }


@operation("ec2:DeleteNatGateway", on=a_nat_gateway)
def delete_nat_gateway(call: Call, *, nat_gateway_id: str) -> Answer:
    """Delete a gateway. Its interface goes and its addresses are free again when it is deleted."""
    gateway = find_nat_gateway(call, nat_gateway_id)
    if state_of(gateway, call.at) not in (DELETING, DELETED, FAILED):
        ended = call.at + timedelta(seconds=call.latency.nat_gateway_seconds(gateway.id))
        gateway = nat_gateways.put(call.tx, replace(gateway, deletion=call.at, ended=ended))
        set_state(call.tx, gateway.id, BLACKHOLE)
        if ended <= call.at:
            release(call.tx, gateway)
    return {"NatGatewayId": gateway.id}


@operation("ec2:AssociateNatGatewayAddress", on=a_nat_gateway_and_addresses)
def associate_nat_gateway_address(
    call: Call,
    *,
    nat_gateway_id: str,
    allocation_ids: list[str],
    private_ip_addresses: list[str] | None = None,
    availability_zone: str | None = None,
    availability_zone_id: str | None = None,
) -> Answer:
    """Give a public gateway more Elastic IP addresses, each with a private address of its own."""
    refuse(availability_zone=availability_zone, availability_zone_id=availability_zone_id)
    check_addresses(*private_ip_addresses or ())
    gateway = _available(call, nat_gateway_id)
    if gateway.connectivity == "private":
        raise errors.nat_gateway_is_private(gateway.id)
    distinct(allocation_ids, "AllocationIds")
    for id in allocation_ids:
        address = find_elastic_ip(call, id)
        if address.association:
            raise errors.address_associated_already(address.id, address.association)
    gateway = _with_addresses(call, gateway, allocation_ids, private_ip_addresses or (), len(allocation_ids))
    return {"NatGatewayId": gateway.id, "NatGatewayAddresses": described_addresses(gateway)}


@operation("ec2:DisassociateNatGatewayAddress", on=a_nat_gateway_and_addresses)
def disassociate_nat_gateway_address(
    call: Call,
    *,
    nat_gateway_id: str,
    association_ids: list[str],
    max_drain_duration_seconds: int | None = None,  # noqa: ARG001 - no connection is drained before there are packets
) -> Answer:
    """Take Elastic IP addresses from a gateway, with their private ones. The primary one stays."""
    gateway = _available(call, nat_gateway_id)
    leaving = [each for each in gateway.addresses if each.association and each.association in association_ids]
    for id in set(association_ids) - {each.association for each in leaving}:
        raise no_such("eipassoc", id)
    gateway = _without_addresses(call, gateway, leaving)
    return {"NatGatewayId": gateway.id, "NatGatewayAddresses": described_addresses(gateway)}


@operation("ec2:AssignPrivateNatGatewayAddress", on=a_nat_gateway)
def assign_private_nat_gateway_address(
    call: Call,
    *,
    nat_gateway_id: str,
    private_ip_addresses: list[str] | None = None,
    private_ip_address_count: int | None = None,
) -> Answer:
    """Give a private gateway more private addresses: those named, or a number of free ones."""
    check_addresses(*private_ip_addresses or ())
    gateway = _available(call, nat_gateway_id)
    if gateway.connectivity != "private":
        raise errors.nat_gateway_is_public(gateway.id)
    wanted = private_ip_addresses or ()
    gateway = _with_addresses(call, gateway, (), wanted, private_ip_address_count or len(wanted))
    return {"NatGatewayId": gateway.id, "NatGatewayAddresses": described_addresses(gateway)}


@operation("ec2:UnassignPrivateNatGatewayAddress", on=a_nat_gateway)
def unassign_private_nat_gateway_address(
    call: Call,
    *,
    nat_gateway_id: str,
    private_ip_addresses: list[str],
    max_drain_duration_seconds: int | None = None,  # noqa: ARG001 - no connection is drained before there are packets
) -> Answer:
    """Take secondary private addresses from a private gateway."""
    check_addresses(*private_ip_addresses)
    gateway = _available(call, nat_gateway_id)
    leaving = [each for each in gateway.addresses if each.private_ip in private_ip_addresses]
    for ip in set(private_ip_addresses) - {each.private_ip for each in leaving}:
        raise errors.invalid_value(ip, "privateIpAddress")
    gateway = _without_addresses(call, gateway, leaving)
    return {"NatGatewayId": gateway.id, "NatGatewayAddresses": described_addresses(gateway)}


def _in_subnet(tx: Transaction, subnet: Subnet) -> int:
    held = nat_gateways.scan(tx, subnet.account, subnet.region)
    return sum(1 for gateway in held if gateway.interface and gateway.subnet == subnet.id)


def _allocations(call: Call, connectivity: str, first: str | None, others: Sequence[str]) -> Sequence[str]:
    """Return the allocation ids of a new gateway, which must exist: one at least, and none for a private one."""
    if connectivity == "private":
        if first or others:
            raise errors.combination("AllocationId", "ConnectivityType")
        return ()
    if not first:
        raise errors.missing("AllocationId")
    distinct([first, *others], "SecondaryAllocationIds")
    return [find_elastic_ip(call, id).id for id in (first, *others)]


def _failure(call: Call, subnet: Subnet, allocations: Sequence[str]) -> tuple[str, str] | None:
    """Return the code and text with which a gateway fails, or None (VPC user guide, "NAT gateway creation fails")."""
    if not allocations:
        return None
    for id in allocations:
        if find_elastic_ip(call, id).association:
            return "Resource.AlreadyAssociated", f"Elastic IP address [{id}] is already associated"
    if not internet_gateways.count_where(call.tx, "vpc", subnet.vpc):
        return "Gateway.NotAttached", f"Network {subnet.vpc} has no Internet gateway attached"
    return None


def _provision(  # noqa: PLR0917 - what a gateway is made of
    call: Call,
    gateway: NatGateway,
    subnet: Subnet,
    allocations: Sequence[str],
    wanted: Sequence[str],
    count: int,
) -> NatGateway:
    """Make a gateway's interface, with `count` private addresses, and associate its Elastic IP addresses with them."""
    if count > ADDRESSES_PER_GATEWAY:
        raise errors.limit("PrivateIpAddressLimitExceeded", "private addresses of a NAT gateway")
    interface = place_interface(
        call,
        subnet,
        wanted=wanted,
        count=count,
        description=f"Interface for NAT Gateway {gateway.id}",
        kind="nat_gateway",
        attachment=Attachment(id=call.ids.ec2("ela-attach"), owner="amazon-aws", at=call.at),
    )
    return _associated(call, replace(gateway, interface=interface.id), interface.addresses, allocations)


def _associated(
    call: Call, gateway: NatGateway, private_ips: Sequence[str], allocations: Sequence[str]
) -> NatGateway:
    """Add private addresses to a gateway's record, with the Elastic IP address of each that has one."""
    new = []
    for place, ip in enumerate(private_ips):
        if place < len(allocations):
            found = associate(
                call, allocations[place], find_interface(call, gateway.interface), ip, managed=True
            )
            new.append(
                NatAddress(private_ip=ip, allocation=found.id, association=found.association, ip=found.ip)
            )
        else:
            new.append(NatAddress(private_ip=ip))
    return replace(gateway, addresses=(*gateway.addresses, *new))


def _available(call: Call, id: str) -> NatGateway:
    gateway = find_nat_gateway(call, id)
    if state_of(gateway, call.at) != AVAILABLE:
        raise errors.nat_gateway_not_available(gateway.id, state_of(gateway, call.at))
    return gateway


def _with_addresses(
    call: Call, gateway: NatGateway, allocations: Sequence[str], wanted: Sequence[str], count: int
) -> NatGateway:
    if len(gateway.addresses) + count > ADDRESSES_PER_GATEWAY:
        raise errors.limit("PrivateIpAddressLimitExceeded", "private addresses of a NAT gateway")
    distinct(wanted, "PrivateIpAddresses")
    if len(wanted) > count:
        raise errors.invalid_value(wanted[count], "PrivateIpAddresses", "There are more than are asked for.")
    interface = find_interface(call, gateway.interface)
    new = free_addresses(call, find_subnet(call, gateway.subnet), interface, wanted, count)
    network_interfaces.put(call.tx, replace(interface, addresses=interface.addresses + new))
    return nat_gateways.put(call.tx, _associated(call, gateway, new, allocations))


def _without_addresses(call: Call, gateway: NatGateway, leaving: Sequence[NatAddress]) -> NatGateway:
    if gateway.addresses[0] in leaving:
        raise errors.primary_address_stays(gateway.id)
    for each in leaving:
        if each.allocation:
            disassociate(call, find_elastic_ip(call, each.allocation))
    interface = find_interface(call, gateway.interface)
    gone = {each.private_ip for each in leaving}
    staying = tuple(ip for ip in interface.addresses if ip not in gone)
    network_interfaces.put(call.tx, replace(interface, addresses=staying))
    kept = tuple(each for each in gateway.addresses if each not in leaving)
    return nat_gateways.put(call.tx, replace(gateway, addresses=kept))


def release(tx: Transaction, gateway: NatGateway) -> None:
    """Delete a gateway's interface and free its Elastic IP addresses. The gateway is still described for a while."""
    interface = network_interfaces.get(tx, gateway.account, gateway.region, gateway.interface)
    if interface is not None:
        remove(tx, interface)
    for each in gateway.addresses:
        held = elastic_ips.get(tx, gateway.account, gateway.region, each.allocation)
        if held is not None and held.association == each.association:
            elastic_ips.put(tx, free_again(held))
    nat_gateways.put(tx, replace(gateway, interface=""))
