"""The main route table, described."""

from __future__ import annotations


def test_filters_of_route_tables(ec2, vpc):
    def found(name, value):
        answer = ec2.describe_route_tables(Filters=[{"Name": name, "Values": [value]}])
        return [table["VpcId"] for table in answer["RouteTables"]]

    assert [vpc] == found("vpc-id", vpc) == found("route.destination-cidr-block", "10.0.0.0/16")
    assert 2 == len(found("association.main", "true"))
    assert [] == found("association.subnet-id", "*")


def test_an_unknown_table_is_not_found(ec2, refused):
    with refused("InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-0123456789abcdef0' does not exist"):
        ec2.describe_route_tables(RouteTableIds=["rtb-0123456789abcdef0"])
