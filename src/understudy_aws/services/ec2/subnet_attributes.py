"""The attributes of a subnet: what interfaces and machines get that are made in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.listings import refuse, value_of
from understudy_aws.services.ec2.api.parameters import one_attribute
from understudy_aws.services.ec2.api.targets import changes_in, changing
from understudy_aws.services.ec2.subnets import find_subnet, subnets, target_of_subnet


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
    refuse(
        assign_ipv6_address_on_creation=value_of(assign_ipv6_address_on_creation),
        map_customer_owned_ip_on_launch=value_of(map_customer_owned_ip_on_launch),
        customer_owned_ipv4_pool=customer_owned_ipv4_pool,
        enable_dns64=value_of(enable_dns64),
        enable_resource_name_dns_aaaa_record_on_launch=value_of(
            enable_resource_name_dns_aaaa_record_on_launch
        ),
        enable_lni_at_device_index=enable_lni_at_device_index,
        disable_lni_at_device_index=value_of(disable_lni_at_device_index),
    )
    subnet = find_subnet(call, subnet_id)
    changes: dict[str, Any] = {
        "public_addresses": value_of(map_public_ip_on_launch),
        "hostname_type": private_dns_hostname_type_on_launch,
        "a_record": value_of(enable_resource_name_dns_a_record_on_launch),
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    subnets.put(call.tx, replace(subnet, **changes))
    return None
