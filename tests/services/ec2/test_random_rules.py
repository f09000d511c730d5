"""Rules are authorized, revoked and modified at random, beside a small model of a group: its rules and its quota."""

from __future__ import annotations

import random

import pytest
from botocore.exceptions import ClientError
from prefix_lists import make

from understudy_aws.testing import Understudy

QUOTA = 60
PORTS = (("tcp", 22, 22), ("tcp", 80, 81), ("udp", 53, 53), ("icmp", 8, -1), ("-1", -1, -1), ("50", -1, -1))
BLOCKS = ("10.0.0.0/8", "192.168.0.0/16", "0.0.0.0/0")
BLOCKS6 = ("::/0", "2001:db8::/32")
SOURCES = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
    "ReferencedGroupId": ("UserIdGroupPairs", "GroupId"),
}


class Model:
    """The rules of one direction: of each its protocol and ports, and its source."""

    def __init__(self, weights):
        self.rules, self.weights = set(), weights

    def count(self, rules):
        """What the rules count for, of IPv4 and of IPv6 (prefix-lists.md 16.3)."""
        four = six = 0
        for _, (member, value) in rules:
            weight = self.weights.get(value, 1)
            four += weight if member in ("CidrIpv4", "ReferencedGroupId", "PrefixListId") else 0
            six += weight if member in ("CidrIpv6", "ReferencedGroupId") else 0
        return max(four, six)


def permission(ports, source):
    protocol, first, last = ports
    member, name = SOURCES[source[0]]
    return {"IpProtocol": protocol, "FromPort": first, "ToPort": last, member: [{name: source[1]}]}


def described(ec2, group):
    """The ids of the group's ingress rules by what they mean."""
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    told = {}
    for rule in found["SecurityGroupRules"]:
        if rule["IsEgress"]:
            continue
        group_named = {"ReferencedGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId")}
        (source,) = [(name, value) for name in SOURCES if (value := {**rule, **group_named}.get(name))]
        told[(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]), source] = rule["SecurityGroupRuleId"]
    return told


def outcome(call, **params):
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return ""


@pytest.mark.parametrize("seed", range(4))
def test_random_rules_agree_with_the_model(seed):
    draw = random.Random(seed)
    with Understudy(ids_seed=seed) as understudy:
        ec2 = understudy.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        group, other = (
            ec2.create_security_group(VpcId=vpc, GroupName=name, Description=name)["GroupId"] for name in "ab"
        )
        lists = {make(ec2, size=size): size for size in (1, 7, 25)}
        sources = [
            *(("CidrIpv4", block) for block in BLOCKS),
            *(("CidrIpv6", block) for block in BLOCKS6),
            *(("PrefixListId", id) for id in lists),
            ("ReferencedGroupId", group),
            ("ReferencedGroupId", other),
        ]
        model = Model(lists)
        refusals = set()
        for _ in range(150):
            rule = draw.choice(PORTS), draw.choice(sources)
            act = draw.choice(("authorize", "authorize", "revoke", "modify"))
            if act == "authorize":
                told = outcome(
                    ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission(*rule)]
                )
                expected = (
                    "InvalidPermission.Duplicate"
                    if rule in model.rules
                    else "RulesPerSecurityGroupLimitExceeded"
                    if model.count(model.rules | {rule}) > QUOTA
                    else ""
                )
                after = model.rules | {rule}
            elif act == "revoke":
                told = outcome(
                    ec2.revoke_security_group_ingress, GroupId=group, IpPermissions=[permission(*rule)]
                )
                expected = "" if rule in model.rules else "InvalidPermission.NotFound"
                after = model.rules - {rule}
            else:
                same_kind = sorted(each for each in model.rules if each[1][0] == rule[1][0])
                if not same_kind:
                    continue
                old = draw.choice(same_kind)
                (protocol, first, last), (member, value) = rule
                update = {"IpProtocol": protocol, "FromPort": first, "ToPort": last, member: value}
                change = {"SecurityGroupRuleId": described(ec2, group)[old], "SecurityGroupRule": update}
                told = outcome(ec2.modify_security_group_rules, GroupId=group, SecurityGroupRules=[change])
                after = model.rules - {old} | {rule}
                expected = (
                    "InvalidPermission.Duplicate"
                    if rule in model.rules - {old}
                    else "RulesPerSecurityGroupLimitExceeded"
                    if model.count(after) > QUOTA
                    else ""
                )
            assert expected == told, (act, rule)
            refusals.add(told)
            if not told:
                model.rules = after
            assert model.rules == described(ec2, group).keys()
        assert {"", "InvalidPermission.Duplicate", "RulesPerSecurityGroupLimitExceeded"} <= refusals
