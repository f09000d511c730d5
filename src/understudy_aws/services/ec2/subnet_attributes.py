"""The attributes of a subnet: what interfaces and machines get that are made in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.errors import invalid_value
from understudy_aws.services.ec2.api.listings import value_of
from understudy_aws.services.ec2.api.parameters import one_attribute
from understudy_aws.services.ec2.api.targets import changes_in, changing
from understudy_aws.services.ec2.cidr_blocks import errors
from understudy_aws.services.ec2.subnets import (
    Subnet,
    find_subnet,
    ipv6_block_of,
    subnets,
    target_of_subnet,
)


def a_subnet_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the subnet with the attributes being changed."""
    target = target_of_subnet(call, params["subnet_id"])
    changes = changes_in(params, "subnet_id")
    return [changing(target, changes)]


@operation("ec2:ModifySubnetAttribute", on=a_subnet_to_change)
def modify_subnet_attribute(
    call: Call,
    *,
    subnet_id: str,
    assign_ipv6_address_on_creation: dict[str, Any] | None = None,
    map_public_ip_on_launch: dict[str, Any] | None = None,
    map_customer_owned_ip_on_launch: dict[str, Any] | None = None,
    customer_owned_ipv4_pool: str | None = None,
    enable_dns64: dict[str, Any] | None = None,
    private_dns_hostname_type_on_launch: str | None = None,
    enable_resource_name_dns_a_record_on_launch: dict[str, Any] | None = None,
    enable_resource_name_dns_aaaa_record_on_launch: dict[str, Any] | None = None,
    enable_lni_at_device_index: int | None = None,
    disable_lni_at_device_index: dict[str, Any] | None = None,
) -> Answer | None:
    """Change one attribute. AWS takes one in a call."""
    one_attribute(
        assignIpv6AddressOnCreation=assign_ipv6_address_on_creation,
        mapPublicIpOnLaunch=map_public_ip_on_launch,
        # The pool is named beside the switch that needs it.
        mapCustomerOwnedIpOnLaunch=map_customer_owned_ip_on_launch or customer_owned_ipv4_pool,
        enableDns64=enable_dns64,
        privateDnsHostnameTypeOnLaunch=private_dns_hostname_type_on_launch,
        enableResourceNameDnsARecordOnLaunch=enable_resource_name_dns_a_record_on_launch,
        enableResourceNameDnsAAAARecordOnLaunch=enable_resource_name_dns_aaaa_record_on_launch,
        enableLniAtDeviceIndex=enable_lni_at_device_index,
        disableLniAtDeviceIndex=disable_lni_at_device_index,
    )
    subnet = find_subnet(call, subnet_id)
    if customer_owned_ipv4_pool or value_of(map_customer_owned_ip_on_launch):
        raise errors.no_outpost("mapCustomerOwnedIpOnLaunch", subnet.id)
    switches = {
        "assign_ipv6": value_of(assign_ipv6_address_on_creation),
        "public_addresses": value_of(map_public_ip_on_launch),
        "dns64": value_of(enable_dns64),
        "a_record": value_of(enable_resource_name_dns_a_record_on_launch),
        "aaaa_record": value_of(enable_resource_name_dns_aaaa_record_on_launch),
    }
    changes: dict[str, Any] = {name: on for name, on in switches.items() if on is not None}
    for name, on in changes.items():
        _check_switch(subnet, name, on)
    if private_dns_hostname_type_on_launch is not None:
        changes["hostname_type"] = _host_names(subnet, private_dns_hostname_type_on_launch)
    if enable_lni_at_device_index is not None:
        # The primary interface is at 0 (EC2 API reference, ModifySubnetAttribute).
        if enable_lni_at_device_index < 1:
            raise invalid_value(enable_lni_at_device_index, "enableLniAtDeviceIndex")
        changes["lni_index"] = enable_lni_at_device_index
    if value_of(disable_lni_at_device_index):
        changes["lni_index"] = 0
    subnets.put(call.tx, replace(subnet, **changes))
    return None


# What AWS calls the switches that need an IPv6 block.
_NEED_IPV6: Mapping[str, str] = MappingProxyType(
    {
        "assign_ipv6": "assign-ipv6-address-on-creation",
        "dns64": "enable-dns64",
        "aaaa_record": "enable-resource-name-dns-aaaa-record-on-launch",
    }
)


def _check_switch(subnet: Subnet, name: str, on: bool) -> None:
    """Raise InvalidParameterValue for a switch that does not suit the address families of the subnet."""
    if on and name in _NEED_IPV6 and ipv6_block_of(subnet) is None:
        raise errors.needs_ipv6_block(_NEED_IPV6[name], subnet.id)
    if subnet.ipv6_native:
        if name == "assign_ipv6" and not on:
            raise errors.native_subnet_keeps(_NEED_IPV6[name], "false", subnet.id)
        if name == "public_addresses" and on:
            raise errors.native_subnet_keeps("map-public-ip-on-launch", "true", subnet.id)


def _host_names(subnet: Subnet, type: str) -> str:
    if type not in ("ip-name", "resource-name"):
        raise invalid_value(type, "privateDnsHostnameTypeOnLaunch")
    if subnet.ipv6_native and type == "ip-name":
        raise errors.native_subnet_keeps("private-dns-hostname-type-on-launch", type, subnet.id)
    return type
