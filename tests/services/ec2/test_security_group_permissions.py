"""The operations on rules (ec2.md 7.3)."""

from __future__ import annotations

import pytest

HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}


def rules(ec2, group, *, egress=False):
    answer = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    return [rule for rule in answer["SecurityGroupRules"] if rule["IsEgress"] == egress]


def admitted(ec2, group):
    return ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]


class TestAuthorize:
    def test_each_peer_is_a_rule_of_its_own(self, ec2, group):
        entry = {
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inside"}, {"CidrIp": "192.168.0.0/16"}],
            "Ipv6Ranges": [{"CidrIpv6": "2001:DB8::/32"}],
            "UserIdGroupPairs": [{"GroupId": group}],
        }  # fmt: skip
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[entry])
        assert made["Return"]
        assert 4 == len(made["SecurityGroupRules"])
        (shown,) = admitted(ec2, group)
        assert [{"Description": "inside", "CidrIp": "10.0.0.0/8"}, {"CidrIp": "192.168.0.0/16"}] == shown[
            "IpRanges"
        ]
        assert [{"CidrIpv6": "2001:db8::/32"}] == shown["Ipv6Ranges"]
        assert [group] == [pair["GroupId"] for pair in shown["UserIdGroupPairs"]]

    def test_a_single_rule_may_be_written_in_parameters(self, ec2, group):
        ec2.authorize_security_group_ingress(
            GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
        )
        (rule,) = rules(ec2, group)
        assert ("tcp", 22, 22, "0.0.0.0/0") == (
            rule["IpProtocol"],
            rule["FromPort"],
            rule["ToPort"],
            rule["CidrIpv4"],
        )

    @pytest.mark.parametrize(
        "protocol, name",
        [
            ("6", "tcp"),
            ("06", "tcp"),
            ("017", "udp"),
            ("TCP", "tcp"),
            ("50", "50"),
            ("050", "50"),
            ("-1", "-1"),
        ],
    )
    def test_protocols_have_one_name(self, ec2, group, protocol, name):
        entry = {**HTTP, "IpProtocol": protocol}
        (made,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[entry])[
            "SecurityGroupRules"
        ]
        assert (name, 80 if name in ("tcp", "udp") else -1) == (made["IpProtocol"], made["FromPort"])

    def test_a_rule_that_is_there_is_refused_and_nothing_is_added(self, ec2, group, refused):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        with refused(
            "InvalidPermission.Duplicate",
            'the specified rule "peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW" already exists',
        ):
            new = {**HTTP, "FromPort": 81, "ToPort": 81}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[new, HTTP])
        assert 1 == len(rules(ec2, group))

    def test_the_same_rule_twice_in_one_request_is_refused(self, ec2, group, refused):
        with refused("InvalidParameterValue", "The same permission must not appear multiple times"):
            ec2.authorize_security_group_ingress(
                GroupId=group, IpPermissions=[HTTP, {**HTTP, "IpProtocol": "6"}]
            )

    @pytest.mark.parametrize(
        "wrong",
        [
            {"IpProtocol": "carrier-pigeon"},
            {"FromPort": 81},
            {"ToPort": 65536},
            {"IpRanges": [{"CidrIp": "10.0.0.0"}]},
            {"IpRanges": [], "Ipv6Ranges": [{"CidrIpv6": "2001:db8::"}]},
            {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "<b>"}]},
        ],
    )
    def test_a_senseless_rule_is_refused(self, ec2, group, refused, wrong):
        with refused("InvalidParameterValue"):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**HTTP, **wrong}])

    def test_a_group_of_another_network_is_refused(self, ec2, group, refused):
        other = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        foreign = ec2.create_security_group(VpcId=other, GroupName="x", Description="x")["GroupId"]
        with refused(
            "InvalidGroup.NotFound", "You have specified two resources that belong to different networks."
        ):
            entry = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": foreign}]}
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[entry])

    def test_a_source_group_by_name_opens_tcp_udp_and_icmp(self, ec2, refused):
        """EC2 API Reference, AuthorizeSecurityGroupIngress, SourceSecurityGroupName."""
        named = [
            ec2.create_security_group(GroupName=name, Description=name)["GroupId"] for name in ("web", "app")
        ]
        ec2.authorize_security_group_ingress(GroupName="web", SourceSecurityGroupName="app")
        assert {("tcp", 0, 65535), ("udp", 0, 65535), ("icmp", -1, -1)} == {
            (entry["IpProtocol"], entry["FromPort"], entry["ToPort"])
            for entry in admitted(ec2, named[0])
            if [named[1]] == [pair["GroupId"] for pair in entry["UserIdGroupPairs"]]
        }
        with refused("InvalidParameterCombination"):
            ec2.authorize_security_group_ingress(
                GroupName="web", SourceSecurityGroupName="app", IpPermissions=[HTTP]
            )
        ec2.revoke_security_group_ingress(GroupName="web", SourceSecurityGroupName="app")
        assert [] == admitted(ec2, named[0])

    @pytest.mark.parametrize("ports", [{}, {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}])
    @pytest.mark.parametrize("change", ["authorize_security_group_ingress", "revoke_security_group_ingress"])
    def test_an_owner_without_a_group_names_no_source(self, ec2, group, refused, change, ports):
        """aws/aws-sdk-js#417 (ec2.md 7.7)."""
        with refused("MissingParameter", "Source group ID missing."):
            getattr(ec2, change)(GroupId=group, SourceSecurityGroupOwnerId="000000000000", **ports)

    def test_sixty_rules_are_the_limit_in_each_direction(self, ec2, group, refused):
        def numbered(count, first):
            ranges = [{"CidrIp": f"10.{number}.0.0/16"} for number in range(first, first + count)]
            return [{**HTTP, "IpRanges": ranges}]

        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=numbered(60, 0))
        with refused("RulesPerSecurityGroupLimitExceeded"):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=numbered(1, 60))
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=numbered(1, 60))

    def test_rules_are_tagged_as_they_are_made(self, ec2, group):
        tags = [{"Key": "Name", "Value": "http"}]
        given = [{"ResourceType": "security-group-rule", "Tags": tags}]
        made = ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP], TagSpecifications=given
        )
        assert tags == made["SecurityGroupRules"][0]["Tags"] == rules(ec2, group)[0]["Tags"]


class TestRevoke:
    def test_by_content(self, ec2, group):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        gone = ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        assert ["10.0.0.0/8"] == [rule["CidrIpv4"] for rule in gone["RevokedSecurityGroupRules"]]
        assert [] == admitted(ec2, group)

    def test_what_a_description_shows_can_be_revoked(self, ec2, group):
        """Terraform takes the first egress rule away so."""
        shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=shown)
        assert [] == rules(ec2, group, egress=True)

    def test_by_id(self, ec2, group, refused):
        (rule,) = rules(ec2, group, egress=True)
        with refused("InvalidSecurityGroupRuleId.NotFound"):
            ec2.revoke_security_group_ingress(
                GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]]
            )
        ec2.revoke_security_group_egress(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
        assert [] == rules(ec2, group, egress=True)

    def test_an_unknown_rule_is_refused_and_none_is_revoked(self, ec2, group, refused):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        with refused(
            "InvalidPermission.NotFound", "The specified rule does not exist in this security group."
        ):
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[HTTP, {**HTTP, "FromPort": 79}])
        assert 1 == len(rules(ec2, group))

    def test_in_a_default_vpc_unknown_rules_are_told_and_the_others_go(self, ec2):
        group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])
        answer = ec2.revoke_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP, {**HTTP, "FromPort": 79}]
        )
        assert [79] == [entry["FromPort"] for entry in answer["UnknownIpPermissions"]]
        assert [] == rules(ec2, group)


class TestModify:
    def test_a_rule_keeps_its_id_and_tags(self, ec2, group):
        given = [{"ResourceType": "security-group-rule", "Tags": [{"Key": "a", "Value": "b"}]}]
        made = ec2.authorize_security_group_ingress(
            GroupId=group, IpPermissions=[HTTP], TagSpecifications=given
        )
        id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        new = {
            "IpProtocol": "udp",
            "FromPort": 53,
            "ToPort": 53,
            "CidrIpv4": "10.1.0.0/16",
            "Description": "names",
        }
        update = [{"SecurityGroupRuleId": id, "SecurityGroupRule": new}]
        assert ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=update)["Return"]
        (shown,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[id])["SecurityGroupRules"]
        assert ("udp", 53, "10.1.0.0/16", "names", given[0]["Tags"]) == (
            shown["IpProtocol"],
            shown["FromPort"],
            shown["CidrIpv4"],
            shown["Description"],
            shown["Tags"],
        )

    def test_a_rule_cannot_become_another(self, ec2, group, refused):
        two = [HTTP, {**HTTP, "FromPort": 81, "ToPort": 81}]
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=two)["SecurityGroupRules"]
        new = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8"}
        with refused("InvalidPermission.Duplicate"):
            update = [{"SecurityGroupRuleId": made[1]["SecurityGroupRuleId"], "SecurityGroupRule": new}]
            ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=update)

    def test_descriptions_by_content_and_by_id(self, ec2, group):
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])[
            "SecurityGroupRules"
        ][0]
        worded = {**HTTP, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "one"}]}
        ec2.update_security_group_rule_descriptions_ingress(GroupId=group, IpPermissions=[worded])
        assert "one" == rules(ec2, group)[0]["Description"]
        by_id = [{"SecurityGroupRuleId": made["SecurityGroupRuleId"], "Description": "two"}]
        ec2.update_security_group_rule_descriptions_ingress(
            GroupId=group, SecurityGroupRuleDescriptions=by_id
        )
        assert "two" == rules(ec2, group)[0]["Description"]

    def test_egress_descriptions(self, ec2, group):
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "out"}]}
        ec2.update_security_group_rule_descriptions_egress(GroupId=group, IpPermissions=[everything])
        assert "out" == rules(ec2, group, egress=True)[0]["Description"]


class TestDescribe:
    def test_pages_of_rules_across_groups(self, ec2, group):
        ranges = [{"CidrIp": f"10.{number}.0.0/16"} for number in range(11)]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{**HTTP, "IpRanges": ranges}])
        everything = ec2.describe_security_group_rules()["SecurityGroupRules"]
        seen, token = [], None
        while True:
            more = {"NextToken": token} if token else {}
            page = ec2.describe_security_group_rules(MaxResults=5, **more)
            seen += page["SecurityGroupRules"]
            token = page.get("NextToken")
            if not token:
                break
        assert everything == seen
        # Two default groups with two rules each, this group's first one, and the eleven.
        assert 16 == len(seen)

    def test_without_peerings_nothing_refers_from_elsewhere(self, ec2, vpc, group):
        assert [] == ec2.describe_security_group_references(GroupId=[group])["SecurityGroupReferenceSet"]
        assert [] == ec2.describe_stale_security_groups(VpcId=vpc)["StaleSecurityGroupSet"]


BLOCK = {"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
ICMP_BOTH = "Must specify both from and to ports with ICMP."
TCP_BOTH = "Must specify both from and to ports with TCP/UDP."
EXPLICIT = "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly."
WRONG_RULES = [
    ({}, EXPLICIT, EXPLICIT),
    ({"IpProtocol": ""}, EXPLICIT, EXPLICIT),
    *(
        (ports, f"Invalid value '{TCP_BOTH}' for portRange.", f"Invalid value for portRange. {TCP_BOTH}")
        for ports in (
            {"IpProtocol": "tcp"},
            {"IpProtocol": "udp", "FromPort": 1},
            {"IpProtocol": "6", "ToPort": 1},
        )
    ),
    *(
        (ports, f"Invalid value '{ICMP_BOTH}' for portRange.", f"Invalid value for portRange. {ICMP_BOTH}")
        for ports in (
            {"IpProtocol": "icmp"},
            {"IpProtocol": "1", "FromPort": 8},
            {"IpProtocol": "icmp", "ToPort": 0},
            {"IpProtocol": "icmpv6", "FromPort": 1},
        )
    ),
    *(
        ({"IpProtocol": protocol, "FromPort": kind, "ToPort": code}, text, text)
        for protocol in ("icmp", "icmpv6", "1", "58")
        for kind, code, text in (
            (8, 256, "ICMP code (256) out of range"),
            (8, -2, "ICMP code (-2) out of range"),
            (256, -1, "ICMP type (256) out of range"),
        )
    ),
]


class TestOneChecker:
    """Rules are read alike by all operations that take them (ec2.md 7.7)."""

    @pytest.mark.parametrize(("rule", "text", "modified"), WRONG_RULES)
    def test_wrong_rules(self, ec2, group, refused, rule, text, modified):
        calls = (
            ec2.authorize_security_group_ingress,
            ec2.authorize_security_group_egress,
            ec2.revoke_security_group_ingress,
            ec2.revoke_security_group_egress,
            ec2.update_security_group_rule_descriptions_ingress,
            ec2.update_security_group_rule_descriptions_egress,
        )
        for call in calls:
            with refused("InvalidParameterValue", text, 400):
                call(GroupId=group, IpPermissions=[{**rule, **BLOCK}])
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])["SecurityGroupRules"]
        update = {
            "SecurityGroupRuleId": made[0]["SecurityGroupRuleId"],
            "SecurityGroupRule": {**rule, "CidrIpv4": "10.0.0.0/8"},
        }
        with refused("InvalidParameterValue", modified, 400):
            ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[update])

    def test_icmpv6_means_all_types_without_ports(self, ec2, group):
        """cfn-lint#2999; API reference: ports are optional for icmpv6 alone."""
        permission = {"IpProtocol": "icmpv6", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
        (rule,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])[
            "SecurityGroupRules"
        ]
        assert (-1, -1) == (rule["FromPort"], rule["ToPort"])

    @pytest.mark.parametrize(
        ("sources", "code", "text"),
        [
            ({}, "MissingParameter", "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId"),
            ({"CidrIpv4": "10.0.0.0/8", "CidrIpv6": "::/0"}, "InvalidParameterCombination",
             "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified"),
        ],
    )  # fmt: skip
    def test_one_source_of_a_modified_rule(self, ec2, group, refused, sources, code, text):
        """Reference ec2.md 7.7."""
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])["SecurityGroupRules"]
        new = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, **sources}
        update = {"SecurityGroupRuleId": made[0]["SecurityGroupRuleId"], "SecurityGroupRule": new}
        with refused(code, text):
            ec2.modify_security_group_rules(GroupId=group, SecurityGroupRules=[update])

    def test_a_rule_keeps_its_kind_of_source(self, ec2, group, refused):
        """Reference ec2.md 7.7."""
        made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[HTTP])["SecurityGroupRules"]
        id = made[0]["SecurityGroupRuleId"]
        text = (
            f"Invalid rule type for security group rule '{id}'. "
            "You may not specify CidrIpv6 for an existing IPv4 CIDR rule."
        )
        new = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIpv6": "::/0"}
        with refused("InvalidParameterValue", text):
            ec2.modify_security_group_rules(
                GroupId=group, SecurityGroupRules=[{"SecurityGroupRuleId": id, "SecurityGroupRule": new}]
            )

    def test_a_rule_without_a_source(self, ec2, group, refused):
        """boto3#1078."""
        text = "Missing source specification: include source security group or CIDR information"
        with refused("MissingParameter", text):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "-1"}])

    @pytest.mark.parametrize(
        ("parameter", "value"),
        [("CidrIp", "10.0.0.0/8"), ("IpProtocol", "tcp"), ("FromPort", 80), ("ToPort", 80),
         ("SourceSecurityGroupName", "web"), ("SourceSecurityGroupOwnerId", "000000000000")],
    )  # fmt: skip
    def test_egress_takes_rules_in_permissions_alone(self, ec2, group, refused, parameter, value):
        """boto3#790; API reference: not supported, use IP permissions."""
        for call in (ec2.authorize_security_group_egress, ec2.revoke_security_group_egress):
            with refused("UnknownParameter", f"The parameter {parameter} is not recognized"):
                call(GroupId=group, **{parameter: value})

    @pytest.mark.parametrize(
        ("protocol", "ports", "told"),
        [
            ("50", (), "protocol: 50"),
            ("icmp", (-1, -1), "ICMP, type: ALL, code: ALL"),
            ("icmp", (8, -1), "ICMP, type: 8, code: ALL"),
            ("-1", (), "ALL"),
        ],
    )
    def test_how_a_rule_that_exists_is_told(self, ec2, group, refused, protocol, ports, told):
        """ansible#11177, ansible-modules-core#3258."""
        rule = {"IpProtocol": protocol, **dict(zip(("FromPort", "ToPort"), ports, strict=False)), **BLOCK}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        text = f'the specified rule "peer: 10.0.0.0/8, {told}, ALLOW" already exists'
        with refused("InvalidPermission.Duplicate", text):
            ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])

    @pytest.mark.parametrize("id", ["foobar", "sg-xyz", "sg-00000000000000000", "vpc-0123456789abcdef0"])
    def test_a_filter_on_what_is_no_group(self, ec2, refused, id):
        """Reference ec2.md 7.7."""
        with refused("InvalidGroupId.Malformed", f"The security group ID '{id}' is malformed"):
            ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [id]}])
        assert (
            []
            == ec2.describe_security_group_rules(
                Filters=[{"Name": "group-id", "Values": ["sg-0123456789abcdef0"]}]
            )["SecurityGroupRules"]
        )
