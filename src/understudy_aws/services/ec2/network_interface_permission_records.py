"""Permissions of network interfaces: the record, and how it is described."""

from __future__ import annotations

from typing import Any

from understudy_aws.core.answers import Description
from understudy_aws.gateway.call import Call
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.store.tables import Record, Table, memoized


class NetworkInterfacePermission(Record, frozen=True, kw_only=True):
    """A permission that another account, `grantee`, has for an interface; it goes with the interface."""

    account: str
    region: str
    id: str
    interface: str
    grantee: str
    permission: str


interface_permissions = Table(
    "ec2/network-interface-permission",
    NetworkInterfacePermission,
    key=lambda permission: (permission.account, permission.region, permission.id),
    indexes={"interface": lambda permission: (permission.interface,)},
)


def find_permission(call: Call, id: str) -> NetworkInterfacePermission:
    """Return the permission of this id. Raises InvalidPermissionID.NotFound."""
    found = interface_permissions.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("eni-perm", id)
    return found


@memoized
def described_permission(permission: NetworkInterfacePermission) -> Description:
    """Return a permission as answers describe it. It is granted as soon as it is made.

    AWS tells its state in capitals, which the API model does not (network-interfaces.md 9.1).
    """
    shown: dict[str, Any] = {
        "NetworkInterfacePermissionId": permission.id,
        "NetworkInterfaceId": permission.interface,
        "AwsAccountId": permission.grantee,
        "Permission": permission.permission,
        "PermissionState": {"State": "GRANTED"},
    }
    return Description(shown)
