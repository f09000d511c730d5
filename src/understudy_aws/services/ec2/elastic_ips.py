"""The operations of Elastic IP addresses."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.address_transfer_records import address_transfers
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import parse_address
from understudy_aws.services.ec2.api.filters import FilterTable, nothing
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, refuse, select
from understudy_aws.services.ec2.api.parameters import check_addresses
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, changing, unknown
from understudy_aws.services.ec2.elastic_ip_records import (
    POOL,
    ElasticIp,
    described_elastic_ip,
    elastic_ip_target,
    elastic_ips,
    find_by_ip,
    find_elastic_ip,
    free_again,
    is_taken,
    next_free,
    target_of_elastic_ip,
)
from understudy_aws.services.ec2.internet_gateways import internet_gateways
from understudy_aws.services.ec2.network_interfaces import (
    NetworkInterface,
    PublicAddress,
    find_interface,
    network_interfaces,
    target_of_interface,
)
from understudy_aws.services.ec2.public_names import public_name

# AWS gives five at first and more to who asks; on one's own machine nobody should have to ask.
ADDRESSES_PER_REGION = 100

ADDRESS_FILTERS: FilterTable = MappingProxyType(
    {
        "allocation-id": lambda address: (address.id,),
        "association-id": lambda address: (address.association,) if address.association else (),
        "domain": lambda _: ("vpc",),
        "instance-id": nothing,
        "network-border-group": lambda address: (address.region,),
        "network-interface-id": lambda address: (address.interface,) if address.interface else (),
        "network-interface-owner-id": lambda address: (address.account,) if address.interface else (),
        "private-ip-address": lambda address: (address.private_ip,) if address.private_ip else (),
        "public-ip": lambda address: (address.ip,),
    }
)


def a_new_address(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of allocating an address: it, and its tags."""
    return a_new(call, params, "elastic-ip")


def an_address(call: Call, params: Params) -> Sequence[Target]:
    """Return the address that the request names, by its allocation id or itself."""
    if params.get("allocation_id"):
        return [target_of_elastic_ip(call, params["allocation_id"])]
    ip = params.get("public_ip") or ""
    for found in elastic_ips.where(call.tx, "ip", ip):
        if (found.account, found.region) == (call.account, call.region):
            return [elastic_ip_target(found)]
    return [unknown(call, "elastic-ip", "*")]


def an_address_and_an_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the address, and the interface it is associated with."""
    targets = list(an_address(call, params))
    if params.get("network_interface_id"):
        targets.append(target_of_interface(call, params["network_interface_id"]))
    return targets


def an_associated_address(call: Call, params: Params) -> Sequence[Target]:
    """Return the address of the association that the request names, and the interface it is with."""
    try:
        address = _associated(call, params.get("association_id"), params.get("public_ip"))
    except ApiError:
        return [unknown(call, "elastic-ip", "*")]
    targets = [elastic_ip_target(address)]
    if address.interface:
        targets.append(target_of_interface(call, address.interface))
    return targets


def an_address_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the address with the attribute being changed."""
    name = params.get("domain_name")
    return [changing(target_of_elastic_ip(call, params["allocation_id"]), {"DomainName": name})]


@operation("ec2:AllocateAddress", on=a_new_address)
def allocate_address(
    call: Call,
    *,
    domain: str | None = None,
    address: str | None = None,
    public_ipv4_pool: str | None = None,
    network_border_group: str | None = None,
    customer_owned_ipv4_pool: str | None = None,
    tag_specifications: TagSpecifications = None,
    ipam_pool_id: str | None = None,
) -> Answer:
    """Allocate an address: the one named if nobody has it, else any. Raises AddressLimitExceeded."""
    refuse(
        customer_owned_ipv4_pool=customer_owned_ipv4_pool, ipam_pool_id=ipam_pool_id,
        public_ipv4_pool=None if public_ipv4_pool == "amazon" else public_ipv4_pool,
        domain=None if domain == "vpc" else domain,
        network_border_group=None if network_border_group == call.region else network_border_group,
    )  # fmt: skip
    tags = tags_for("elastic-ip", tag_specifications)
    check_quota(call)
    id = call.ids.ec2("eipalloc")
    if address:
        number = parse_address(address)
        if number is None or not 0 <= number - POOL.network < POOL.size:
            raise errors.no_such_address(address)
        if is_taken(call.tx, address):
            raise errors.public_address_in_use(address)
    ip = address or next_free(call.tx, int(id[-8:], 16))
    made = elastic_ips.put(
        call.tx, ElasticIp(account=call.account, region=call.region, id=id, ip=ip, tags=tags)
    )
    return {
        "AllocationId": made.id,
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": made.region,
        "Domain": "vpc",
        "PublicIp": made.ip,
    }


@operation("ec2:ReleaseAddress", on=an_address)
def release_address(
    call: Call,
    *,
    allocation_id: str | None = None,
    public_ip: str | None = None,
    network_border_group: str | None = None,  # noqa: ARG001 - it only repeats where the address is
) -> Answer | None:
    """Give an address back that is associated with nothing. Raises InvalidIPAddress.InUse."""
    address = _named(call, allocation_id, public_ip)
    if address.association:
        raise errors.public_address_in_use(address.ip)
    offer = address_transfers.get(call.tx, address.account, address.region, address.id)
    if offer is not None:
        address_transfers.delete(call.tx, offer)
    elastic_ips.delete(call.tx, address)
    return None


@operation("ec2:AssociateAddress", on=an_address_and_an_interface)
def associate_address(
    call: Call,
    *,
    allocation_id: str | None = None,
    instance_id: str | None = None,
    public_ip: str | None = None,
    network_interface_id: str | None = None,
    private_ip_address: str | None = None,
    allow_reassociation: bool | None = None,
) -> Answer:
    """Associate an address with a private address of an interface, the primary one unless another is named.

    What either was associated with before ends, unless `allow_reassociation` is off (API reference, AssociateAddress).
    """
    check_addresses(private_ip_address)
    if instance_id:
        raise no_such("i", instance_id)
    if not network_interface_id:
        raise errors.missing_choice("Either 'InstanceId' or 'NetworkInterfaceId' should be provided.")
    address = _named(call, allocation_id, public_ip)
    interface = find_interface(call, network_interface_id)
    private_ip = private_ip_address or next(iter(interface.addresses), "")
    _check_may_associate(call, address, interface, private_ip)
    held = [each for each in interface.public_addresses if each.private_ip == private_ip]
    if held and held[0].allocation == address.id:
        return {"AssociationId": address.association}
    if allow_reassociation is False:
        if address.association:
            raise errors.address_associated_already(address.id, address.association)
        if held:
            raise errors.address_associated_already(interface.id, held[0].association)
    for old in [address.id, *(each.allocation for each in held)]:
        disassociate(call, find_elastic_ip(call, old))
    found = associate(call, address.id, find_interface(call, interface.id), private_ip)
    return {"AssociationId": found.association}


@operation("ec2:DisassociateAddress", on=an_associated_address)
def disassociate_address(
    call: Call, *, association_id: str | None = None, public_ip: str | None = None
) -> Answer | None:
    """End an association. An address by itself may have none, which changes nothing."""
    address = _associated(call, association_id, public_ip)
    if address.managed:
        raise errors.not_yours()
    if address.association:
        disassociate(call, address)
    return None


@operation("ec2:DescribeAddresses", on=all_resources)
def describe_addresses(
    call: Call,
    *,
    public_ips: list[str] | None = None,
    filters: Filters = None,
    allocation_ids: list[str] | None = None,
) -> Answer:
    """Describe the account's addresses in the Region, by allocation ids, by addresses, or all."""
    ids = [*(allocation_ids or ()), *(find_by_ip(call, ip).id for ip in public_ips or ())]
    found, _ = select(
        call, elastic_ips, find_elastic_ip, ADDRESS_FILTERS,
        ids=ids or None, filters=filters, max_results=None, next_token=None, ids_name="allocationIds",
    )  # fmt: skip
    return {"Addresses": [described_elastic_ip(address) for address in found]}


@operation("ec2:DescribeAddressesAttribute", on=all_resources)
def describe_addresses_attribute(
    call: Call,
    *,
    allocation_ids: list[str] | None = None,
    attribute: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the reverse DNS names of addresses."""
    if attribute is None:
        raise errors.missing("attribute")
    _check_attribute(attribute)
    found, token = select(
        call, elastic_ips, find_elastic_ip, {},
        ids=allocation_ids, filters=None, max_results=max_results, next_token=next_token,
        ids_name="allocationIds",
    )  # fmt: skip
    return {"Addresses": [_described_pointer(address) for address in found], "NextToken": token}


@operation("ec2:ModifyAddressAttribute", on=an_address_to_change)
def modify_address_attribute(call: Call, *, allocation_id: str, domain_name: str | None = None) -> Answer:
    """Set the name of an address's reverse DNS record."""
    address = find_elastic_ip(call, allocation_id)
    if not domain_name:
        raise errors.missing("domainName")
    changed = elastic_ips.put(call.tx, replace(address, pointer=domain_name.rstrip(".") + "."))
    return {"Address": _described_pointer(changed)}


@operation("ec2:ResetAddressAttribute", on=an_address_to_change)
def reset_address_attribute(call: Call, *, allocation_id: str, attribute: str) -> Answer:
    """Take the name of an address's reverse DNS record away."""
    _check_attribute(attribute)
    changed = elastic_ips.put(call.tx, replace(find_elastic_ip(call, allocation_id), pointer=""))
    return {"Address": _described_pointer(changed)}


def check_quota(call: Call) -> None:
    """Raise AddressLimitExceeded when the account has all the addresses that it may have in the Region."""
    if elastic_ips.count_where(call.tx, "place", (call.account, call.region)) >= ADDRESSES_PER_REGION:
        raise errors.limit("AddressLimitExceeded", "addresses")


def associate(
    call: Call, allocation: str, interface: NetworkInterface, private_ip: str, *, managed: bool = False
) -> ElasticIp:
    """Associate a free address with a private address that has none, and store both."""
    address = find_elastic_ip(call, allocation)
    id = call.ids.ec2("eipassoc")
    found = elastic_ips.put(
        call.tx,
        replace(
            address,
            association=id,
            vpc=interface.vpc,
            interface=interface.id,
            private_ip=private_ip,
            managed=managed,
        ),
    )
    public = PublicAddress(
        private_ip=private_ip,
        ip=address.ip,
        allocation=address.id,
        association=id,
        dns_name=public_name(call.tx, interface, address.ip),
    )
    network_interfaces.put(
        call.tx, replace(interface, public_addresses=(*interface.public_addresses, public))
    )
    return found


def disassociate(call: Call, address: ElasticIp) -> ElasticIp:
    """End an address's association, and store both sides of it."""
    interface = network_interfaces.get(call.tx, call.account, call.region, address.interface)
    if interface is not None:
        kept = tuple(each for each in interface.public_addresses if each.allocation != address.id)
        network_interfaces.put(call.tx, replace(interface, public_addresses=kept))
    return elastic_ips.put(call.tx, free_again(address))


def _check_may_associate(
    call: Call, address: ElasticIp, interface: NetworkInterface, private_ip: str
) -> None:
    if interface.requester_managed or address.managed:
        raise errors.not_yours()
    if private_ip not in interface.addresses:
        raise errors.invalid_value(private_ip, "privateIpAddress")
    if not internet_gateways.count_where(call.tx, "vpc", interface.vpc):
        raise errors.no_internet_gateway(interface.vpc)


def _named(call: Call, allocation_id: str | None, public_ip: str | None) -> ElasticIp:
    if allocation_id and public_ip:
        raise errors.combination("AllocationId", "PublicIp")
    if allocation_id:
        return find_elastic_ip(call, allocation_id)
    if public_ip:
        return find_by_ip(call, public_ip)
    raise errors.missing_choice("Either 'AllocationId' or 'PublicIp' should be provided.")


def _associated(call: Call, association: str | None, public_ip: str | None) -> ElasticIp:
    if not association:
        return _named(call, None, public_ip)
    for found in elastic_ips.where(call.tx, "association", association):
        if (found.account, found.region) == (call.account, call.region):
            return found
    raise no_such("eipassoc", association)


def _check_attribute(attribute: str) -> None:
    if attribute != "domain-name":
        raise errors.invalid_value(attribute, "attribute")


def _described_pointer(address: ElasticIp) -> dict[str, Any]:
    shown: dict[str, Any] = {"PublicIp": address.ip, "AllocationId": address.id}
    if address.pointer:
        shown["PtrRecord"] = address.pointer
    return shown
