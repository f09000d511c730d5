"""Permissions by which other accounts may use a network interface (network-interfaces.md 9.1)."""

from __future__ import annotations

import json

import pytest

PREFIX = "network-interface-permission."


@pytest.fixture
def permission(ec2, interface):
    return ec2.create_network_interface_permission(
        NetworkInterfaceId=interface, AwsAccountId="111122223333", Permission="INSTANCE-ATTACH"
    )["InterfacePermission"]


def test_it_is_granted_described_and_taken_back(ec2, interface, permission, refused):
    id = permission["NetworkInterfacePermissionId"]
    assert id.startswith("eni-perm-")
    assert {
        "NetworkInterfacePermissionId": id,
        "NetworkInterfaceId": interface,
        "AwsAccountId": "111122223333",
        "Permission": "INSTANCE-ATTACH",
        "PermissionState": {"State": "GRANTED"},
    } == permission
    described = ec2.describe_network_interface_permissions(NetworkInterfacePermissionIds=[id])
    assert [permission] == described["NetworkInterfacePermissions"]
    assert ec2.delete_network_interface_permission(NetworkInterfacePermissionId=id, Force=True)["Return"]
    with refused("InvalidPermissionID.NotFound"):
        ec2.describe_network_interface_permissions(NetworkInterfacePermissionIds=[id])
    with refused("InvalidPermissionID.NotFound"):
        ec2.delete_network_interface_permission(NetworkInterfacePermissionId=id)


@pytest.mark.parametrize(
    ("name", "value", "other"),
    [
        ("network-interface-permission-id", "NetworkInterfacePermissionId", "eni-perm-1"),
        ("network-interface-id", "NetworkInterfaceId", "eni-1"),
        ("aws-account-id", "AwsAccountId", "222222222222"),
        ("permission", "Permission", "EIP-ASSOCIATE"),
    ],
)
def test_filters(ec2, permission, name, value, other):
    def found(wanted):
        filters = [{"Name": PREFIX + name, "Values": [wanted]}]
        return ec2.describe_network_interface_permissions(Filters=filters)["NetworkInterfacePermissions"]

    assert [permission] == found(permission[value])
    assert [] == found(other)


def test_no_service_has_one(ec2, permission):
    filters = [{"Name": PREFIX + "aws-service", "Values": ["*"]}]
    assert [] == ec2.describe_network_interface_permissions(Filters=filters)["NetworkInterfacePermissions"]


def test_it_goes_with_its_interface(ec2, interface, permission):
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    assert [] == ec2.describe_network_interface_permissions()["NetworkInterfacePermissions"]


def test_the_same_account_is_answered_the_same_again_and_another_refused(ec2, interface, permission, refused):
    again = ec2.create_network_interface_permission(
        NetworkInterfaceId=interface, AwsAccountId="111122223333", Permission="INSTANCE-ATTACH"
    )["InterfacePermission"]
    assert permission == again
    second = ec2.create_network_interface_permission(
        NetworkInterfaceId=interface, AwsAccountId="111122223333", Permission="EIP-ASSOCIATE"
    )["InterfacePermission"]
    assert permission["NetworkInterfacePermissionId"] != second["NetworkInterfacePermissionId"]
    with refused("InvalidParameterValue"):
        ec2.create_network_interface_permission(
            NetworkInterfaceId=interface, AwsAccountId="222222222222", Permission="INSTANCE-ATTACH"
        )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "MissingParameter"),
        ({"AwsService": "x.amazonaws.com"}, "InvalidParameterValue"),
        ({"AwsService": "x.amazonaws.com", "AwsAccountId": "111122223333"}, "InvalidParameterCombination"),
        ({"AwsAccountId": "1"}, "InvalidParameterValue"),
        ({"AwsAccountId": "111122223333", "Permission": "ALL"}, "InvalidParameterValue"),
    ],
)
def test_what_cannot_be_granted_is_refused(ec2, interface, refused, given, code):
    with refused(code):
        ec2.create_network_interface_permission(
            **{"NetworkInterfaceId": interface, "Permission": "INSTANCE-ATTACH", **given}
        )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ec2:AuthorizedUser", "arn:aws:iam::111122223333:root"),
        ("ec2:Permission", "INSTANCE-ATTACH"),
    ],
)
def test_policies_see_whom_it_is_for_and_what(understudy, interface, refused, key, value):
    """Service Authorization Reference: the condition keys of CreateNetworkInterfacePermission."""
    statement = {
        "Effect": "Allow",
        "Action": "ec2:CreateNetworkInterfacePermission",
        "Resource": f"arn:aws:ec2:us-east-1:{understudy.account}:network-interface/{interface}",
        "Condition": {"StringEquals": {key: value}},
    }
    role = understudy.role(
        "sharer", json.loads(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    )
    ec2 = understudy.client("ec2", as_=role)
    ec2.create_network_interface_permission(
        NetworkInterfaceId=interface, AwsAccountId="111122223333", Permission="INSTANCE-ATTACH"
    )
    with refused("UnauthorizedOperation"):
        ec2.create_network_interface_permission(
            NetworkInterfaceId=interface, AwsAccountId="222222222222", Permission="EIP-ASSOCIATE"
        )
