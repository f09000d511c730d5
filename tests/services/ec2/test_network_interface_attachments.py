"""Attaching and detaching network interfaces: there are no machines, and services manage what is theirs (network-interfaces.md 9.1)."""

from __future__ import annotations

import pytest


@pytest.fixture
def managed(ec2, subnet):
    """The interface of a NAT gateway."""
    ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    (found,) = ec2.describe_network_interfaces(
        Filters=[{"Name": "interface-type", "Values": ["nat_gateway"]}]
    )["NetworkInterfaces"]
    return found


@pytest.mark.parametrize(
    ("instance", "code", "text"),
    [
        (
            "i-0123456789abcdef0",
            "InvalidInstanceID.NotFound",
            "The instance ID 'i-0123456789abcdef0' does not exist",
        ),
        ("web", "InvalidInstanceID.Malformed", 'Invalid id: "web" (expecting "i-...")'),
    ],
)
def test_there_is_no_instance_to_attach_to(ec2, interface, refused, instance, code, text):
    """Terraform's aws_network_interface_attachment asks this way."""
    with refused(code, text):
        ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=instance, DeviceIndex=1)


def test_an_interface_that_is_not_there_is_not_attached(ec2, refused):
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.attach_network_interface(
            NetworkInterfaceId="eni-0123456789abcdef0", InstanceId="i-0123456789abcdef0", DeviceIndex=1
        )


def test_what_a_service_manages_is_only_its_own(ec2, managed, refused):
    """Reference ec2.md 7.3: AuthFailure with the status 400; and an ela-attach- id is refused as such."""
    id, attachment = managed["NetworkInterfaceId"], managed["Attachment"]["AttachmentId"]
    denied = ("AuthFailure", "You do not have permission to access the specified resource.", 400)
    with refused(*denied):
        ec2.attach_network_interface(NetworkInterfaceId=id, InstanceId="i-1", DeviceIndex=1)
    with refused("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments."):
        ec2.detach_network_interface(AttachmentId=attachment, Force=True)
    with refused("InvalidParameterValue", f"Network interface '{id}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=id)
    for change in (
        lambda: ec2.modify_network_interface_attribute(NetworkInterfaceId=id, Description={"Value": "x"}),
        lambda: ec2.reset_network_interface_attribute(NetworkInterfaceId=id, SourceDestCheck="true"),
        lambda: ec2.assign_private_ip_addresses(NetworkInterfaceId=id, SecondaryPrivateIpAddressCount=1),
        lambda: ec2.assign_ipv6_addresses(NetworkInterfaceId=id, Ipv6AddressCount=1),
        lambda: ec2.unassign_ipv6_addresses(NetworkInterfaceId=id, Ipv6Addresses=["2001:db8::1"]),
        lambda: ec2.create_network_interface_permission(
            NetworkInterfaceId=id, AwsAccountId="111122223333", Permission="INSTANCE-ATTACH"
        ),
    ):
        with refused(*denied):
            change()
    ec2.create_tags(Resources=[id], Tags=[{"Key": "a", "Value": "b"}])


def test_what_is_attached_is_found_by_its_attachment(ec2, managed, interface):
    found = ec2.describe_network_interfaces(
        Filters=[{"Name": "attachment.attachment-id", "Values": [managed["Attachment"]["AttachmentId"]]}]
    )["NetworkInterfaces"]
    assert [managed["NetworkInterfaceId"]] == [each["NetworkInterfaceId"] for each in found]


@pytest.mark.parametrize(
    ("attachment", "code"),
    [
        ("eni-attach-0123456789abcdef0", "InvalidAttachmentID.NotFound"),
        ("vpc-1", "InvalidNetworkInterfaceAttachmentId.Malformed"),
    ],
)
def test_no_other_attachment_is_there_to_detach(ec2, refused, attachment, code):
    """Terraform takes InvalidAttachmentID.NotFound for detached."""
    with refused(code):
        ec2.detach_network_interface(AttachmentId=attachment)
