"""Attributes of network interfaces (ec2.md 7.4, network-interfaces.md 9.1)."""

from __future__ import annotations

import pytest


def show(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


class TestModifyNetworkInterfaceAttribute:
    def test_description_check_and_groups(self, ec2, interface, vpc):
        other = ec2.create_security_group(VpcId=vpc, GroupName="other", Description="x")["GroupId"]

        def change(**what):
            ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, **what)

        change(Description={"Value": "new"})
        change(SourceDestCheck={"Value": False})
        change(Groups=[other])
        shown = show(ec2, interface)
        assert ("new", False, [other]) == (
            shown["Description"],
            shown["SourceDestCheck"],
            [group["GroupId"] for group in shown["Groups"]],
        )

    def test_a_group_left_behind_can_be_deleted(self, ec2, interface, group, vpc):
        other = ec2.create_security_group(VpcId=vpc, GroupName="other", Description="x")["GroupId"]
        ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[other])
        ec2.delete_security_group(GroupId=group)

    def test_two_at_a_time_are_refused(self, ec2, interface, refused):
        with refused("InvalidParameterCombination"):
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface, Description={"Value": "x"}, SourceDestCheck={"Value": True}
            )

    def test_time_outs_of_connections(self, ec2, interface, refused):
        """EC2 user guide, "Security group connection tracking" (network-interfaces.md 9.1)."""
        given = {"TcpEstablishedTimeout": 600, "UdpTimeout": 40}
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface, ConnectionTrackingSpecification=given
        )
        assert given == show(ec2, interface)["ConnectionTrackingConfiguration"]
        with refused("InvalidParameterValue"):
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface, ConnectionTrackingSpecification={"UdpStreamTimeout": 181}
            )

    @pytest.mark.parametrize(
        ("attachment", "code", "text"),
        [
            (
                "ela-attach-1",
                "OperationNotPermitted",
                "You are not allowed to manage 'ela-attach' attachments.",
            ),
            ("eni-attach-1", "InvalidAttachmentID.NotFound", None),
            (
                "x",
                "InvalidNetworkInterfaceAttachmentId.Malformed",
                'Invalid id: "x" (expecting "eni-attach-...")',
            ),
        ],
    )
    def test_no_attachment_is_a_customers(self, ec2, interface, refused, attachment, code, text):
        """Reference ec2.md 7.3, network-interfaces.md 9.1."""
        with refused(code, text):
            ec2.modify_network_interface_attribute(
                NetworkInterfaceId=interface,
                Attachment={"AttachmentId": attachment, "DeleteOnTermination": True},
            )


def test_the_check_is_set_back(ec2, interface, refused):
    """API reference, ResetNetworkInterfaceAttribute."""
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    ec2.reset_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck="true")
    assert show(ec2, interface)["SourceDestCheck"]
    with refused("MissingParameter", "The request must contain the parameter sourceDestCheck"):
        ec2.reset_network_interface_attribute(NetworkInterfaceId=interface)
