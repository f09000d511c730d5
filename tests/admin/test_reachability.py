"""What `understudy reach` is told: hops from records, and calls that let a connection pass when they are made."""

from __future__ import annotations

import shlex
from ipaddress import ip_network

import pytest

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import Reach


@pytest.fixture
def ec2(understudy):
    return understudy.client("ec2")


@pytest.fixture
def site(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    near, far = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]
        for cidr in ("10.0.1.0/24", "10.0.2.0/24")
    )
    app, db = (
        ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
        for name in ("app", "db")
    )
    source, target = (
        ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
        for subnet, group in ((near, app), (far, db))
    )
    return {"vpc": vpc, "near": near, "far": far, "app": app, "db": db, "source": source, "target": target}


def ask(understudy, source, target, **more):
    return understudy.app.admin.answer(Reach(source=source, target=target, **more))


def carry_out(ec2, call: str) -> None:
    """Make a call as the AWS CLI would, through boto3."""
    words = shlex.split(call)
    assert words[:2] == ["aws", "ec2"]
    options = dict(zip(words[3::2], words[4::2], strict=False))
    if words[2].startswith("authorize"):
        shorthand = options["--ip-permissions"]
        fields = dict(each.split("=", 1) for each in shorthand.split(",Ip")[0].split(","))
        cidr = shorthand.rpartition("CidrIp=")[2].rstrip("}]")
        getattr(ec2, words[2].replace("-", "_"))(
            GroupId=options["--group-id"],
            IpPermissions=[
                {
                    "IpProtocol": fields["IpProtocol"], "FromPort": int(fields["FromPort"]),
                    "ToPort": int(fields["ToPort"]), "IpRanges": [{"CidrIp": cidr}],
                }
            ],
        )  # fmt: skip
    elif words[2] == "create-route":
        ec2.create_route(
            RouteTableId=options["--route-table-id"], DestinationCidrBlock=options["--destination-cidr-block"],
            GatewayId=options["--gateway-id"],
        )  # fmt: skip
    else:
        ports = dict(each.split("=") for each in options["--port-range"].split(","))
        ec2.create_network_acl_entry(
            NetworkAclId=options["--network-acl-id"], RuleNumber=int(options["--rule-number"]),
            Protocol=options["--protocol"], CidrBlock=options["--cidr-block"], RuleAction="allow",
            PortRange={key: int(value) for key, value in ports.items()}, Egress="--egress" in words,
        )  # fmt: skip


def test_a_missing_rule_is_named_and_its_call_lets_it_pass(understudy, ec2, site):
    source, target = site["source"], site["target"]
    said = ask(understudy, source["NetworkInterfaceId"], target["NetworkInterfaceId"], port=5432)
    [path] = said["paths"]
    assert not said["passes"]
    assert path["hops"][-1]["at"] == site["db"]
    [call] = path["changes"]
    assert call == (
        f"aws ec2 authorize-security-group-ingress --group-id {site['db']} --ip-permissions "
        f"'IpProtocol=tcp,FromPort=5432,ToPort=5432,IpRanges=[{{CidrIp={source['PrivateIpAddress']}/32}}]'"
    )
    carry_out(ec2, call)
    said = ask(understudy, source["PrivateIpAddress"], target["PrivateIpAddress"], port=5432)
    assert said["passes"]
    assert not said["paths"][0]["attached"]
    assert not ask(understudy, source["PrivateIpAddress"], target["PrivateIpAddress"], port=5433)["passes"]


def test_lists_and_groups_on_both_sides_are_opened_one_after_another(understudy, ec2, site):
    acl = ec2.create_network_acl(VpcId=site["vpc"])["NetworkAcl"]["NetworkAclId"]
    held = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [site["far"]]}])
    [association] = [a for a in held["NetworkAcls"][0]["Associations"] if a["SubnetId"] == site["far"]]
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )
    ec2.revoke_security_group_egress(
        GroupId=site["app"], IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    asked = (site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"])
    [path] = ask(understudy, *asked, port=22)["paths"]
    assert [call.split()[2] for call in path["changes"]] == [
        "authorize-security-group-egress", "create-network-acl-entry",
        "authorize-security-group-ingress", "create-network-acl-entry",
    ]  # fmt: skip
    for call in path["changes"]:
        carry_out(ec2, call)
    assert ask(understudy, *asked, port=22)["passes"]


def test_what_the_ports_of_answers_rest_on_is_said(understudy, ec2, site):
    acl = ec2.create_network_acl(VpcId=site["vpc"])["NetworkAcl"]["NetworkAclId"]
    held = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [site["far"]]}])
    [association] = [a for a in held["NetworkAcls"][0]["Associations"] if a["SubnetId"] == site["far"]]
    asked = (site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"])
    assert ask(understudy, *asked, port=22)["paths"][0]["rests_on"] == "", "no entry is suggested"
    ec2.replace_network_acl_association(
        AssociationId=association["NetworkAclAssociationId"], NetworkAclId=acl
    )
    [path] = ask(understudy, *asked, port=22)["paths"]
    assert "From=32768,To=60999" in path["changes"][-1]
    assert "32768-60999 are those that Linux connects from" in path["rests_on"]
    assert "1024-65535" in path["rests_on"]


@pytest.mark.parametrize("egress", [False, True], ids=["in", "out"])
def test_beside_an_address_stands_the_group_of_who_has_it(understudy, ec2, site, egress):
    """One with fewer members is preferred, so that it opens less; each of both calls lets it pass."""
    end, own, other = ("target", "db", "app") if egress else ("source", "app", "db")
    small = ec2.create_security_group(GroupName="small", Description="small", VpcId=site["vpc"])["GroupId"]
    if egress:
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[everything])
        ec2.revoke_security_group_egress(GroupId=site["app"], IpPermissions=[everything])
    ec2.create_network_interface(SubnetId=site["near"], Groups=[site[own]])
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=site[end]["NetworkInterfaceId"], Groups=[site[own], small]
    )
    asked = (site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"])
    (path,) = ask(understudy, *asked, port=5432)["paths"]
    assert f"CidrIp={site[end]['PrivateIpAddress']}/32" in path["changes"][0]
    way = "egress" if egress else "ingress"
    (call,) = path["alternatives"]
    assert call == (
        f"aws ec2 authorize-security-group-{way} --group-id {site[other]} --ip-permissions "
        f"'IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{{GroupId={small}}}]'"
    )
    permission = {
        "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": small}],
    }  # fmt: skip
    getattr(ec2, f"authorize_security_group_{way}")(GroupId=site[other], IpPermissions=[permission])
    assert ask(understudy, *asked, port=5432)["passes"]


def test_the_way_to_the_internet_is_advised(understudy, ec2, site):
    asked = (site["source"]["NetworkInterfaceId"], "198.18.77.7")
    [path] = ask(understudy, *asked)["paths"]
    assert "has no way there" in path["advice"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=site["vpc"])
    [path] = ask(understudy, *asked)["paths"]
    assert path["advice"].startswith("Route through a NAT gateway")


def test_a_connector_is_asked_for_in_each_of_its_subnets(understudy, ec2, site):
    apprunner = understudy.client("apprunner")
    arn = apprunner.create_vpc_connector(
        VpcConnectorName="web-vpc", Subnets=[site["near"], site["far"]], SecurityGroups=[site["app"]]
    )["VpcConnector"]["VpcConnectorArn"]
    said = ask(understudy, arn, site["target"]["NetworkInterfaceId"], port=5432)
    assert [path["subnet"] for path in said["paths"]] == [site["near"], site["far"]]
    assert not said["passes"]
    ec2.authorize_security_group_ingress(
        GroupId=site["db"],
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 5432,
                "ToPort": 5432,
                "UserIdGroupPairs": [{"GroupId": site["app"]}],
            }
        ],
    )
    assert ask(understudy, arn, site["target"]["NetworkInterfaceId"], port=5432)["passes"]


@pytest.mark.parametrize(
    ("source", "target", "error", "said"),
    [
        ("eni-0", "10.0.0.1", NotFoundError, "There is no interface eni-0 here"),
        ("10.9.9.9", "10.0.0.1", NotFoundError, "There is no interface 10.9.9.9 here"),
        ("web", "10.0.0.1", InvalidRequestError, "'web' is no interface"),
    ],
)
def test_what_is_not_there_is_said_so(understudy, source, target, error, said):
    with pytest.raises(error, match=said):
        ask(understudy, source, target)


def test_an_address_of_several_interfaces_must_be_told_apart(understudy, ec2, site):
    other = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    address = site["source"]["PrivateIpAddress"]
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address)
    with pytest.raises(InvalidRequestError, match=f"Several interfaces have {address}"):
        ask(understudy, address, "10.0.2.9")
    with pytest.raises(InvalidRequestError, match="neither an interface"):
        ask(understudy, site["source"]["NetworkInterfaceId"], "example.com")
    with pytest.raises(InvalidRequestError, match="The protocol is"):
        ask(understudy, site["source"]["NetworkInterfaceId"], "10.0.2.9", protocol="quic")


class TestOfManyInterfaces:
    """A group and a subnet stand for all their interfaces, and what fares alike is told once."""

    @pytest.fixture
    def many(self, ec2, site):
        return [
            ec2.create_network_interface(SubnetId=site["near"], Groups=[site["app"]])["NetworkInterface"]
            for _ in range(2)
        ]

    def test_from_a_group_to_a_group_one_rule_is_suggested_that_names_the_group(
        self, understudy, ec2, site, many
    ):
        said = ask(understudy, site["app"], site["db"], port=5432)
        assert [[0, 1, 2]] == said["alike"]
        assert not said["passes"]
        (call,) = said["paths"][0]["changes"]
        assert call == (
            f"aws ec2 authorize-security-group-ingress --group-id {site['db']} --ip-permissions "
            f"'IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{{GroupId={site['app']}}}]'"
        )
        permission = {
            "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": site["app"]}],
        }  # fmt: skip
        ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[permission])
        said = ask(understudy, site["app"], site["db"], port=5432)
        assert said["passes"]
        assert [[0, 1, 2]] == said["alike"]

    @pytest.mark.parametrize("egress", [False, True], ids=["in", "out"])
    def test_over_ipv6_the_rule_names_the_group_too_and_lets_nobody_else_in(
        self, understudy, ec2, site, egress
    ):
        ec2.associate_vpc_cidr_block(VpcId=site["vpc"], AmazonProvidedIpv6CidrBlock=True)
        (vpc,) = ec2.describe_vpcs(VpcIds=[site["vpc"]])["Vpcs"]
        blocks = ip_network(vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]).subnets(new_prefix=64)
        subnets = [
            ec2.create_subnet(VpcId=site["vpc"], Ipv6CidrBlock=str(next(blocks)), Ipv6Native=True)["Subnet"]
            for _ in range(3)
        ]  # fmt: skip
        other = ec2.create_security_group(GroupName="other", Description="other", VpcId=site["vpc"])[
            "GroupId"
        ]
        groups = [site["app"], site["db"], other]
        interfaces = [
            ec2.create_network_interface(SubnetId=subnet["SubnetId"], Groups=[group], Ipv6AddressCount=1)[
                "NetworkInterface"
            ]["NetworkInterfaceId"]
            for subnet, group in zip(subnets, groups, strict=True)
        ]
        # Those with IPv4 alone would be told apart.
        for each in (site["source"], site["target"]):
            ec2.delete_network_interface(NetworkInterfaceId=each["NetworkInterfaceId"])
        near, far, stranger = interfaces
        # The groups are older than the block, and have no rule for IPv6.
        everywhere = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
        if egress:
            ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[everywhere])
        else:
            ec2.authorize_security_group_egress(GroupId=site["app"], IpPermissions=[everywhere])
        changed, named = (site["app"], site["db"]) if egress else (site["db"], site["app"])
        (path,) = ask(understudy, site["app"], site["db"], port=5432)["paths"]
        way = "egress" if egress else "ingress"
        (call,) = path["changes"]
        assert call == (
            f"aws ec2 authorize-security-group-{way} --group-id {changed} --ip-permissions "
            f"'IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{{GroupId={named}}}]'"
        )
        permission = {
            "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": named}],
        }  # fmt: skip
        getattr(ec2, f"authorize_security_group_{way}")(GroupId=changed, IpPermissions=[permission])
        assert ask(understudy, site["app"], site["db"], port=5432)["passes"]
        assert not ask(understudy, site["app"], site["db"], port=5433)["passes"]
        ends = (near, stranger) if egress else (stranger, far)
        assert not ask(understudy, *ends, port=5432)["passes"]

    def test_from_a_subnet_what_passes_is_told_from_what_does_not(self, understudy, ec2, site, many):
        admitted = many[0]["PrivateIpAddress"]
        permission = {
            "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": f"{admitted}/32"}],
        }  # fmt: skip
        ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[permission])
        said = ask(understudy, site["near"], site["target"]["NetworkInterfaceId"], port=22)
        fates = [{said["paths"][place]["passes"] for place in places} for places in said["alike"]]
        assert sorted(map(len, said["alike"])) == [1, 2]
        assert all(len(fate) == 1 for fate in fates)
        (passing,) = [path for path in said["paths"] if path["passes"]]
        assert admitted == passing["address"]

    def test_a_connector_is_suggested_a_rule_that_holds_for_its_instances(self, understudy, site):
        arn = understudy.client("apprunner").create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=[site["near"]], SecurityGroups=[site["app"]]
        )["VpcConnector"]["VpcConnectorArn"]
        (path,) = ask(understudy, arn, site["target"]["PrivateIpAddress"], port=5432)["paths"]
        assert path["hypothetical"]
        assert f"UserIdGroupPairs=[{{GroupId={site['app']}}}]" in path["changes"][0]

    def test_a_connector_is_not_told_to_take_an_elastic_ip_address(self, understudy, ec2, site):
        """Interfaces of App Runner have no public address; a NAT gateway is their way out."""
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=site["vpc"])
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [site["vpc"]]}])[
            "RouteTables"
        ]
        arn = understudy.client("apprunner").create_vpc_connector(
            VpcConnectorName="web-vpc", Subnets=[site["near"]], SecurityGroups=[site["app"]]
        )["VpcConnector"]["VpcConnectorArn"]
        (path,) = ask(understudy, arn, "8.8.8.8")["paths"]
        assert "NAT gateway" in path["advice"]
        ec2.create_route(
            RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
        )
        (path,) = ask(understudy, arn, "8.8.8.8")["paths"]
        assert f"{site['near']} through a NAT gateway" in path["advice"]
        assert "Elastic" not in path["advice"]

    def test_a_group_without_interfaces_is_nowhere(self, understudy, ec2, site):
        empty = ec2.create_security_group(GroupName="empty", Description="empty", VpcId=site["vpc"])[
            "GroupId"
        ]
        with pytest.raises(NotFoundError, match=f"There is no interface in {empty}"):
            ask(understudy, empty, site["db"])
        source = site["source"]["NetworkInterfaceId"]
        with pytest.raises(InvalidRequestError, match="are one interface"):
            ask(understudy, source, site["app"])


def test_a_range_of_ports_is_told_by_what_becomes_of_its_parts(understudy, ec2, site):
    for first, last in ((8000, 8010), (8011, 8020)):
        permission = {
            "IpProtocol": "tcp",
            "FromPort": first,
            "ToPort": last,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
        }
        ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[permission])
    ends = (site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"])

    def parts(first: int, last: int):
        said = ask(understudy, *ends, port=first, last_port=last)
        return [(path["ports"], path["passes"]) for path in said["paths"]]

    assert parts(8000, 8020) == [([8000, 8020], True)]
    assert parts(7990, 8030) == [([7990, 7999], False), ([8000, 8020], True), ([8021, 8030], False)]
    assert parts(8001, 8002) == [([8001, 8002], True)]
    with pytest.raises(InvalidRequestError, match="ends where it begins or after"):
        ask(understudy, *ends, port=2, last_port=1)


def test_ping_passes_by_a_rule_for_its_type(understudy, ec2, site):
    ends = (site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"])
    (path,) = ask(understudy, *ends, protocol="icmp")["paths"]
    assert path["ports"] is None
    assert "IpProtocol=icmp,FromPort=8,ToPort=-1" in path["changes"][0]
    permission = {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=site["db"], IpPermissions=[permission])
    assert ask(understudy, *ends, protocol="icmp")["passes"]
    assert not ask(understudy, *ends, protocol="udp")["passes"]


def test_a_port_of_a_protocol_without_ports_is_refused(understudy, site):
    ends = site["source"]["NetworkInterfaceId"], site["target"]["NetworkInterfaceId"]
    for protocol in ("icmp", "icmpv6", "47"):
        with pytest.raises(InvalidRequestError, match=rf"with --protocol {protocol} no port can be named"):
            ask(understudy, *ends, protocol=protocol, port=80)
        assert ask(understudy, *ends, protocol=protocol)["port"] is None
    for protocol in ("tcp", "udp", "6"):
        assert ask(understudy, *ends, protocol=protocol)["port"] == 443


def test_nothing_is_reached_through_a_vpc_connector(understudy, site):
    made = understudy.client("apprunner").create_vpc_connector(
        VpcConnectorName="main", Subnets=[site["near"]], SecurityGroups=[site["app"]]
    )
    arn = made["VpcConnector"]["VpcConnectorArn"]
    with pytest.raises(InvalidRequestError, match="its interfaces begin connections and accept none"):
        ask(understudy, site["target"]["NetworkInterfaceId"], arn)


class TestFromTheInternet:
    """A public address as FROM comes in by the internet gateway of the VPC that has the destination."""

    @pytest.fixture
    def public(self, ec2, site) -> dict:
        """The target with an Elastic IP address, and everything open but its group."""
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=site["vpc"])
        address = ec2.allocate_address(Domain="vpc")
        ec2.associate_address(
            AllocationId=address["AllocationId"], NetworkInterfaceId=site["target"]["NetworkInterfaceId"]
        )
        (table,) = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [site["vpc"]]}])[
            "RouteTables"
        ]
        return {**site, "gateway": gateway, "ip": address["PublicIp"], "table": table["RouteTableId"]}

    def test_it_needs_a_rule_and_a_route_for_the_answer(self, understudy, ec2, public):
        (path,) = ask(understudy, "203.0.113.9", public["ip"], port=443)["paths"]
        assert (path["from"], path["address"]) == ("internet", "203.0.113.9")
        assert path["hops"][0]["at"] == public["gateway"]
        assert not path["passes"]
        assert [call.split()[2] for call in path["changes"]] == [
            "authorize-security-group-ingress", "create-route",
        ]  # fmt: skip
        assert "CidrIp=203.0.113.9/32" in path["changes"][0]
        for call in path["changes"]:
            carry_out(ec2, call)
        assert ask(understudy, "203.0.113.9", public["ip"], port=443)["passes"]
        assert not ask(understudy, "203.0.113.10", public["ip"], port=443)["passes"]

    def test_an_interface_stands_for_its_public_address(self, understudy, public):
        (path,) = ask(understudy, "203.0.113.9", public["target"]["NetworkInterfaceId"])["paths"]
        assert path["to"] == public["ip"]
        (path,) = ask(understudy, public["ip"], public["source"]["NetworkInterfaceId"])["paths"]
        assert path["from"] == public["target"]["NetworkInterfaceId"], (
            "an Elastic IP address is an interface's"
        )

    def test_a_private_address_is_not_reached(self, understudy, public):
        (path,) = ask(understudy, "203.0.113.9", public["target"]["PrivateIpAddress"])["paths"]
        assert not path["passes"]
        assert path["advice"] == f"Connect to {public['ip']}."
        (path,) = ask(understudy, "203.0.113.9", public["source"]["NetworkInterfaceId"])["paths"]
        assert "Associate an Elastic IP address" in path["advice"]

    def test_both_ends_on_the_internet_are_none_of_the_network_s(self, understudy, public):
        with pytest.raises(InvalidRequestError, match="both are on the internet"):
            ask(understudy, "203.0.113.9", "203.0.113.10")


class TestFromAService:
    """A service stands for its instances, or for the next one where none runs; it is known as `status` knows it."""

    @pytest.fixture
    def apprunner(self, understudy):
        return understudy.client("apprunner")

    @staticmethod
    def create(apprunner, name: str, **egress) -> str:
        made = apprunner.create_service(
            ServiceName=name,
            SourceConfiguration={
                "ImageRepository": {
                    "ImageIdentifier": "public.ecr.aws/nginx/nginx:latest", "ImageRepositoryType": "ECR_PUBLIC",
                }
            },
            **({"NetworkConfiguration": {"EgressConfiguration": egress}} if egress else {}),
        )  # fmt: skip
        return made["Service"]["ServiceArn"]

    def test_with_a_connector_it_begins_in_each_of_its_subnets(self, understudy, site, apprunner):
        connector = apprunner.create_vpc_connector(
            VpcConnectorName="main", Subnets=[site["near"], site["far"]], SecurityGroups=[site["app"]]
        )["VpcConnector"]["VpcConnectorArn"]
        arn = self.create(apprunner, "shop", EgressType="VPC", VpcConnectorArn=connector)
        for named in ("shop", arn):
            said = ask(understudy, named, site["target"]["PrivateIpAddress"], port=5432)
            assert [path["subnet"] for path in said["paths"]] == [site["near"], site["far"]]
            assert f"UserIdGroupPairs=[{{GroupId={site['app']}}}]" in said["paths"][0]["changes"][0]

    def test_without_one_it_reaches_apis_and_no_private_address(self, understudy, site, apprunner):
        self.create(apprunner, "shop")
        (path,) = ask(understudy, "shop", "aws:sts")["paths"]
        assert (path["passes"], path["subnet"], path["hypothetical"]) == (True, "subnet-apprunner", True)
        (path,) = ask(understudy, "shop", site["target"]["PrivateIpAddress"], port=5432)["paths"]
        assert not path["passes"]
        assert "has no VPC connector" in path["hops"][-1]["why"]
        assert "update-service" in path["advice"]

    def test_its_instance_is_told_its_credentials(self, understudy, apprunner):
        self.create(apprunner, "shop")
        assert ask(understudy, "shop", "169.254.170.2", port=80)["passes"]

    def test_it_is_not_what_connections_go_to(self, understudy, site, apprunner):
        self.create(apprunner, "shop")
        with pytest.raises(InvalidRequestError, match="requests come to it by its URL"):
            ask(understudy, site["source"]["NetworkInterfaceId"], "shop")
        with pytest.raises(InvalidRequestError, match="name an address"):
            ask(understudy, site["source"]["NetworkInterfaceId"], "db.example.com")
