"""Route tables, their routes and associations (VPC user guide, "Route tables"; texts: ec2.md 7.8)."""

from __future__ import annotations

import pytest


def table_of(ec2, id):
    (table,) = ec2.describe_route_tables(RouteTableIds=[id])["RouteTables"]
    return table


def routes_of(ec2, id):
    return {
        route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"]: (
            route.get("GatewayId") or route.get("NetworkInterfaceId"),
            route["State"],
        )
        for route in table_of(ec2, id)["Routes"]
    }


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def gateway(ec2, vpc):
    made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=vpc)
    return made


def main_of(ec2, vpc):
    filters = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return table


class TestTables:
    def test_a_new_table_has_the_local_route_and_its_tags(self, ec2, vpc, understudy):
        made = ec2.create_route_table(
            VpcId=vpc,
            TagSpecifications=[
                {"ResourceType": "route-table", "Tags": [{"Key": "tier", "Value": "private"}]}
            ],
        )["RouteTable"]
        assert [
            {
                "DestinationCidrBlock": "10.0.0.0/16",
                "GatewayId": "local",
                "Origin": "CreateRouteTable",
                "State": "active",
            }
        ] == made["Routes"]
        assert ([], vpc, understudy.account) == (made["Associations"], made["VpcId"], made["OwnerId"])
        assert made == table_of(ec2, made["RouteTableId"])
        found = ec2.describe_route_tables(Filters=[{"Name": "tag:tier", "Values": ["private"]}])[
            "RouteTables"
        ]
        assert [made] == found

    def test_a_token_makes_one_table(self, ec2, vpc):
        first, second = (
            ec2.create_route_table(VpcId=vpc, ClientToken="once")["RouteTable"]["RouteTableId"]
            for _ in range(2)
        )
        assert first == second

    def test_a_table_goes_when_nothing_is_associated_with_it(self, ec2, table, subnet, refused):
        association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        with refused(
            "DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted."
        ):
            ec2.delete_route_table(RouteTableId=table)
        ec2.disassociate_route_table(AssociationId=association)
        ec2.delete_route_table(RouteTableId=table)
        with refused("InvalidRouteTableID.NotFound"):
            table_of(ec2, table)

    def test_the_main_table_stays(self, ec2, vpc, refused):
        main = main_of(ec2, vpc)
        with refused("DependencyViolation"):
            ec2.delete_route_table(RouteTableId=main["RouteTableId"])
        (association,) = main["Associations"]
        id = association["RouteTableAssociationId"]
        with refused("InvalidParameterValue", f"cannot disassociate the main route table association {id}"):
            ec2.disassociate_route_table(AssociationId=id)

    def test_a_table_of_its_own_keeps_the_vpc(self, ec2, vpc, table, refused):
        with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
            ec2.delete_vpc(VpcId=vpc)
        ec2.delete_route_table(RouteTableId=table)
        ec2.delete_vpc(VpcId=vpc)

    def test_filters_of_route_tables(self, ec2, vpc):
        def found(name, value):
            answer = ec2.describe_route_tables(Filters=[{"Name": name, "Values": [value]}])
            return [table["VpcId"] for table in answer["RouteTables"]]

        assert [vpc] == found("vpc-id", vpc) == found("route.destination-cidr-block", "10.0.0.0/16")
        assert 2 == len(found("association.main", "true"))
        assert [] == found("association.subnet-id", "*")

    def test_an_unknown_table_is_not_found(self, ec2, refused):
        with refused(
            "InvalidRouteTableID.NotFound", "The routeTable ID 'rtb-0123456789abcdef0' does not exist"
        ):
            ec2.describe_route_tables(RouteTableIds=["rtb-0123456789abcdef0"])


class TestAssociations:
    def test_a_subnet_has_one_table(self, ec2, vpc, table, subnet, refused):
        answer = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        assert "associated" == answer["AssociationState"]["State"]
        (shown,) = table_of(ec2, table)["Associations"]
        assert {
            "Main": False,
            "RouteTableAssociationId": answer["AssociationId"],
            "RouteTableId": table,
            "SubnetId": subnet,
            "AssociationState": {"State": "associated"},
        } == shown
        other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        with refused(
            "Resource.AlreadyAssociated",
            f"the specified association for route table {other} conflicts with an existing association",
        ):
            ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)
        again = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        assert answer["AssociationId"] == again["AssociationId"]
        for name, value in (("subnet-id", subnet), ("main", "false"), ("route-table-id", table)):
            filters = [{"Name": f"association.{name}", "Values": [value]}]
            assert [table] == [
                each["RouteTableId"] for each in ec2.describe_route_tables(Filters=filters)["RouteTables"]
            ]

    def test_another_table_takes_a_subnet_over(self, ec2, vpc, table, subnet):
        old = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
        other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        new = ec2.replace_route_table_association(AssociationId=old, RouteTableId=other)["NewAssociationId"]
        assert new != old
        assert [] == table_of(ec2, table)["Associations"]
        (shown,) = table_of(ec2, other)["Associations"]
        assert (new, subnet) == (shown["RouteTableAssociationId"], shown["SubnetId"])

    def test_another_table_becomes_the_main_one(self, ec2, vpc, table):
        """Terraform's aws_main_route_table_association does this, and puts the old table back in the end."""
        main = main_of(ec2, vpc)
        (association,) = main["Associations"]
        new = ec2.replace_route_table_association(
            AssociationId=association["RouteTableAssociationId"], RouteTableId=table
        )["NewAssociationId"]
        assert table == main_of(ec2, vpc)["RouteTableId"]
        assert [] == table_of(ec2, main["RouteTableId"])["Associations"]
        ec2.replace_route_table_association(AssociationId=new, RouteTableId=main["RouteTableId"])
        ec2.delete_route_table(RouteTableId=table)
        ec2.delete_vpc(VpcId=vpc)

    def test_table_and_subnet_are_of_one_vpc(self, ec2, table, refused):
        theirs = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        with refused(
            "InvalidParameterValue", f"Route table {table} and subnet {theirs} belong to different networks"
        ):
            ec2.associate_route_table(RouteTableId=table, SubnetId=theirs)

    def test_an_association_goes_with_its_subnet(self, ec2, table, subnet):
        ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        ec2.delete_subnet(SubnetId=subnet)
        assert [] == table_of(ec2, table)["Associations"]

    def test_a_gateway_may_have_a_table(self, ec2, vpc, table, gateway):
        """VPC user guide, "Gateway route tables": traffic that comes in may be sent through an appliance."""
        ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)
        (shown,) = table_of(ec2, table)["Associations"]
        assert gateway == shown["GatewayId"]
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        assert [] == table_of(ec2, table)["Associations"]

    @pytest.mark.parametrize("operation", ["disassociate_route_table", "replace_route_table_association"])
    def test_an_unknown_association_is_not_found(self, ec2, table, refused, operation):
        more = {"RouteTableId": table} if operation.startswith("replace") else {}
        missing = "rtbassoc-0123456789abcdef0"
        with refused("InvalidAssociationID.NotFound", f"The association ID '{missing}' does not exist"):
            getattr(ec2, operation)(AssociationId=missing, **more)

    def test_subnet_or_gateway(self, ec2, table, subnet, gateway, refused):
        with refused("MissingParameter"):
            ec2.associate_route_table(RouteTableId=table)
        with refused("InvalidParameterCombination"):
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnet, GatewayId=gateway)


class TestRoutes:
    def test_routes_are_made_replaced_and_deleted(self, ec2, table, subnet, gateway):
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)[
            "Return"
        ]
        ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
        assert {
            "10.0.0.0/16": ("local", "active"),
            "0.0.0.0/0": (gateway, "active"),
            "::/0": (gateway, "active"),
        } == routes_of(ec2, table)
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=interface)
        assert (interface, "active") == routes_of(ec2, table)["0.0.0.0/0"]
        ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
        assert {"10.0.0.0/16", "0.0.0.0/0"} == set(routes_of(ec2, table))

    def test_host_bits_are_cleared(self, ec2, table, gateway):
        """API reference, CreateRoute: 100.68.0.18/18 becomes 100.68.0.0/18."""
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="100.68.0.18/18", GatewayId=gateway)
        assert "100.68.0.0/18" in routes_of(ec2, table)
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="100.68.0.0/18")

    @pytest.mark.parametrize("destination", ["0.0.0.0/0", "10.0.0.0/16"])
    def test_a_destination_has_one_route(self, ec2, table, gateway, refused, destination):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        with refused("RouteAlreadyExists", f"The route identified by {destination} already exists."):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock=destination, GatewayId=gateway)

    def test_only_an_appliance_stands_between_subnets(self, ec2, table, subnet, gateway, refused):
        with refused(
            "InvalidParameterValue",
            "The destination CIDR block 10.0.1.0/24 is equal to or more specific than one of this VPC's CIDR "
            "blocks. This route can target only an interface or an instance.",
        ):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.1.0/24", GatewayId=gateway)
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.1.0/24", NetworkInterfaceId=interface)
        ec2.replace_route(
            RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", NetworkInterfaceId=interface
        )
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", LocalTarget=True)
        assert ("local", "active") == routes_of(ec2, table)["10.0.0.0/16"]

    def test_only_local_routes_are_made_local_again(self, ec2, table, gateway, refused):
        """API reference, ReplaceRoute: LocalTarget resets the local route to its default target."""
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        with refused("InvalidParameterValue"):
            ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", LocalTarget=True)
        assert (gateway, "active") == routes_of(ec2, table)["0.0.0.0/0"]

    def test_the_local_route_stays(self, ec2, table, refused):
        with refused(
            "InvalidParameterValue", f"cannot remove local route 10.0.0.0/16 in route table {table}"
        ):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")

    def test_a_route_that_is_not_there(self, ec2, table, gateway, refused):
        text = f"no route with destination-cidr-block 10.9.0.0/16 in route table {table}"
        with refused("InvalidRoute.NotFound", text):
            ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.9.0.0/16")
        with refused(
            "InvalidParameterValue",
            "There is no route defined for '10.9.0.0/16' in the route table. Use CreateRoute instead.",
        ):
            ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.9.0.0/16", GatewayId=gateway)

    def test_a_gateway_takes_packets_of_its_own_vpc(self, ec2, table, refused):
        loose = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        with refused(
            "InvalidParameterValue",
            f"route table {table} and network gateway {loose} belong to different networks",
        ):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=loose)

    @pytest.mark.parametrize(
        ("member", "id", "code"),
        [
            ("GatewayId", "igw-0123456789abcdef0", "InvalidInternetGatewayID.NotFound"),
            ("GatewayId", "nat-0123456789abcdef0", "InvalidGatewayID.NotFound"),
            ("GatewayId", "local", "InvalidGatewayID.NotFound"),
            ("NatGatewayId", "nat-0123456789abcdef0", "InvalidNatGatewayID.NotFound"),
            ("NetworkInterfaceId", "eni-0123456789abcdef0", "InvalidNetworkInterfaceID.NotFound"),
            ("InstanceId", "i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
            ("TransitGatewayId", "tgw-0123456789abcdef0", "InvalidTransitGatewayID.NotFound"),
            ("VpcEndpointId", "vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound"),
            ("VpcPeeringConnectionId", "pcx-0123456789abcdef0", "InvalidVpcPeeringConnectionID.NotFound"),
        ],
    )
    def test_a_target_that_is_not_there(self, ec2, table, refused, member, id, code):
        with refused(code) as told:
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **{member: id})
        assert f"ID '{id}' does not exist".lower() in told.text.lower()

    def test_one_destination_and_one_target(self, ec2, table, gateway, subnet, refused):
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        with refused("MissingParameter"):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
        with refused("MissingParameter"):
            ec2.create_route(RouteTableId=table, GatewayId=gateway)
        with refused("InvalidParameterCombination"):
            ec2.create_route(
                RouteTableId=table,
                DestinationCidrBlock="0.0.0.0/0",
                GatewayId=gateway,
                NetworkInterfaceId=interface,
            )
        with refused(
            "InvalidParameterValue",
            "Value (everywhere) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.",
        ):
            ec2.create_route(RouteTableId=table, DestinationCidrBlock="everywhere", GatewayId=gateway)

    def test_a_route_is_a_black_hole_while_its_target_is_away(self, ec2, vpc, table, subnet, gateway):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="192.168.0.0/16", NetworkInterfaceId=interface
        )
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        ec2.delete_network_interface(NetworkInterfaceId=interface)
        states = dict(routes_of(ec2, table).values())
        assert {"local": "active", gateway: "blackhole", interface: "blackhole"} == states
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        assert (gateway, "active") == routes_of(ec2, table)["0.0.0.0/0"]
