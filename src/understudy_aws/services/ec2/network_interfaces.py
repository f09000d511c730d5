"""Network interfaces: the record, Describe and Delete. `network_interface_changes` makes and changes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, exact, nothing, yes_or_no
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips, free_again
from understudy_aws.services.ec2.route_tables import BLACKHOLE, set_state
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized


class PublicAddress(Record, frozen=True, kw_only=True):
    """An Elastic IP address that one private address of an interface has to the outside.

    `dns_name` is empty when the VPC gives no host names.
    """

    private_ip: str
    ip: str
    allocation: str
    association: str
    dns_name: str = ""


class Attachment(Record, frozen=True, kw_only=True):
    """What an interface is attached to; `owner` is the account that has it, or `amazon-aws`."""

    id: str
    owner: str
    at: datetime
    device_index: int = 1
    delete_on_termination: bool = False


class NetworkInterface(Record, frozen=True, kw_only=True):
    """An interface in a subnet.

    `addresses` are its private addresses, the primary one first. `groups` are pairs of id and name; a group's name
    never changes. `private_dns_name` is empty when the VPC gives no host names. `kind` is its InterfaceType; one that
    a service has made for a resource of its own is `requester_managed`, and only the service can change it.
    """

    account: str
    region: str
    id: str
    vpc: str
    subnet: str
    zone: str
    zone_id: str
    description: str
    requester: str
    mac: str
    addresses: tuple[str, ...]
    groups: tuple[tuple[str, str], ...]
    private_dns_name: str = ""
    source_dest_check: bool = True
    tags: dict[str, str] = {}
    kind: str = "interface"
    requester_managed: bool = False
    attachment: Attachment | None = None
    public_addresses: tuple[PublicAddress, ...] = ()


network_interfaces = Table(
    "ec2/network-interface",
    NetworkInterface,
    key=lambda interface: (interface.account, interface.region, interface.id),
    indexes={
        "subnet": lambda interface: (interface.subnet,),
        "address": lambda interface: [(interface.subnet, ip) for ip in interface.addresses],
        "group": lambda interface: [group for group, _ in interface.groups],
    },
)

INTERFACE_REFERENCES: References = (
    Reference("is in", lambda interface: (interface.subnet,), index="subnet", holds=True),
    Reference("is in", lambda interface: (interface.vpc,), implied=True),
    Reference(
        "is a member of",
        lambda interface: [group for group, _ in interface.groups],
        index="group",
        holds=True,
        ended_by="ModifyNetworkInterfaceAttribute",
    ),
    # The address says so itself.
    Reference(
        "has", lambda interface: [each.allocation for each in interface.public_addresses], implied=True
    ),
)


def _attachments(interface: NetworkInterface) -> tuple[Attachment, ...]:
    return (interface.attachment,) if interface.attachment is not None else ()


def status_of(interface: NetworkInterface) -> str:
    """Return `in-use` for an interface that is attached to something, else `available`."""
    return "available" if interface.attachment is None else "in-use"


INTERFACE_FILTERS: FilterTable = MappingProxyType(
    {
        **dict.fromkeys(
            ("attachment.instance-id", "ipv6-addresses.ipv6-address", "operator.principal"), nothing
        ),
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
        "attachment.status": lambda interface: ["attached" for _ in _attachments(interface)],
        "addresses.primary": lambda interface: (
            ("true", "false") if len(interface.addresses) > 1 else ("true",)
        ),
        "addresses.private-ip-address": lambda interface: interface.addresses,
        "availability-zone": lambda interface: (interface.zone,),
        "availability-zone-id": lambda interface: (interface.zone_id,),
        "description": lambda interface: (interface.description,),
        "group-id": lambda interface: [group for group, _ in interface.groups],
        "group-name": lambda interface: [name for _, name in interface.groups],
        "interface-type": lambda interface: (interface.kind,),
        "mac-address": lambda interface: (interface.mac,),
        "network-interface-id": lambda interface: (interface.id,),
        "operator.managed": lambda _: yes_or_no(False),
        "owner-id": lambda interface: (interface.account,),
        "private-dns-name": lambda interface: (
            (interface.private_dns_name,) if interface.private_dns_name else ()
        ),
        "private-ip-address": lambda interface: interface.addresses,
        "requester-id": lambda interface: (interface.requester,),
        "requester-managed": lambda interface: yes_or_no(interface.requester_managed),
        "source-dest-check": lambda interface: yes_or_no(interface.source_dest_check),
        "status": lambda interface: (status_of(interface),),
        "subnet-id": lambda interface: (interface.subnet,),
        "vpc-id": lambda interface: (interface.vpc,),
    }
)  # fmt: skip


def an_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface that the request names."""
    return [target_of_interface(call, params["network_interface_id"])]


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


@operation("ec2:DescribeNetworkInterfaceAttribute", on=all_resources)
def describe_network_interface_attribute(
    call: Call, *, network_interface_id: str, attribute: str | None = None
) -> Answer:
    """Describe one attribute of an interface."""
    interface = find_interface(call, network_interface_id)
    shown = described_interface(interface)
    answers: dict[str, dict[str, Any]] = {
        "description": {"Description": {"Value": interface.description}},
        "groupSet": {"Groups": shown["Groups"]},
        "sourceDestCheck": {"SourceDestCheck": {"Value": interface.source_dest_check}},
        "attachment": {"Attachment": shown["Attachment"]} if "Attachment" in shown else {},
        "associatePublicIpAddress": {"AssociatePublicIpAddress": False},
    }
    if attribute is None:
        raise errors.missing("attribute")
    if attribute not in answers:
        raise errors.invalid_value(attribute, "attribute", "Unknown network interface attribute")
    return {"NetworkInterfaceId": interface.id, **answers[attribute]}


@operation("ec2:DeleteNetworkInterface", on=an_interface)
def delete_network_interface(call: Call, *, network_interface_id: str) -> Answer | None:
    """Delete an interface that is attached to nothing, which frees its addresses. Raises InvalidParameterValue."""
    interface = find_interface(call, network_interface_id)
    if interface.attachment is not None:
        raise errors.interface_in_use(interface.id)
    remove(call.tx, interface)
    return None


def remove(tx: Transaction, interface: NetworkInterface) -> None:
    """Delete an interface. Its Elastic IP addresses are free again, and routes to it are black holes."""
    for each in interface.public_addresses:
        held = elastic_ips.get(tx, interface.account, interface.region, each.allocation)
        if held is not None:
            elastic_ips.put(tx, free_again(held))
    set_state(tx, interface.id, BLACKHOLE)
    network_interfaces.delete(tx, interface)


def find_interface(call: Call, id: str) -> NetworkInterface:
    """Return the interface of this id.

    Raises InvalidNetworkInterfaceId.Malformed, InvalidNetworkInterfaceID.NotFound.
    """
    found = network_interfaces.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("eni", id)
    return found


def _indexed(call: Call, filters: Filters) -> list[NetworkInterface] | None:
    """Return the interfaces of the subnets or groups that the filters name, by key, or None if they name neither."""
    for name, index in (("subnet-id", "subnet"), ("group-id", "group")):
        values = exact(filters, name)
        if values is not None:
            found = {
                interface.id: interface
                for value in values
                for interface in network_interfaces.where(call.tx, index, value)
                if (interface.account, interface.region) == (call.account, call.region)
            }
            return [found[id] for id in sorted(found)]
    return None


@memoized
def described_interface(interface: NetworkInterface) -> Description:
    """Return an interface as answers describe it, its members in AWS's order (ec2.md 7.4)."""
    primary = interface.addresses[0]
    public = {each.private_ip: _described_public(interface, each) for each in interface.public_addresses}
    first: dict[str, Any] = {"Primary": True, "PrivateIpAddress": primary}
    if interface.private_dns_name:
        first["PrivateDnsName"] = interface.private_dns_name
    if primary in public:
        first["Association"] = public[primary]
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
        "PrivateIpAddress": primary,
        "SourceDestCheck": interface.source_dest_check,
        "Groups": [{"GroupId": group, "GroupName": name} for group, name in interface.groups],
        "TagSet": tag_set(interface.tags),
        "PrivateIpAddresses": [
            first,
            *(
                {
                    "Primary": False,
                    "PrivateDnsName": "",
                    "PrivateIpAddress": ip,
                    **({"Association": public[ip]} if ip in public else {}),
                }
                for ip in interface.addresses[1:]
            ),
        ],
        "Ipv6Addresses": [],
        "InterfaceType": interface.kind,
        "Operator": {"Managed": False},
        "AvailabilityZoneId": interface.zone_id,
    }
    if interface.private_dns_name:
        shown["PrivateDnsName"] = interface.private_dns_name
    if primary in public:
        shown["Association"] = public[primary]
    if interface.attachment is not None:
        shown["Attachment"] = {
            "AttachmentId": interface.attachment.id,
            "AttachTime": interface.attachment.at,
            "DeleteOnTermination": interface.attachment.delete_on_termination,
            "DeviceIndex": interface.attachment.device_index,
            "InstanceOwnerId": interface.attachment.owner,
            "Status": "attached",
        }
    return Description(shown)


def _described_public(interface: NetworkInterface, public: PublicAddress) -> dict[str, Any]:
    return {
        "AllocationId": public.allocation,
        "AssociationId": public.association,
        "IpOwnerId": interface.account,
        "PublicDnsName": public.dns_name,
        "PublicIp": public.ip,
    }


@memoized
def interface_arn(interface: NetworkInterface) -> str:
    return ec2(interface.region, interface.account, f"network-interface/{interface.id}")


@memoized
def interface_target(interface: NetworkInterface) -> Target:
    """Return an interface's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(interface.tags)
    keys["ec2:availabilityzone"] = interface.zone
    keys["ec2:networkinterfaceid"] = interface.id
    keys["ec2:subnet"] = ec2(interface.region, interface.account, f"subnet/{interface.subnet}")
    keys["ec2:vpc"] = ec2(interface.region, interface.account, f"vpc/{interface.vpc}")
    return Target(interface_arn(interface), keys)


def target_of_interface(call: Call, id: str) -> Target:
    """Return the target of an interface, which need not exist."""
    found = network_interfaces.get(call.tx, call.account, call.region, id)
    return interface_target(found) if found is not None else unknown(call, "network-interface", id)
