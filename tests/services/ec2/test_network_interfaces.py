"""Network interfaces shown and deleted (ec2.md 7.4, 7.6)."""

from __future__ import annotations


def test_filters_of_interfaces(ec2, vpc, subnet, group, interface):
    other = ec2.create_network_interface(SubnetId=subnet, Description="spare")["NetworkInterface"]

    def found(*pairs):
        filters = [
            {"Name": name, "Values": [values] if isinstance(values, str) else values}
            for name, values in pairs
        ]
        answer = ec2.describe_network_interfaces(Filters=filters)
        return {each["NetworkInterfaceId"] for each in answer["NetworkInterfaces"]}

    both = {interface, other["NetworkInterfaceId"]}
    assert both == found(("vpc-id", vpc)) == found(("subnet-id", subnet), ("status", "available"))
    assert {interface} == found(("group-id", group))
    assert {other["NetworkInterfaceId"]} == found(("description", "sp*"))
    assert {other["NetworkInterfaceId"]} == found(("private-ip-address", other["PrivateIpAddress"]))
    assert {other["NetworkInterfaceId"]} == found(("mac-address", other["MacAddress"]))
    assert both == found(("network-interface-id", sorted(both)))
    assert set() == found(("requester-managed", "true"))
    assert set() == found(("attachment.instance-id", "*"))


def test_one_attribute_is_shown(ec2, interface, group):
    def read(attribute):
        return ec2.describe_network_interface_attribute(NetworkInterfaceId=interface, Attribute=attribute)

    assert {"Value": ""} == read("description")["Description"]
    assert [{"GroupId": group, "GroupName": "web"}] == read("groupSet")["Groups"]
    assert {"Value": True} == read("sourceDestCheck")["SourceDestCheck"]
    assert "Attachment" not in read("attachment")


def test_a_deleted_interface_gives_its_address_back(ec2, subnet, refused):
    made = ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.77")["NetworkInterface"]
    id = made["NetworkInterfaceId"]
    ec2.delete_network_interface(NetworkInterfaceId=id)
    with refused("InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{id}' does not exist"):
        ec2.delete_network_interface(NetworkInterfaceId=id)
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.77")


def test_an_id_of_another_kind_is_malformed(ec2, refused):
    with refused("InvalidNetworkInterfaceId.Malformed", 'Invalid id: "if-1" (expecting "eni-...")'):
        ec2.describe_network_interfaces(NetworkInterfaceIds=["if-1"])


def test_pages_of_one_subnets_interfaces(ec2, vpc, subnet):
    other = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    made = sorted(
        ec2.create_network_interface(SubnetId=where)["NetworkInterface"]["NetworkInterfaceId"]
        for where in [subnet] * 7
    )
    ec2.create_network_interface(SubnetId=other)
    filters = [{"Name": "subnet-id", "Values": [subnet]}]
    one = ec2.describe_network_interfaces(Filters=filters, MaxResults=5)
    two = ec2.describe_network_interfaces(Filters=filters, MaxResults=5, NextToken=one["NextToken"])
    assert made == [
        each["NetworkInterfaceId"] for each in one["NetworkInterfaces"] + two["NetworkInterfaces"]
    ]


def test_another_region_sees_nothing_of_a_subnet_it_names(understudy, subnet, interface):
    elsewhere = understudy.client("ec2", region="eu-west-1")
    filters = [{"Name": "subnet-id", "Values": [subnet]}]
    assert [] == elsewhere.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
