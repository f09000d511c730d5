"""How network interfaces are described: their members, their filters, and the operations that show them."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.filters import FilterTable, exact, nothing, yes_or_no
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.network_interfaces import (
    Attachment,
    ConnectionTracking,
    NetworkInterface,
    PublicAddress,
    find_interface,
    network_interfaces,
)
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.store.tables import memoized


def _attachments(interface: NetworkInterface) -> tuple[Attachment, ...]:
    return (interface.attachment,) if interface.attachment is not None else ()


def status_of(interface: NetworkInterface) -> str:
    """Return `in-use` for an interface that is attached to something, else `available`."""
    return "available" if interface.attachment is None else "in-use"


INTERFACE_FILTERS: FilterTable = MappingProxyType(
    {
        # Nothing here is a machine, and nothing an operator's.
        **dict.fromkeys(("attachment.instance-id", "operator.principal"), nothing),
        "association.allocation-id": lambda interface: [each.allocation for each in interface.public_addresses],
        "association.association-id": lambda interface: [each.association for each in interface.public_addresses],
        "association.ip-owner-id": lambda interface: [interface.account for _ in interface.public_addresses],
        "association.public-dns-name": lambda interface: [each.dns_name for each in interface.public_addresses],
        "association.public-ip": lambda interface: [each.ip for each in interface.public_addresses],
        "addresses.association.owner-id": lambda interface: [
            interface.account for _ in interface.public_addresses
        ],
        "addresses.association.public-ip": lambda interface: [each.ip for each in interface.public_addresses],
        "attachment.attach-time": lambda interface: [
            f"{each.at:%Y-%m-%dT%H:%M:%S}.000Z" for each in _attachments(interface)
        ],
        "attachment.attachment-id": lambda interface: [each.id for each in _attachments(interface)],
        "attachment.delete-on-termination": lambda interface: [
            yes_or_no(each.delete_on_termination)[0] for each in _attachments(interface)
        ],
        "attachment.device-index": lambda interface: [str(each.device_index) for each in _attachments(interface)],
        "attachment.instance-owner-id": lambda interface: [each.owner for each in _attachments(interface)],
        "attachment.status": lambda interface: [each.status for each in _attachments(interface)],
        "addresses.primary": lambda interface: ("true", "false")[: len(interface.addresses)],
        "addresses.private-ip-address": lambda interface: interface.addresses,
        "availability-zone": lambda interface: (interface.zone,),
        "availability-zone-id": lambda interface: (interface.zone_id,),
        "description": lambda interface: (interface.description,),
        "group-id": lambda interface: [group for group, _ in interface.groups],
        "group-name": lambda interface: [name for _, name in interface.groups],
        "interface-type": lambda interface: (interface.kind,),
        "ipv6-addresses.ipv6-address": lambda interface: interface.ipv6_addresses,
        "mac-address": lambda interface: (interface.mac,),
        "network-interface-id": lambda interface: (interface.id,),
        "operator.managed": lambda _: yes_or_no(False),
        "owner-id": lambda interface: (interface.account,),
        "private-dns-name": lambda interface: [
            _host_name(interface, ip) for ip in interface.addresses if interface.private_dns_name
        ],
        "private-ip-address": lambda interface: interface.addresses,
        "requester-id": lambda interface: (interface.requester,),
        "requester-managed": lambda interface: yes_or_no(interface.requester_managed),
        "source-dest-check": lambda interface: yes_or_no(interface.source_dest_check),
        "status": lambda interface: (status_of(interface),),
        "subnet-id": lambda interface: (interface.subnet,),
        "vpc-id": lambda interface: (interface.vpc,),
    }
)  # fmt: skip

# The filters whose values an index of the interfaces is asked for.
_INDEXES = (
    ("subnet-id", "subnet"),
    ("group-id", "group"),
    ("private-ip-address", "address"),
    ("addresses.private-ip-address", "address"),
    ("ipv6-addresses.ipv6-address", "ipv6"),
    ("attachment.attachment-id", "attachment"),
)


@operation("ec2:DescribeNetworkInterfaces", on=all_resources)
def describe_network_interfaces(
    call: Call,
    *,
    next_token: str | None = None,
    max_results: int | None = None,
    include_managed_resources: bool | None = None,  # noqa: ARG001 - there are none here to leave out
    network_interface_ids: list[str] | None = None,
    filters: Filters = None,
) -> Answer:
    """Describe the account's interfaces in the Region."""
    found, token = select(
        call, network_interfaces, find_interface, INTERFACE_FILTERS,
        ids=network_interface_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="networkInterfaceIdSet", among=_indexed(call, filters),
    )  # fmt: skip
    return {"NetworkInterfaces": [described_interface(interface) for interface in found], "NextToken": token}


def _indexed(call: Call, filters: Filters) -> list[NetworkInterface] | None:
    """Return the only interfaces that can match, by key, when an index tells them by a filter; else None."""
    for name, index in _INDEXES:
        values = exact(filters, name)
        if values is not None:
            return _among(call, index, values)
    networks = exact(filters, "vpc-id")
    if networks is not None:
        held = [subnet.id for vpc in networks for subnet in subnets.where(call.tx, "vpc", vpc)]
        return _among(call, "subnet", held)
    return None


def _among(call: Call, index: str, values: Sequence[str]) -> list[NetworkInterface]:
    found = {
        interface.id: interface
        for value in values
        for interface in network_interfaces.where(call.tx, index, value)
        if (interface.account, interface.region) == (call.account, call.region)
    }
    return [found[id] for id in sorted(found)]


def _host_name(interface: NetworkInterface, ip: str) -> str:
    """Return the DNS name of one of an interface's addresses; empty when the VPC gives no host names."""
    if not interface.private_dns_name:
        return ""
    return f"ip-{ip.replace('.', '-')}.{interface.private_dns_name.partition('.')[2]}"


@memoized
def described_interface(interface: NetworkInterface) -> Description:
    """Return an interface as answers describe it. It is kept as long as the record."""
    return Description(interface_members(interface))


def interface_members(interface: NetworkInterface) -> dict[str, Any]:
    """Return the members of an interface's description, in AWS's order (ec2.md 7.4)."""
    shown: dict[str, Any] = {
        "NetworkInterfaceId": interface.id,
        "SubnetId": interface.subnet,
        "VpcId": interface.vpc,
        "AvailabilityZone": interface.zone,
        "Description": interface.description,
        "OwnerId": interface.account,
        "RequesterId": interface.requester,
        "RequesterManaged": interface.requester_managed,
        "Status": status_of(interface),
        "MacAddress": interface.mac,
        "PrivateIpAddress": interface.addresses[0] if interface.addresses else None,
        "SourceDestCheck": interface.source_dest_check,
        "Groups": [{"GroupId": group, "GroupName": name} for group, name in interface.groups],
        "TagSet": tag_set(interface.tags),
        "PrivateIpAddresses": _private_addresses(interface),
        "Ipv6Addresses": [
            {"Ipv6Address": ip, "IsPrimaryIpv6": interface.primary_ipv6 and not place}
            for place, ip in enumerate(interface.ipv6_addresses)
        ],
        "InterfaceType": interface.kind,
        "Operator": {"Managed": False},
        "AvailabilityZoneId": interface.zone_id,
    }
    if not interface.addresses:
        del shown["PrivateIpAddress"]
        shown["Ipv6Native"] = True
    elif "Association" in shown["PrivateIpAddresses"][0]:
        shown["Association"] = shown["PrivateIpAddresses"][0]["Association"]
    if interface.private_dns_name:
        shown["PrivateDnsName"] = interface.private_dns_name
    if interface.ipv6_addresses:
        shown["Ipv6Address"] = interface.ipv6_addresses[0]
    if interface.ipv4_prefixes:
        shown["Ipv4Prefixes"] = [{"Ipv4Prefix": prefix} for prefix in interface.ipv4_prefixes]
    if interface.ipv6_prefixes:
        shown["Ipv6Prefixes"] = [{"Ipv6Prefix": prefix} for prefix in interface.ipv6_prefixes]
    if interface.connection_tracking is not None:
        shown["ConnectionTrackingConfiguration"] = described_tracking(interface.connection_tracking)
    if interface.attachment is not None:
        shown["Attachment"] = {
            "AttachmentId": interface.attachment.id,
            "AttachTime": interface.attachment.at,
            "DeleteOnTermination": interface.attachment.delete_on_termination,
            "DeviceIndex": interface.attachment.device_index,
            "InstanceOwnerId": interface.attachment.owner,
            "Status": interface.attachment.status,
        }
    return shown


def _private_addresses(interface: NetworkInterface) -> list[dict[str, Any]]:
    public = {each.private_ip: each for each in interface.public_addresses}
    shown: list[dict[str, Any]] = []
    for ip in interface.addresses:
        entry: dict[str, Any] = {"Primary": not shown, "PrivateIpAddress": ip}
        # Reference ec2.md 7.4: without host names a secondary address has an empty one, the primary none.
        if shown or interface.private_dns_name:
            entry["PrivateDnsName"] = _host_name(interface, ip)
        if ip in public:
            entry["Association"] = _described_public(interface, public[ip])
        shown.append(entry)
    return shown


def described_tracking(tracking: ConnectionTracking) -> dict[str, Any]:
    """Return the time-outs of an interface as answers describe them; those that were not set have none."""
    return {
        name: seconds
        for name, seconds in (
            ("TcpEstablishedTimeout", tracking.tcp_established),
            ("UdpStreamTimeout", tracking.udp_stream),
            ("UdpTimeout", tracking.udp),
        )
        if seconds
    }


def _described_public(interface: NetworkInterface, public: PublicAddress) -> dict[str, Any]:
    return {
        "AllocationId": public.allocation,
        "AssociationId": public.association,
        "IpOwnerId": interface.account,
        "PublicDnsName": public.dns_name,
        "PublicIp": public.ip,
    }
