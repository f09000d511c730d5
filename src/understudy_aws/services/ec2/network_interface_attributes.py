"""The attributes of a network interface: what a customer changes of it, one in a call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.listings import refuse, value_of
from understudy_aws.services.ec2.api.parameters import one_attribute
from understudy_aws.services.ec2.api.targets import changes_in, changing
from understudy_aws.services.ec2.interface_settings import check_description, tracking_in
from understudy_aws.services.ec2.network_interface_attachments import check_attachment
from understudy_aws.services.ec2.network_interface_changes import groups_of
from understudy_aws.services.ec2.network_interface_descriptions import described_interface
from understudy_aws.services.ec2.network_interfaces import (
    NetworkInterface,
    an_interface,
    changeable_interface,
    find_interface,
    network_interfaces,
    target_of_interface,
)
from understudy_aws.services.ec2.security_groups import target_of_group
from understudy_aws.services.ec2.subnets import subnets


def an_interface_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface with the attributes being changed, and each group it is to have."""
    changes = changes_in(params, "network_interface_id")
    target = target_of_interface(call, params["network_interface_id"])
    groups = [target_of_group(call, group) for group in params.get("groups") or ()]
    return [changing(target, changes), *groups]


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


@operation("ec2:ModifyNetworkInterfaceAttribute", on=an_interface_to_change)
def modify_network_interface_attribute(
    call: Call,
    *,
    network_interface_id: str,
    ena_srd_specification: dict[str, Any] | None = None,
    enable_primary_ipv6: bool | None = None,
    connection_tracking_specification: dict[str, Any] | None = None,
    associate_public_ip_address: bool | None = None,
    associated_subnet_ids: list[str] | None = None,
    description: dict[str, Any] | None = None,
    source_dest_check: dict[str, Any] | None = None,
    groups: list[str] | None = None,
    attachment: dict[str, Any] | None = None,
) -> Answer | None:
    """Change one attribute. Those of the machine it would be attached to are not served."""
    one_attribute(
        enaSrdSpecification=ena_srd_specification, enablePrimaryIpv6=enable_primary_ipv6,
        connectionTrackingSpecification=connection_tracking_specification,
        associatePublicIpAddress=associate_public_ip_address, associatedSubnetIds=associated_subnet_ids,
        description=description, sourceDestCheck=source_dest_check, groupSet=groups, attachment=attachment,
    )  # fmt: skip
    refuse(
        ena_srd_specification=ena_srd_specification,
        associate_public_ip_address=associate_public_ip_address,
        associated_subnet_ids=associated_subnet_ids,
    )
    interface = changeable_interface(call, network_interface_id)
    if attachment is not None:
        check_attachment(attachment)
    changes: dict[str, Any] = {
        "description": value_of(description),
        "source_dest_check": value_of(source_dest_check),
        "connection_tracking": tracking_in(connection_tracking_specification),
        "primary_ipv6": _primary_ipv6(interface, enable_primary_ipv6),
        "groups": _groups(call, interface, groups),
    }
    check_description(changes["description"] or "")
    changes = {name: value for name, value in changes.items() if value is not None}
    network_interfaces.put(call.tx, replace(interface, **changes))
    return None


@operation("ec2:ResetNetworkInterfaceAttribute", on=an_interface)
def reset_network_interface_attribute(
    call: Call, *, network_interface_id: str, source_dest_check: str | None = None
) -> Answer | None:
    """Set the source/destination check back to its default, which is on. AWS resets nothing else."""
    interface = changeable_interface(call, network_interface_id)
    if source_dest_check is None:
        raise errors.missing("sourceDestCheck")
    network_interfaces.put(call.tx, replace(interface, source_dest_check=True))
    return None


def _primary_ipv6(interface: NetworkInterface, enable: bool | None) -> bool | None:
    """Return whether the first IPv6 address becomes the primary one. It stays so (API reference)."""
    if enable is False and interface.primary_ipv6:
        raise errors.invalid_value("false", "enablePrimaryIpv6", "A primary IPv6 address cannot be disabled.")
    return enable


def _groups(
    call: Call, interface: NetworkInterface, ids: Sequence[str] | None
) -> tuple[tuple[str, str], ...] | None:
    if not ids:
        return None
    subnet = subnets.get(call.tx, call.account, call.region, interface.subnet)
    assert subnet is not None, "an interface keeps its subnet from being deleted"
    return groups_of(call, subnet, ids)
