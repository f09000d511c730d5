"""`understudy uses`: what uses a resource, for a tired person on a terminal of eighty columns, and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from networking import make_network, role_arn

from understudy_aws.cli.main import main
from understudy_aws.cli.printable import _ASCII
from understudy_aws.services.apprunner.service_records import PAUSED, Service, services
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.testing import Understudy

GOLDEN = Path(__file__).parent.parent / "golden" / "uses"


def _named(ec2: Any, id: str, name: str) -> None:
    ec2.create_tags(Resources=[id], Tags=[{"Key": "Name", "Value": name}])


def a_subnet_of_a_connector_and_a_nat_gateway(night: Understudy) -> str:
    ec2 = night.client("ec2")
    network = make_network(ec2, subnets=1)
    subnet = network.subnets[0]
    _named(ec2, subnet, "private-a")
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[network.group])["NetworkInterface"]
    _named(ec2, interface["NetworkInterfaceId"], "a name that is far too long to stand on the same line")
    ec2.create_network_interface(
        SubnetId=subnet,
        TagSpecifications=[
            {
                "ResourceType": "network-interface",
                "Tags": [{"Key": key, "Value": "x"} for key in ("team", "stage", "cost")],
            }
        ],
    )
    ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    night.client("apprunner").create_vpc_connector(
        VpcConnectorName="web-vpc", Subnets=[subnet], SecurityGroups=[network.group]
    )
    return subnet


def a_whole_vpc(night: Understudy) -> str:
    ec2 = night.client("ec2")
    network = make_network(ec2, subnets=2)
    _named(ec2, network.vpc, "main")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    address = ec2.allocate_address()["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=network.subnets[0], AllocationId=address)["NatGateway"]
    table = ec2.create_route_table(VpcId=network.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=network.subnets[1])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat["NatGatewayId"])
    return network.vpc


def a_subnet_of_very_many_interfaces(night: Understudy) -> str:
    ec2 = night.client("ec2")
    subnet = make_network(ec2, subnets=1).subnets[0]
    made = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with night.app.database.transaction() as tx:
        one = network_interfaces.get(tx, night.account, "us-east-1", made)
        assert one is not None
        for number in range(1999):
            network_interfaces.put(tx, replace(one, id=f"eni-0{number:016x}"))
    return subnet


def a_service_linked_role(night: Understudy) -> str:
    a_subnet_of_a_connector_and_a_nat_gateway(night)
    return role_arn(night.account)


def a_policy(night: Understudy) -> str:
    iam = night.client("iam")
    document = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    )
    policy = iam.create_policy(PolicyName="storage", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=policy)
    iam.create_group(GroupName="ops")
    iam.attach_group_policy(GroupName="ops", PolicyArn=policy)
    iam.add_user_to_group(UserName="ann", GroupName="ops")
    found: str = policy
    return found


def a_default_auto_scaling_configuration(night: Understudy) -> str:
    apprunner = night.client("apprunner")
    made = apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="web-scaling")
    found: str = made["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
    apprunner.update_default_auto_scaling_configuration(AutoScalingConfigurationArn=found)
    return found


def what_nothing_uses(night: Understudy) -> str:
    found: str = night.client("ec2").allocate_address()["AllocationId"]
    return found


SITUATIONS = [
    a_subnet_of_a_connector_and_a_nat_gateway,
    a_whole_vpc,
    a_subnet_of_very_many_interfaces,
    a_service_linked_role,
    a_policy,
    a_default_auto_scaling_configuration,
    what_nothing_uses,
]


@pytest.fixture
def left(tmp_path, monkeypatch) -> Callable[[Any], tuple[str, str]]:
    """Leaves a state in which a situation is, with the resource that is asked about."""
    monkeypatch.setenv("COLUMNS", "80")

    def leave(situation: Any) -> tuple[str, str]:
        state = str(tmp_path / "left")
        with Understudy(state=state, ids_seed=9) as night:
            resource = situation(night)
        return state, resource

    return leave


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_it_is_shown_on_eighty_columns(situation, left, capsys, request):
    """`--update-golden` writes the texts anew. What is longer is one ARN, which stays whole."""
    state, resource = left(situation)
    code = main(["uses", resource, "--state", state])
    text = capsys.readouterr().out
    golden = GOLDEN / f"{situation.__name__}.txt"
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(text)
    assert golden.read_text() == text
    assert code == (1 if situation is what_nothing_uses else 0)
    too_long = [line for line in text.splitlines() if len(line) > 80]
    assert all(len(line.strip().split(" arn:")[-1].split()) <= 2 for line in too_long)


def test_for_programs_it_is_one_document(left, capsys):
    state, subnet = left(a_subnet_of_very_many_interfaces)
    assert 0 == main(["uses", subnet, "--state", state, "--json", "--limit", "2"])
    answer = json.loads(capsys.readouterr().out)
    assert {"id", "arn", "kind", "account", "region", "holders", "used_by", "more", "steps"} <= answer.keys()
    assert (subnet, "ec2:subnet", 2000) == (answer["id"], answer["kind"], answer["holders"])
    assert [{"relation": "is in", "holds": True, "kind": "ec2:network-interface", "count": 1998}] == answer[
        "more"
    ]
    first, last = answer["steps"]
    assert ("ec2:DeleteNetworkInterface", 2, 1998) == (
        first["operation"],
        len(first["resources"]),
        first["more"],
    )
    assert {"operation": "ec2:DeleteSubnet", "resources": [subnet]} == last


@pytest.mark.parametrize("wrong", ["id", "beginning", "name", "arn"])
def test_what_is_not_there_is_said_with_what_may_be_meant(wrong, left, capsys):
    state, subnet = left(a_subnet_of_a_connector_and_a_nat_gateway)
    asked = {
        "id": subnet[:-1] + ("0" if subnet[-1] != "0" else "1"),
        "beginning": subnet[:-4],
        "name": "private-a",
        "arn": f"arn:aws:ec2:eu-west-1:000000000000:subnet/{subnet}",
    }[wrong]
    assert 2 == main(["uses", asked, "--state", state])
    said = capsys.readouterr().err.splitlines()
    assert f"understudy: There is no {asked} here, in any account or Region. Did you mean this?" == said[0]
    assert f'  {subnet} "private-a" in us-east-1 of 000000000000' in said[1:]


def a_service(night: Understudy, region: str = "us-east-1") -> str:
    at = night.app.gateway.clock.now()
    made = Service(
        account=night.account, region=region, name="shop", id="0" * 32, status=PAUSED, created=at, updated=at
    )
    with night.app.database.transaction() as tx:
        services.put(tx, made)
    return made.arn


def test_a_service_is_known_by_its_name_unless_several_have_it(left, capsys):
    state, arn = left(a_service)
    main(["uses", arn, "--state", state])
    by_arn = capsys.readouterr().out
    main(["uses", "shop", "--state", state])
    assert capsys.readouterr().out == by_arn
    assert arn in by_arn


def test_of_several_services_of_a_name_none_is_guessed(left, capsys):
    def in_two_regions(night: Understudy) -> str:
        return f"{a_service(night)} {a_service(night, 'eu-west-1')}"

    state, arns = left(in_two_regions)
    assert main(["uses", "shop", "--state", state]) == 2
    said = capsys.readouterr().err
    assert "Several services are called shop" in said
    assert all(arn in said for arn in arns.split())


def test_what_nothing_is_like_is_said_plainly(left, capsys):
    state, _ = left(what_nothing_uses)
    assert 2 == main(["uses", "vpce-0123456789abcdef0", "--state", state])
    said = capsys.readouterr().err
    assert said == "understudy: There is no vpce-0123456789abcdef0 here, in any account or Region.\n"


@pytest.mark.parametrize("limit", ["0", "1001"])
def test_a_limit_is_between_one_and_a_thousand(limit, left, capsys):
    state, resource = left(what_nothing_uses)
    assert 2 == main(["uses", resource, "--state", state, "--limit", limit])
    assert "between 1 and 1000" in capsys.readouterr().err


def test_a_terminal_without_unicode_gets_another_tree(left, capsys):
    state, resource = left(a_whole_vpc)
    main(["uses", resource, "--state", state])
    bars = {character for character in capsys.readouterr().out if ord(character) > 127}
    assert bars == {"├", "─", "│", "└"}
    assert bars <= _ASCII.keys()
