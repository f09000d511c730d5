"""Gateway endpoints and their routes (vpc-endpoints.md 15.2; texts: 15.3)."""

from __future__ import annotations

import pytest

from understudy_aws.services.ec2.vpc_endpoints import creation

S3, DYNAMODB = "pl-63a5400a", "pl-02cd2c6b"
DEFAULT_POLICY = (
    '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}'
)


def test_it_is_a_route_to_the_services_prefix_list(ec2, vpc, table, make, shown, routes):
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])
    assert "available" == made["VpcEndpoint"]["State"]
    s3 = made["VpcEndpoint"]["VpcEndpointId"]
    found = shown(s3)
    assert ("Gateway", [table], [], [], [], DEFAULT_POLICY) == (
        found["VpcEndpointType"],
        found["RouteTableIds"],
        found["SubnetIds"],
        found["NetworkInterfaceIds"],
        found["DnsEntries"],
        found["PolicyDocument"],
    )
    assert not found["PrivateDnsEnabled"]
    dynamodb = make("dynamodb", "Gateway", RouteTableIds=[table])
    assert [(S3, s3), (DYNAMODB, dynamodb)] == routes(table)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[s3])
    assert [(DYNAMODB, dynamodb)] == routes(table)


def test_tables_come_and_go(ec2, vpc, table, make, shown, routes):
    id = make("s3", "Gateway")
    main = ec2.describe_route_tables(Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}])  # fmt: skip
    main = main["RouteTables"][0]["RouteTableId"]
    ec2.modify_vpc_endpoint(VpcEndpointId=id, AddRouteTableIds=[table, main])
    assert [table, main] == shown(id)["RouteTableIds"]
    assert [(S3, id)] == routes(table) == routes(main)
    ec2.modify_vpc_endpoint(VpcEndpointId=id, RemoveRouteTableIds=[table])
    assert ([main], []) == (shown(id)["RouteTableIds"], routes(table))


def test_a_table_has_one_route_to_a_list(ec2, table, make, shown, routes, refused):
    first = make("s3", "Gateway", RouteTableIds=[table])
    text = f"route table {table} already has a route with destination-prefix-list-id {S3}"
    with refused("RouteAlreadyExists", text):
        make("s3", "Gateway", RouteTableIds=[table])
    second = make("s3", "Gateway")
    for id in (first, second):
        with refused("RouteAlreadyExists", text):
            ec2.modify_vpc_endpoint(VpcEndpointId=id, AddRouteTableIds=[table])
    assert [(S3, first)] == routes(table)
    assert [] == shown(second)["RouteTableIds"]


def test_its_route_is_changed_with_the_endpoint_alone(ec2, vpc, table, make, routes, refused):
    id = make("s3", "Gateway", RouteTableIds=[table])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    route = {"RouteTableId": table, "DestinationPrefixListId": S3}
    text = f"cannot remove VPC endpoint route {S3} in route table {table}"
    with refused("InvalidParameterValue", text):
        ec2.delete_route(**route)
    with refused("InvalidParameterValue"):
        ec2.replace_route(**route, GatewayId=gateway)
    with refused("RouteAlreadyExists"):
        ec2.create_route(**route, GatewayId=gateway)
    with refused("InvalidParameterValue"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", VpcEndpointId=id)
    assert [(S3, id)] == routes(table)


def test_a_route_table_is_deleted_all_the_same(ec2, table, make, shown, refused):
    """hashicorp/terraform-provider-aws#26502: it is the endpoint's change afterwards that fails."""
    id = make("s3", "Gateway", RouteTableIds=[table])
    ec2.delete_route_table(RouteTableId=table)
    assert [] == shown(id)["RouteTableIds"]
    with refused("InvalidRouteTableId.NotFound", f"The routeTable ID '{table}' does not exist"):
        ec2.modify_vpc_endpoint(VpcEndpointId=id, RemoveRouteTableIds=[table])


def test_it_keeps_its_vpc(ec2, vpc, make, refused):
    id = make("s3", "Gateway")
    with refused("DependencyViolation", f"The vpc '{vpc}' has dependencies and cannot be deleted."):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[id])
    ec2.delete_vpc(VpcId=vpc)


class TestTypes:
    """What one type of endpoint has another has not."""

    @pytest.mark.parametrize(
        ("kind", "service", "available"),
        [("Gateway", "ssm", "Interface"), ("GatewayLoadBalancer", "sts", "Interface")],
    )
    def test_the_service_has_endpoints_of_another_type(self, make, refused, kind, service, available):
        """hashicorp/terraform#24478."""
        text = f"Endpoint type ({kind}) does not match available service types ([{available}])."
        with refused("InvalidParameter", text):
            make(service, kind)

    def test_a_service_that_does_not_exist(self, make, refused):
        """terraform-aws-modules/terraform-aws-vpc#481."""
        text = "The Vpc Endpoint Service 'com.amazonaws.us-east-1.nothing' does not exist"
        for kind in ("Gateway", "Interface", "GatewayLoadBalancer"):
            with refused("InvalidServiceName", text):
                make("nothing", kind)

    @pytest.mark.parametrize("kind", ["Resource", "ServiceNetwork"])
    def test_types_that_are_not_here_are_refused_plainly(self, make, refused, kind):
        text = f"Understudy does not support VPC endpoints of the type {kind} yet."
        with refused("UnsupportedOperation", text):
            make("s3", kind)

    def test_members_of_the_other_type(self, ec2, make, subnets, group, table, refused):
        """ansible-collections/amazon.aws#576."""
        tables = "Route table IDs are only supported for Gateway type VPC Endpoint."
        addressed = "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."
        with refused("InvalidParameter", tables):
            make("sts", RouteTableIds=[table])
        with refused("InvalidParameter", addressed):
            make("s3", "Gateway", SubnetIds=subnets)
        with refused("InvalidParameter"):
            make("s3", "Gateway", SecurityGroupIds=[group])
        with refused("InvalidParameter"):
            make("s3", "Gateway", PrivateDnsEnabled=True)
        gateway, interface = make("s3", "Gateway"), make("sts")
        with refused("InvalidParameter", tables):
            ec2.modify_vpc_endpoint(VpcEndpointId=interface, AddRouteTableIds=[table])
        with refused("InvalidParameter", addressed):
            ec2.modify_vpc_endpoint(VpcEndpointId=gateway, AddSubnetIds=subnets[:1])

    def test_what_is_of_another_vpc(self, ec2, make, refused):
        other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(VpcId=other, GroupName="a", Description="a")["GroupId"]
        table = ec2.create_route_table(VpcId=other)["RouteTable"]["RouteTableId"]
        for service, kind, params in (
            ("sts", "Interface", {"SubnetIds": [subnet]}),
            ("sts", "Interface", {"SecurityGroupIds": [group]}),
            ("s3", "Gateway", {"RouteTableIds": [table]}),
        ):
            with refused("InvalidParameter"):
                make(service, kind, **params)


@pytest.mark.parametrize(
    ("kind", "service", "quota"),
    [("Gateway", "s3", "GATEWAYS_PER_VPC"), ("Interface", "sts", "INTERFACE_ENDPOINTS_PER_VPC")],
)
def test_a_vpc_has_so_many(monkeypatch, make, refused, kind, service, quota):
    monkeypatch.setattr(creation, quota, 2)
    for _ in range(2):
        make(service, kind, PrivateDnsEnabled=False)
    with refused("VpcEndpointLimitExceeded"):
        make(service, kind, PrivateDnsEnabled=False)
