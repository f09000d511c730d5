"""Every filter that AWS documents for an operation that is served here is honoured, or refused: none is ignored.

The filters are those of the API description's own text about the member `Filters` (botocore's service-2.json), so that
the test learns of new ones by itself, and of new operations as soon as they are served. What a filter must select is
told from what the operation describes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from situations import estate

from understudy_aws.gateway.operations import Operation
from understudy_aws.services.ec2 import SERVICE, absent_resources
from understudy_aws.store.tables import Table
from understudy_aws.testing import Understudy
from understudy_aws.wire.names import snake

MODEL = Loader().load_service_model("ec2", "service-2")
_NAME = re.compile(r"<li>\s*<p>\s*<code>([^<]+)</code>")
# What nobody has here: instances, Outposts, Local and Wavelength Zones, customer-owned addresses, transit gateways. One
# that something has is not let stand here.
NOBODY_HAS = {
    # The services are AWS's own.
    "DescribeVpcEndpointServices.tag-key",
    "DescribeVpcEndpointServices.tag:team",
    "attachment.instance-id",
    "customer-owned-ipv4-pool",
    "enable-lni-at-device-index",
    "instance-id",
    "message",
    "network-interface-permission.aws-service",
    "operator.principal",
    "outpost-arn",
    "parent-zone-id",
    "parent-zone-name",
    "route.instance-id",
    "route.transit-gateway-id",
}
# A value that no resource has, where one of another form is refused.
NO_SUCH = {"group-id": "sg-0123456789abcdef0"}
# It describes one resource, which nobody can make here.
OF_WHAT_IS_NOT_THERE = {"DescribeVpcEndpointServicePermissions"}
# Where what a filter looks at is described under another name.
DESCRIBED_AS = {
    "attachment.instance-owner-id": "InstanceOwnerId",
    "cidr": "CidrBlock",
    "default": "IsDefault",
    "default-for-az": "DefaultForAz",
    "entry.egress": "Egress",
    "state": "State",
    "value": "Value",
}


def documented(operation: str) -> tuple[str, list[str]]:
    """The member that takes an operation's filters, and their documented names; ("", []) for one without filters."""
    given = MODEL["operations"][operation].get("input")
    members = MODEL["shapes"][given["shape"]]["members"] if given else {}
    for member in ("Filters", "Filter"):
        if member in members:
            names = map(html.unescape, _NAME.findall(members[member].get("documentation", "")))
            cleaned = dict.fromkeys(name.strip().removesuffix(":<key>") for name in names)
            return member, ["tag:team" if name == "tag" else name for name in cleaned]
    return "", []


def _absent() -> set[str]:
    """The operations that answer an empty list always: no filter can change that."""
    module = vars(absent_resources).values()
    return {each.name for each in module if isinstance(each, Operation)} | NOBODY_MAKES


# What these describe nobody can make here: endpoint services of one's own, and resources behind endpoints.
NOBODY_MAKES = {
    "DescribeVpcEndpointAssociations",
    "DescribeVpcEndpointConnectionNotifications",
    "DescribeVpcEndpointConnections",
    "DescribeVpcEndpointServiceConfigurations",
}


OPERATIONS = sorted(
    name
    for name in SERVICE.operations
    if name.startswith(("Describe", "Get")) and documented(name)[1] and name not in OF_WHAT_IS_NOT_THERE
)
PRESENT = [name for name in OPERATIONS if name not in _absent()]
FILTERS = [(operation, name) for operation in PRESENT for name in documented(operation)[1]]


class Estate:
    """An understudy with something of every kind, each thing with tags, and what its operations describe."""

    def __init__(self, understudy: Understudy) -> None:
        self.ec2 = understudy.client("ec2")
        self.known = estate(understudy)
        self._enrich()
        self._tag_everything(understudy)
        self._described: dict[str, list[dict[str, Any]]] = {}

    def _enrich(self) -> None:
        """Add what filters look at: rules with ports and IPv6, routes of every kind, names."""
        ec2, known = self.ec2, self.known
        vpc, group = known["VpcId"][0], known["GroupId"][0]
        ranges = {
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
            "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}],
            "UserIdGroupPairs": [{"GroupId": group}],
            "PrefixListIds": [{"PrefixListId": known["PrefixListId"][0]}],
        }
        ports = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, **ranges}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ports])
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[ports])
        acl = {"NetworkAclId": known["NetworkAclId"][0], "RuleAction": "allow", "Egress": False}
        ec2.create_network_acl_entry(
            **acl, RuleNumber=1, Protocol="6", CidrBlock="10.0.0.0/8", PortRange={"From": 80, "To": 81}
        )
        ec2.create_network_acl_entry(
            **acl, RuleNumber=2, Protocol="58", Ipv6CidrBlock="::/0", IcmpTypeCode={"Type": 3, "Code": 4}
        )
        table, gateway = known["RouteTableId"][0], known["InternetGatewayId"][0]
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="10.8.0.0/16", NatGatewayId=known["NatGatewayId"][0]
        )
        ec2.create_route(
            RouteTableId=table,
            DestinationIpv6CidrBlock="::/0",
            EgressOnlyInternetGatewayId=known["EgressOnlyInternetGatewayId"][0],
        )
        ec2.create_route(
            RouteTableId=table, DestinationPrefixListId=known["PrefixListId"][0], GatewayId=gateway
        )
        edge = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=edge, GatewayId=gateway)
        peer = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
        ec2.associate_security_group_vpc(GroupId=group, VpcId=peer)
        made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"]
        peering = made["VpcPeeringConnectionId"]
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        ec2.create_route(
            RouteTableId=table, DestinationCidrBlock="10.77.0.0/16", VpcPeeringConnectionId=peering
        )
        named = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"][0]
        ec2.create_network_interface(SubnetId=named["SubnetId"])
        interface = known["NetworkInterfaceId"][0]
        ec2.create_network_interface_permission(
            NetworkInterfaceId=interface, Permission="INSTANCE-ATTACH", AwsAccountId="111122223333"
        )
        both = ec2.create_vpc(CidrBlock="10.66.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        (shown,) = ec2.describe_vpcs(VpcIds=[both])["Vpcs"]
        block = shown["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        wide = ec2.create_subnet(VpcId=both, CidrBlock="10.66.0.0/24", Ipv6CidrBlock=block)["Subnet"]
        ec2.create_network_interface(SubnetId=wide["SubnetId"], Ipv6AddressCount=1)
        ec2.create_flow_logs(
            ResourceIds=[vpc],
            ResourceType="VPC",
            TrafficType="ALL",
            LogGroupName="flows",
            DeliverLogsPermissionArn=known["RoleArn"][0],
        )

    def _tag_everything(self, understudy: Understudy) -> None:
        ids: list[str] = []
        with understudy.app.database.transaction() as tx:
            for kind in SERVICE.resource_kinds.values():
                table: Table[Any] = kind.table
                for record in table.scan(tx, understudy.account, "us-east-1"):
                    # A rule has no record of its own.
                    rules = [rule.id for rule in record.rules] if kind.name == "security-group-rule" else None
                    ids += rules if rules is not None else [kind.identifier_of(record)]
        for place, id in enumerate(ids):
            tags = [{"Key": "team", "Value": f"team-{place}"}, {"Key": f"key-{place}", "Value": "v"}]
            self.ec2.create_tags(Resources=[id], Tags=tags)

    def ask(self, operation: str, filters: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
        """What an operation describes."""
        member, _ = documented(operation)
        shape = MODEL["shapes"][MODEL["operations"][operation]["input"]["shape"]]
        params = {name: self.known[name][0] for name in shape.get("required", ())}
        if filters is not None:
            params[member] = filters
        answer = getattr(self.ec2, snake(operation))(**params)
        lists = [value for value in answer.values() if isinstance(value, list)]
        # DescribeVpcEndpointServices lists names too.
        return [item for items in lists for item in items if isinstance(item, dict)]

    def described(self, operation: str) -> list[dict[str, Any]]:
        if operation not in self._described:
            self._described[operation] = self.ask(operation)
        return self._described[operation]


@pytest.fixture(scope="module")
def built() -> Iterator[Estate]:
    with Understudy(ids_seed=4) as understudy:
        yield Estate(understudy)


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts of a description, each with its member's name, as filters spell them."""
    if isinstance(value, dict):
        for member, each in value.items():
            yield from _leaves(each, member)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, name)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    elif isinstance(value, datetime):
        yield name, f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    elif value is not None:
        yield name, str(value)


def _plain(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


def _candidates(name: str, items: list[dict[str, Any]]) -> list[str]:
    """The values that a filter may look at: first those of members that are called like it, then all others."""
    leaves = list(dict.fromkeys(leaf for item in items for leaf in _leaves(item)))
    last = _plain(DESCRIBED_AS.get(name, name.rpartition(".")[2]))
    near = [text for member, text in leaves if _plain(member) == last]
    like = [text for member, text in leaves if last in _plain(member) or _plain(member) in last]
    return list(dict.fromkeys([*near[:6], *like[:20], *(text for _, text in leaves[:200])]))


@pytest.mark.parametrize(("operation", "name"), FILTERS)
def test_a_documented_filter_selects_what_has_its_value_and_nothing_else(built, operation, name):
    items = built.described(operation)
    assert items, f"the estate has nothing that {operation} describes"
    assert [] == built.ask(operation, [{"Name": name, "Values": [NO_SUCH.get(name, "no-such-value")]}])
    for value in _candidates(name, items):
        selected = built.ask(operation, [{"Name": name, "Values": [value]}])
        if not selected:
            continue
        assert NOBODY_HAS.isdisjoint({name, f"{operation}.{name}"}), (
            f"{operation}: {name} is not what nobody has any more"
        )
        assert all(item in items for item in selected)
        if name not in {"tag-key", "tag-value"}:
            told = [item for item in selected if value in {text for _, text in _leaves(item)}]
            assert told == selected, f"{operation}: {name}={value} selects what does not have it"
        return
    nobody = not NOBODY_HAS.isdisjoint({name, f"{operation}.{name}"})
    assert nobody, f"{operation}: nothing that is described has a value of {name}"


@pytest.mark.parametrize("operation", PRESENT)
def test_a_filter_that_aws_does_not_document_is_refused(built, operation):
    """InvalidParameterValue, "The filter '…' is invalid" (ec2.md 7.6)."""
    with pytest.raises(ClientError) as caught:
        built.ask(operation, [{"Name": "no-such-filter", "Values": ["x"]}])
    assert caught.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert "no-such-filter" in caught.value.response["Error"]["Message"]


@pytest.mark.parametrize("operation", sorted(set(OPERATIONS) & _absent()))
def test_where_there_is_nothing_every_documented_filter_is_taken(built, operation):
    for name in documented(operation)[1]:
        assert [] == built.ask(operation, [{"Name": name, "Values": ["x"]}])


def test_the_documentation_is_understood():
    assert len(PRESENT) >= 14
    assert len(FILTERS) > 200
    assert documented("DescribeInternetGateways")[1] == [
        "attachment.state",
        "attachment.vpc-id",
        "internet-gateway-id",
        "owner-id",
        "tag:team",
        "tag-key",
    ]
