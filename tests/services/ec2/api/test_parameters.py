"""Parameters of one kind are read alike by every operation served: found by the API description, not by example.

An operation that is served from now on is tried here too, so that it cannot read such a parameter in a way of its own.
"""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from botocore.exceptions import ClientError
from samples import valid

from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.services.ec2.api.identifiers import ID_KINDS
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import camel, snake

EC2 = load("ec2")
SERVED = sorted(each.action[4:] for each in Registry(SERVICES) if each.action.startswith("ec2:"))
RULE = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1}


# What a call takes besides the members that its description requires.
NEEDED = {
    "AssociateRouteTable": ["SubnetId"],
    "CreateNatGateway": ["SubnetId"],
    "CreateNetworkInsightsPath": ["Destination"],
    "CreateVpcBlockPublicAccessExclusion": ["VpcId"],
    "CreateVpcPeeringConnection": ["PeerVpcId"],
    "UnassignIpv6Addresses": ["Ipv6Addresses"],
    "UnassignPrivateIpAddresses": ["PrivateIpAddresses"],
    **{
        f"{verb}SecurityGroup{way}": ["GroupId"]
        for verb in ("Authorize", "Revoke")
        for way in ("Ingress", "Egress")
    },
    **{f"UpdateSecurityGroupRuleDescriptions{way}": ["GroupId"] for way in ("Ingress", "Egress")},
}
NEEDED_TEXTS = {
    "AssignIpv6Addresses": {"Ipv6AddressCount": 1},
    "AssignPrivateIpAddresses": {"SecondaryPrivateIpAddressCount": 1},
    "CreateNetworkInterfacePermission": {"AwsAccountId": "111122223333", "Permission": "INSTANCE-ATTACH"},
    "CreateDhcpOptions": {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["a.test"]}]},
    "CreateFlowLogs": {
        "LogDestination": "arn:aws:s3:::bucket",
        "LogDestinationType": "s3",
        "ResourceType": "VPC",
        "TrafficType": "ALL",
    },
    "CreateNatGateway": {"ConnectivityType": "private"},
    "CreateNetworkInsightsPath": {"Protocol": "tcp"},
    "AssociateSubnetCidrBlock": {"Ipv6CidrBlock": "2001:db8::/64"},
    "AssociateVpcCidrBlock": {"CidrBlock": "10.3.0.0/16"},
    "CreateDefaultSubnet": {"AvailabilityZone": "us-east-1a"},
    "CreateSubnetCidrReservation": {"Cidr": "10.0.1.16/28", "ReservationType": "explicit"},
    "CreateVpcBlockPublicAccessExclusion": {"InternetGatewayExclusionMode": "allow-egress"},
    "CreateManagedPrefixList": {"AddressFamily": "IPv4", "MaxEntries": 5},
    "CreateSubnet": {"CidrBlock": "10.0.9.0/24"},
    "CreateVpcEndpoint": {"ServiceName": "com.amazonaws.us-east-1.s3"},
    "CreateVpc": {"CidrBlock": "10.0.0.0/16"},
    "ModifyVpcPeeringConnectionOptions": {
        "RequesterPeeringConnectionOptions": {"AllowDnsResolutionFromRemoteVpc": False}
    },
    "DescribeAddressesAttribute": {"Attribute": "domain-name"},
    "EnableAddressTransfer": {"TransferAccountId": "111122223333"},
    "ResetAddressAttribute": {"Attribute": "domain-name"},
    **{
        f"{verb}SecurityGroup{way}": {"IpPermissions": [{**RULE, "IpRanges": [{"CidrIp": "10.9.0.0/16"}]}]}
        for verb in ("Authorize", "Revoke")
        for way in ("Ingress", "Egress")
    },
}


@pytest.fixture(scope="module")
def place():
    """A client, and what there is by the name of the member that names it."""
    with Understudy() as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
        rule = ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{**RULE, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
        )
        interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        options = [{"Key": "domain-name", "Values": ["a.test"]}]
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]
        acl = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"][0]
        gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]
        peer = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        path = ec2.create_network_insights_path(
            Source=interface["NetworkInterfaceId"],
            Destination=interface["NetworkInterfaceId"],
            Protocol="tcp",
        )["NetworkInsightsPath"]
        peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering["VpcPeeringConnectionId"])
        yield ec2, {
            "VpcId": vpc,
            "PeerVpcId": peer,
            "Source": interface["NetworkInterfaceId"],
            "Destination": interface["NetworkInterfaceId"],
            "NetworkInsightsPathId": path["NetworkInsightsPathId"],
            "NetworkInsightsAnalysisId": ec2.start_network_insights_analysis(
                NetworkInsightsPathId=path["NetworkInsightsPathId"]
            )["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"],
            "ResourceIds": [vpc],
            "PrefixListId": ec2.create_managed_prefix_list(
                PrefixListName="lan", MaxEntries=5, AddressFamily="IPv4"
            )["PrefixList"]["PrefixListId"],
            "VpcPeeringConnectionId": peering["VpcPeeringConnectionId"],
            "SubnetId": subnet,
            "GroupId": group,
            "NetworkInterfaceId": interface["NetworkInterfaceId"],
            "RouteTableId": table["RouteTableId"],
            "NetworkAclId": acl["NetworkAclId"],
            "InternetGatewayId": ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
            "DhcpOptionsId": ec2.create_dhcp_options(DhcpConfigurations=options)["DhcpOptions"]["DhcpOptionsId"],
            "SecurityGroupRuleId": rule["SecurityGroupRules"][0]["SecurityGroupRuleId"],
            "AllocationIds": [ec2.allocate_address()["AllocationId"]],
            "NatGatewayId": gateway["NatGatewayId"],
            "VpcEndpointId": ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3")[
                "VpcEndpoint"
            ]["VpcEndpointId"],
            "AssociationId": table["Associations"][0]["RouteTableAssociationId"],
            "PrivateIpAddresses": ["10.0.1.77"], "Ipv6Addresses": ["2001:db8::77"],
            "IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Protocol": "6", "RuleNumber": 7, "Egress": False,
            "RuleAction": "allow", "PortRange": {"From": 1, "To": 1},
        }  # fmt: skip


def filled(place, operation, **extra):
    """The least that a call takes, with what is there for the members that name it."""
    beside = {name: place[1][name] for name in NEEDED.get(operation.name, ())} | NEEDED_TEXTS.get(
        operation.name, {}
    )
    return {
        **{name: place[1].get(name, value) for name, value in valid(operation.input).items()},
        **beside,
        **extra,
    }


def refusal(place, name, params):
    try:
        getattr(place[0], snake(name))(**params)
    except ClientError as error:
        found = error.response["Error"]
        return found["Code"], found["Message"]
    return "ok", ""


def paths(shape, want, path=(), depth=0):
    """Every way down to a text whose name is wanted."""
    if depth > 6:
        return
    for name, member in shape.members.items() if shape.type == "structure" else ():
        inner = member.shape
        here = (*path, name)
        while inner.type == "list":
            inner, here = inner.element.shape, (*here, "[]")
        if inner.type == "string" and want(name):
            yield here
        yield from paths(inner, want, here, depth + 1)


def put(place, shape, path, value):
    """A value at the end of a path, with what must stand beside it on the way down."""
    if not path:
        return value
    if path[0] == "[]":
        return [put(place, shape.element.shape, path[1:], value)]
    # A rule stands in a structure of its own, or in the request that names one block itself.
    of_rule = path[0].startswith(("Cidr", "IpRanges", "Ipv6Ranges"))
    beside = {name: value for name, value in RULE.items() if of_rule and name in shape.members}
    below = put(place, shape.members[path[0]].shape, path[1:], value)
    return {**beside, **{name: place[1][name] for name in shape.required if name in place[1]}, path[0]: below}


def with_value(place, operation, path, value):
    filling = filled(place, operation)
    if path[0].startswith("Cidr"):
        filling.pop("IpPermissions", None)
    return {**filling, **put(place, operation.input, path, value)}


def cases(want):
    for name in SERVED:
        operation = EC2.operation(name)
        if operation.input is not None:
            for path in paths(operation.input, want):
                yield pytest.param(operation, path, id=f"{name}-{'.'.join(path)}")


ADDRESSES = list(cases(lambda name: re.fullmatch(r"\w*PrivateIpAddress(es)?", name)))
BLOCKS = list(cases(lambda name: re.fullmatch(r"\w*Cidr(Block|Ip|Ipv4|Ipv6)?|Cidr\w*", name)))


def test_there_are_such_parameters():
    assert len(ADDRESSES) >= 10
    assert len(BLOCKS) >= 20


@pytest.mark.parametrize(("operation", "path"), ADDRESSES)
@pytest.mark.parametrize("text", ["10.0.1.999", "somewhere", "10.0.1", "::1"])
def test_an_address_that_is_none(place, operation, path, text):
    """Reference ec2.md 7.7."""
    told = refusal(place, operation.name, with_value(place, operation, path, text))
    assert ("InvalidParameterValue", f"invalid value for parameter address: {text}") == told


@pytest.mark.parametrize(("operation", "path"), BLOCKS)
def test_a_block_that_is_none(place, operation, path):
    """AWS words it in two ways: of rules of security groups, and of everything else."""
    text = "10.0.1.0/33"
    code, message = refusal(place, operation.name, with_value(place, operation, path, text))
    if code == "UnsupportedOperation":
        assert path[-1] in message
        return
    if code == "UnknownParameter":
        # Egress takes no rule in parameters of the request itself (ec2.md 7.7).
        assert ("CidrIp",) == path
        assert "Egress" in operation.name
        return
    assert ("InvalidParameterValue", True) == (code, text in message), message
    wordings = rf"CIDR block {text} is malformed|Value \({text}\) for parameter \w+ is invalid\. This is not a valid CIDR block\."
    assert re.fullmatch(wordings, message)


ATTRIBUTES = {
    name: [
        member
        for member in EC2.operation(name).input.members
        if member not in EC2.operation(name).input.required and member != "DryRun"
    ]
    for name in SERVED
    if re.fullmatch(r"Modify\w+Attribute", name)
}
# What an attribute is called that is named otherwise than the parameter that changes it.
CALLED = {"Groups": "groupSet", "CustomerOwnedIpv4Pool": "mapCustomerOwnedIpOnLaunch"}
PAIRS = [
    (name, *pair)
    for name, members in ATTRIBUTES.items()
    for pair in combinations(members, 2)
    if len({CALLED.get(each, camel(each)) for each in pair}) == 2
]


def test_there_are_operations_that_change_attributes():
    assert {
        "ModifyVpcAttribute",
        "ModifySubnetAttribute",
        "ModifyNetworkInterfaceAttribute",
    } <= ATTRIBUTES.keys()
    assert len(PAIRS) > 60


@pytest.mark.parametrize(("name", "first", "second"), PAIRS)
def test_two_attributes_in_a_call(place, name, first, second):
    """cluster-api-provider-aws#783, terraform#1301, aws-sdk-go#415: both are named."""
    shape = EC2.operation(name).input
    both = {each: valid(shape.members[each].shape, nested=True) for each in (first, second)}
    code, message = refusal(place, name, filled(place, EC2.operation(name), **both))
    assert "InvalidParameterCombination" == code, message
    start, _, named = message.partition(": ")
    assert "Fields for multiple attribute types specified" == start
    assert {CALLED.get(first, camel(first)), CALLED.get(second, camel(second))} == set(named.split(", "))


SPECIFIED = [
    name for name in SERVED if "TagSpecifications" in getattr(EC2.operation(name).input, "members", ())
]


@pytest.mark.parametrize("name", SPECIFIED)
@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({}, "InvalidParameter", "Tag specification resource type must have a value"),
        ({"ResourceType": "image"}, "InvalidParameterValue", "'image' is not a valid taggable resource type for this operation."),
    ],
)  # fmt: skip
def test_tags_of_no_kind_and_of_a_kind_that_is_not_made(place, name, given, code, message):
    """moto#6839, localstack#9195."""
    tags = [{**given, "Tags": [{"Key": "a", "Value": "b"}]}]
    params = filled(place, EC2.operation(name), TagSpecifications=tags)
    assert (code, message) == refusal(place, name, params)


def test_an_empty_tag_key(place):
    """Reference ec2.md 7.7."""
    for name in ("CreateTags", "DeleteTags"):
        told = refusal(place, name, {"Resources": [place[1]["VpcId"]], "Tags": [{"Key": "", "Value": "a"}]})
        text = "Value ( '' ) for parameter Tag key is invalid. Tag key cannot be null or empty."
        assert ("InvalidParameterValue", text) == told


PREFIXES = {
    "VpcId": "vpc", "SubnetId": "subnet", "GroupId": "sg", "NetworkInterfaceId": "eni", "RouteTableId": "rtb",
    "InternetGatewayId": "igw", "DhcpOptionsId": "dopt", "NatGatewayId": "nat", "SecurityGroupRuleId": "sgr",
    "NetworkAclId": "acl", "AllocationId": "eipalloc", "VpcPeeringConnectionId": "pcx",
    "NetworkInsightsPathId": "nip", "NetworkInsightsAnalysisId": "nia",
    "VpcEndpointId": "vpce",
    "PrefixListId": "pl",
}  # fmt: skip


NOT_LOOKED_UP = {
    # The gateway here is a private one, which takes none.
    ("AssociateNatGatewayAddress", "AllocationIds"),
    # The service is looked up first, which does not exist.
    ("AcceptVpcEndpointConnections", "VpcEndpointIds"),
    ("RejectVpcEndpointConnections", "VpcEndpointIds"),
    # Those that do not exist are told of in the answer.
    ("DeleteVpcEndpoints", "VpcEndpointIds"),
    # Other groups than security groups.
    ("DescribePlacementGroups", "GroupIds"),
}


def id_cases():
    """Ids that an operation requires, and lists of ids by which one describes."""
    for name in SERVED:
        shape = EC2.operation(name).input
        for member in shape.members if shape is not None else ():
            one = member.removesuffix("s") if member != "DhcpOptionsIds" else "DhcpOptionsId"
            listed = shape.members[member].shape.type == "list"
            if (name, member) in NOT_LOOKED_UP:
                continue
            if one in PREFIXES and (member in shape.required or (name.startswith("Describe") and listed)):
                yield pytest.param(name, member, PREFIXES[one], listed, id=f"{name}-{member}")


@pytest.mark.parametrize(("name", "member", "prefix", "listed"), list(id_cases()))
def test_an_id_that_is_not_there(place, name, member, prefix, listed):
    """EC2 API reference, "Error codes": another prefix is malformed, where such a code is documented."""
    kind = ID_KINDS[prefix]
    for id, code in (
        (f"{prefix}-0123456789abcdef9", kind.missing),
        ("odd-1", kind.malformed or kind.missing),
    ):
        params = filled(place, EC2.operation(name), **{member: [id] if listed else id})
        told = refusal(place, name, params)
        assert code == told[0], told
        assert id in told[1]
