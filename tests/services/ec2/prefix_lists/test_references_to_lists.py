"""Rules and routes that name prefix lists, and what they count towards quotas (prefix-lists.md 16.3)."""

from __future__ import annotations

import pytest
from prefix_lists import make, rule_about


def listed(ec2, group):
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    return [entry["PrefixListIds"] for entry in found["IpPermissions"]]


def test_a_rule_about_a_list(ec2, group, refused):
    id = make(ec2, "10.0.0.0/8")
    permission = rule_about(id)
    permission["PrefixListIds"][0]["Description"] = "offices"
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])[
        "SecurityGroupRules"
    ]
    assert (id, "offices") == (made["PrefixListId"], made["Description"])
    assert [[{"Description": "offices", "PrefixListId": id}]] == listed(ec2, group)
    text = f'the specified rule "peer: {id}, TCP, from port: 443, to port: 443, ALLOW" already exists'
    with refused("InvalidPermission.Duplicate", text):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id)])
    filters = [{"Name": "ip-permission.prefix-list-id", "Values": [id]}]
    assert [group] == [
        each["GroupId"] for each in ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    ]
    gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id)])
    assert [id] == [each["PrefixListId"] for each in gone["RevokedSecurityGroupRules"]]
    assert [] == listed(ec2, group)


def test_a_rule_goes_from_one_list_to_another(ec2, group, refused):
    one, other = make(ec2), make(ec2)
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(one)])[
        "SecurityGroupRules"
    ]
    change = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}

    def change_to(**source):
        update = {
            "SecurityGroupRuleId": made["SecurityGroupRuleId"],
            "SecurityGroupRule": {**change, **source},
        }
        ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[update])

    change_to(PrefixListId=other)
    assert [[{"PrefixListId": other}]] == listed(ec2, group)
    with refused("InvalidParameterValue"):
        change_to(CidrIpv4="10.0.0.0/8")
    with refused("InvalidPrefixListID.NotFound"):
        change_to(PrefixListId="pl-0123456789abcdef0")


def test_a_list_that_is_not_there_cannot_be_named(ec2, group, table, gateway, refused):
    gone = "pl-0123456789abcdef0"
    with refused("InvalidPrefixListID.NotFound", f"The prefix list ID '{gone}' does not exist"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(gone)])
    with refused("InvalidPrefixListID.NotFound"):
        ec2.create_route(RouteTableId=table, DestinationPrefixListId=gone, GatewayId=gateway)


def test_a_list_counts_as_often_as_it_can_have_entries(ec2, group, refused):
    """awsdocs/amazon-vpc-user-guide#72: a large list exceeds the quota of rules, however few entries it has."""
    with refused(
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    ):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(make(ec2, size=61))])
    id = make(ec2, size=40)
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id)])
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id, port=80)])
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule_about(id)])


def test_aws_s_lists_count_by_their_weight(ec2, group, refused):
    """VPC User Guide, "AWS-managed prefix list weight": 55 for CloudFront."""
    # DynamoDB's counts once, beside the rule that lets everything out.
    dynamodb = [rule_about("pl-02cd2c6b", port) for port in range(59)]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=dynamodb)
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[rule_about("pl-02cd2c6b", 99)])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about("pl-3b927c52")])
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about("pl-3b927c52", 80)])


@pytest.mark.parametrize(("first", "second"), [("IPv4", "IPv6"), ("IPv6", "IPv4")])
def test_ipv4_and_ipv6_are_counted_by_themselves_and_groups_in_both(ec2, group, refused, first, second):
    """VPC User Guide, "Amazon VPC quotas", Inbound or outbound rules per security group."""
    lists = [make(ec2, size=60, family=family) for family in (first, second)]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(id) for id in lists])
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}]
        )


def test_a_modified_rule_must_fit_too(ec2, group, refused):
    small, large = make(ec2, size=1), make(ec2, size=61)
    (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule_about(small)])[
        "SecurityGroupRules"
    ]
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListId": large}
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.modify_security_group_rules(
            GroupId=group,
            SecurityGroupRules=[
                {"SecurityGroupRuleId": made["SecurityGroupRuleId"], "SecurityGroupRule": rule}
            ],
        )


def test_a_route_to_a_list(ec2, table, gateway, refused):
    id = make(ec2, "192.168.0.0/16")
    where = {"RouteTableId": table, "DestinationPrefixListId": id}
    ec2.create_route(**where, GatewayId=gateway)
    (found,) = ec2.describe_route_tables(
        Filters=[{"Name": "route.destination-prefix-list-id", "Values": [id]}]
    )["RouteTables"]
    assert {
        "DestinationPrefixListId": id,
        "GatewayId": gateway,
        "Origin": "CreateRoute",
        "State": "active",
    } in found["Routes"]
    with refused("RouteAlreadyExists", f"The route identified by {id} already exists."):
        ec2.create_route(**where, GatewayId=gateway)
    ec2.replace_route(**where, GatewayId=gateway)
    ec2.delete_route(**where)
    text = f"no route with destination-prefix-list-id {id} in route table {table}"
    with refused("InvalidRoute.NotFound", text):
        ec2.delete_route(**where)


def test_a_route_to_a_list_counts_as_often_as_it_can_have_entries(ec2, table, gateway, refused):
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=make(ec2, size=499), GatewayId=gateway)
    with refused("RouteLimitExceeded"):
        ec2.create_route(RouteTableId=table, DestinationPrefixListId=make(ec2, size=1), GatewayId=gateway)


def test_an_egress_only_gateway_takes_lists_of_ipv6_alone(ec2, vpc, table, refused):
    made = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    eigw = made["EgressOnlyInternetGatewayId"]
    four, six = make(ec2), make(ec2, family="IPv6")
    with refused("InvalidParameterCombination"):
        ec2.create_route(RouteTableId=table, DestinationPrefixListId=four, EgressOnlyInternetGatewayId=eigw)
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=six, EgressOnlyInternetGatewayId=eigw)
