"""The operations of permissions by which another account may attach a network interface to its machines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.filters import FilterTable, nothing
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.targets import Keys, unknown
from understudy_aws.services.ec2.network_interface_permission_records import (
    NetworkInterfacePermission,
    described_permission,
    find_permission,
    interface_permissions,
)
from understudy_aws.services.ec2.network_interfaces import changeable_interface, target_of_interface

PERMISSIONS = ("INSTANCE-ATTACH", "EIP-ASSOCIATE")
_ACCOUNT = re.compile(r"[0-9]{12}")
_FILTER = "network-interface-permission."

PERMISSION_FILTERS: FilterTable = MappingProxyType(
    {
        _FILTER + "network-interface-permission-id": lambda permission: (permission.id,),
        _FILTER + "network-interface-id": lambda permission: (permission.interface,),
        _FILTER + "aws-account-id": lambda permission: (permission.grantee,),
        # AWS grants none to services (API reference, CreateNetworkInterfacePermission).
        _FILTER + "aws-service": nothing,
        _FILTER + "permission": lambda permission: (permission.permission,),
    }
)


def an_interface_to_share(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface with the permission, and whom it is for."""
    target = target_of_interface(call, params["network_interface_id"])
    keys: Keys = {**target.keys, "ec2:permission": params["permission"]}
    if params.get("aws_account_id"):
        keys["ec2:authorizeduser"] = iam(params["aws_account_id"], "root")
    if params.get("aws_service"):
        keys["ec2:authorizedservice"] = params["aws_service"]
    return [Target(target.resource, keys)]


def a_shared_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface of the permission that the request names."""
    id = params["network_interface_permission_id"]
    found = interface_permissions.get(call.tx, call.account, call.region, id)
    if found is None:
        return [unknown(call, "network-interface", "*")]
    return [target_of_interface(call, found.interface)]


@operation("ec2:CreateNetworkInterfacePermission", on=an_interface_to_share)
def create_network_interface_permission(
    call: Call,
    *,
    network_interface_id: str,
    permission: str,
    aws_account_id: str | None = None,
    aws_service: str | None = None,
) -> Answer:
    """Let another account use an interface. One that has the permission already is answered it again.

    An interface is for one account at a time (API reference).
    """
    if permission not in PERMISSIONS:
        raise errors.invalid_value(permission, "permission")
    if aws_account_id and aws_service:
        raise errors.combination("awsAccountId", "awsService")
    if aws_service:
        # The API reference says so of this member itself: "Currently not supported".
        raise errors.invalid_value(aws_service, "awsService", "AWS services are not supported.")
    if not aws_account_id:
        raise errors.missing("awsAccountId")
    if not _ACCOUNT.fullmatch(aws_account_id):
        raise errors.invalid_value(aws_account_id, "awsAccountId")
    interface = changeable_interface(call, network_interface_id)
    for held in interface_permissions.where(call.tx, "interface", interface.id):
        if held.grantee != aws_account_id:
            raise errors.invalid_value(
                aws_account_id, "awsAccountId", f"Another account has permissions for {interface.id}."
            )
        if held.permission == permission:
            return {"InterfacePermission": described_permission(held)}
    made = interface_permissions.put(
        call.tx,
        NetworkInterfacePermission(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("eni-perm"),
            interface=interface.id,
            grantee=aws_account_id,
            permission=permission,
        ),
    )
    return {"InterfacePermission": described_permission(made)}


@operation("ec2:DeleteNetworkInterfacePermission", on=a_shared_interface)
def delete_network_interface_permission(
    call: Call,
    *,
    network_interface_permission_id: str,
    force: bool | None = None,  # noqa: ARG001 - no account has attached the interface to a machine
) -> Answer:
    """Take a permission back."""
    interface_permissions.delete(call.tx, find_permission(call, network_interface_permission_id))
    return {"Return": True}


@operation("ec2:DescribeNetworkInterfacePermissions", on=all_resources)
def describe_network_interface_permissions(
    call: Call,
    *,
    network_interface_permission_ids: list[str] | None = None,
    filters: Filters = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe the permissions for the account's interfaces in the Region."""
    found, token = select(
        call, interface_permissions, find_permission, PERMISSION_FILTERS,
        ids=network_interface_permission_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="networkInterfacePermissionIds",
    )  # fmt: skip
    shown = [described_permission(permission) for permission in found]
    return {"NetworkInterfacePermissions": shown, "NextToken": token}
