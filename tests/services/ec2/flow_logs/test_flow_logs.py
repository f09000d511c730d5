"""Flow logs: what they are made of, which parameters belong together, and how they go (flow-logs.md 13.1)."""

from __future__ import annotations

import re

import pytest

BUCKET = "arn:aws:s3:::bucket/folder/"
GROUP = "arn:aws:logs:us-east-1:{}:log-group:/vpc/flow"
STREAM = "arn:aws:firehose:us-east-1:{}:deliverystream/stream"
ROLE = "arn:aws:iam::{}:role/deliver"
CROSS_ACCOUNT = (
    "When providing a role for cross-account delivery, both the DeliverLogsPermissionArn and "
    "DeliverCrossAccountRole fields must be set."
)
GONE = "vpc-0123456789abcdef0"
TO_S3 = {"TrafficType": "ALL", "LogDestinationType": "s3", "LogDestination": BUCKET}


@pytest.fixture
def account(understudy):
    return understudy.account


@pytest.fixture
def role(understudy, account):
    understudy.role("deliver")
    return ROLE.format(account)


def make(ec2, *ids, kind="VPC", **params):
    answer = ec2.create_flow_logs(ResourceIds=list(ids), ResourceType=kind, **params)
    assert [] == answer["Unsuccessful"]
    return answer["FlowLogIds"]


def logs(ec2, **params):
    return ec2.describe_flow_logs(**params)["FlowLogs"]


class TestDestinations:
    def test_a_bucket(self, ec2, vpc):
        (id,) = make(
            ec2, vpc, **TO_S3, MaxAggregationInterval=60,
            DestinationOptions={"FileFormat": "parquet", "HiveCompatiblePartitions": True, "PerHourPartition": False},
            TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "blue"}]}],
        )  # fmt: skip
        assert re.fullmatch(r"fl-0[0-9a-f]{16}", id)
        (found,) = logs(ec2, FlowLogIds=[id])
        assert found.pop("CreationTime")
        assert {
            "FlowLogId": id,
            "FlowLogStatus": "ACTIVE",
            "DeliverLogsStatus": "FAILED",
            "DeliverLogsErrorMessage": "Unknown error: Understudy delivers flow logs to CloudWatch Logs alone",
            "ResourceId": vpc,
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": BUCKET,
            "LogFormat": "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "
            "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}",
            "MaxAggregationInterval": 60,
            "DestinationOptions": {
                "FileFormat": "parquet",
                "HiveCompatiblePartitions": True,
                "PerHourPartition": False,
            },
            "Tags": [{"Key": "team", "Value": "blue"}],
        } == found

    def test_a_log_group_by_name_and_by_arn(self, ec2, vpc, role, account):
        make(ec2, vpc, TrafficType="REJECT", LogGroupName="/vpc/other", DeliverLogsPermissionArn=role)
        make(ec2, vpc, TrafficType="ALL", LogDestination=GROUP.format(account), DeliverLogsPermissionArn=role)
        by_arn, named = sorted(logs(ec2), key=lambda each: each["LogGroupName"])
        assert ("/vpc/other", None, role, 600) == (
            named["LogGroupName"], named.get("LogDestination"), named["DeliverLogsPermissionArn"],
            named["MaxAggregationInterval"],
        )  # fmt: skip
        assert ("/vpc/flow", GROUP.format(account), "cloud-watch-logs") == (
            by_arn["LogGroupName"], by_arn["LogDestination"], by_arn["LogDestinationType"],
        )  # fmt: skip

    def test_a_delivery_stream_of_this_account_or_another(self, ec2, vpc, role, account):
        to = {"TrafficType": "ALL", "LogDestinationType": "kinesis-data-firehose"}
        make(ec2, vpc, **to, LogDestination=STREAM.format(account))
        make(
            ec2, vpc, **to, LogDestination=STREAM.format("222222222222"),
            DeliverLogsPermissionArn=role, DeliverCrossAccountRole=ROLE.format("222222222222"),
        )  # fmt: skip
        assert {None, ROLE.format("222222222222")} == {
            each.get("DeliverCrossAccountRole") for each in logs(ec2)
        }

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            (
                {"LogGroupName": "g", "LogDestination": GROUP.format("000000000000")},
                "Please only provide LogGroupName or only provide LogDestination.",
            ),
            ({}, "LogDestination can't be empty if LogGroupName is not provided."),
            (
                {"LogDestinationType": "s3"},
                "LogDestination can't be empty if LogGroupName is not provided.",
            ),
            (
                {"LogDestinationType": "s3", "LogGroupName": "g"},
                "LogDestination type must be cloud-watch-logs if LogGroupName is provided.",
            ),
            (
                {"LogGroupName": "g"},
                "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.",
            ),
            (
                {"LogDestinationType": "s3", "LogDestination": BUCKET, "DeliverLogsPermissionArn": "{role}"},
                "DeliverLogsPermissionArn is not applicable for s3 delivery",
            ),
            (
                {
                    "LogDestinationType": "kinesis-data-firehose",
                    "LogDestination": STREAM.format("000000000000"),
                    "DeliverLogsPermissionArn": "{role}",
                },
                CROSS_ACCOUNT,
            ),
            ({**TO_S3, "MaxAggregationInterval": 10}, "Invalid Flow Log Max Aggregation Interval"),
            ({**TO_S3, "LogDestination": "arn:aws:s3:::bucket/AWSLogs/x"}, None),
            ({**TO_S3, "LogDestination": "bucket"}, None),
            ({"LogDestination": BUCKET, "DeliverLogsPermissionArn": "{role}"}, None),
            (
                {
                    "LogGroupName": "g",
                    "DeliverLogsPermissionArn": "{role}",
                    "DestinationOptions": {"FileFormat": "parquet"},
                },
                None,
            ),
        ],
    )
    def test_what_does_not_belong_together(self, ec2, vpc, role, refused, given, text):
        given = {
            name: value.format(role=role) if isinstance(value, str) else value
            for name, value in given.items()
        }
        with refused("InvalidParameter", text):
            make(ec2, vpc, **{"TrafficType": "ALL", **given})
        assert [] == logs(ec2)

    def test_the_traffic_must_be_named(self, ec2, vpc, refused):
        with refused("MissingParameter", "The request must contain the parameter TrafficType"):
            make(ec2, vpc, LogDestinationType="s3", LogDestination=BUCKET)


class TestFormats:
    def test_fields_in_any_order(self, ec2, vpc):
        text = "${vpc-id} ${ecs-task-id} ${flow-direction} ${srcaddr}"
        make(ec2, vpc, **TO_S3, LogFormat=text)
        assert text == logs(ec2)[0]["LogFormat"]

    @pytest.mark.parametrize(
        "text", ["${version} ", "${version}  ${srcaddr}", "version", "${colour}", "${version},${srcaddr}"]
    )
    def test_what_is_no_format(self, ec2, vpc, refused, text):
        """aws-cloudformation/rain#288."""
        expected = f"1 validation error detected: Value '{text}' at 'logFormat' has an invalid format"
        with refused("InvalidParameter", expected):
            make(ec2, vpc, **TO_S3, LogFormat=text)


class TestResources:
    def test_one_for_each_resource_of_a_kind(self, ec2, vpc, subnet, interface):
        second = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        assert 2 == len(make(ec2, vpc, second, **TO_S3))
        make(ec2, subnet, kind="Subnet", **TO_S3)
        make(ec2, interface, kind="NetworkInterface", **TO_S3)
        assert {vpc, second, subnet, interface} == {each["ResourceId"] for each in logs(ec2)}

    def test_what_is_not_there_is_told_and_the_others_are_made(self, ec2, vpc, subnet):
        answer = ec2.create_flow_logs(ResourceIds=[GONE, vpc, subnet], ResourceType="VPC", **TO_S3)
        assert [(GONE, "InvalidVpcID.NotFound"), (subnet, "InvalidVpcID.Malformed")] == [
            (each["ResourceId"], each["Error"]["Code"]) for each in answer["Unsuccessful"]
        ]
        assert f"The vpc ID '{GONE}' does not exist" == answer["Unsuccessful"][0]["Error"]["Message"]
        assert answer["FlowLogIds"] == [each["FlowLogId"] for each in logs(ec2)]

    def test_a_transit_gateway_is_never_there(self, ec2):
        answer = ec2.create_flow_logs(
            ResourceIds=["tgw-0123456789abcdef0"], ResourceType="TransitGateway", **TO_S3
        )
        assert "InvalidTransitGatewayID.NotFound" == answer["Unsuccessful"][0]["Error"]["Code"]

    def test_the_same_again_is_refused_as_a_whole(self, ec2, vpc, refused):
        make(ec2, vpc, **TO_S3)
        second = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        text = "Error. There is an existing Flow Log with the same configuration and log destination."
        with refused("FlowLogAlreadyExists", text):
            make(ec2, second, vpc, **TO_S3)
        assert [vpc] == [each["ResourceId"] for each in logs(ec2)]

    def test_a_resource_has_two(self, ec2, vpc):
        make(ec2, vpc, **TO_S3)
        make(ec2, vpc, **{**TO_S3, "TrafficType": "REJECT"})
        answer = ec2.create_flow_logs(
            ResourceIds=[vpc], ResourceType="VPC", **{**TO_S3, "TrafficType": "ACCEPT"}
        )
        assert ["FlowLogsLimitExceeded"] == [each["Error"]["Code"] for each in answer["Unsuccessful"]]

    def test_they_go_with_their_resource(self, ec2, vpc, subnet, interface):
        """EC2 API reference, DeleteVpc: flow logs of deleted VPCs are removed."""
        for kind, id in (("VPC", vpc), ("Subnet", subnet), ("NetworkInterface", interface)):
            make(ec2, id, kind=kind, **TO_S3)
        ec2.delete_network_interface(NetworkInterfaceId=interface)
        assert {vpc, subnet} == {each["ResourceId"] for each in logs(ec2)}
        ec2.delete_subnet(SubnetId=subnet)
        assert [vpc] == [each["ResourceId"] for each in logs(ec2)]
        for group in ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])[
            "SecurityGroups"
        ]:
            if group["GroupName"] != "default":
                ec2.delete_security_group(GroupId=group["GroupId"])
        ec2.delete_vpc(VpcId=vpc)
        assert [] == logs(ec2)


class TestDeletion:
    def test_several_at_once(self, ec2, vpc):
        ids = make(ec2, vpc, **TO_S3) + make(ec2, vpc, **{**TO_S3, "TrafficType": "REJECT"})
        assert [] == ec2.delete_flow_logs(FlowLogIds=ids)["Unsuccessful"]
        assert [] == logs(ec2)

    def test_all_must_be_there(self, ec2, vpc, refused):
        (id,) = make(ec2, vpc, **TO_S3)
        gone = ["fl-1a2b3c4d", "fl-2b3c4d5e"]
        text = f"These flow log ids in the input list are not found: [TotalCount: 2] {' '.join(gone)}"
        with refused("InvalidFlowLogId.NotFound", text):
            ec2.delete_flow_logs(FlowLogIds=[id, *gone])
        assert [id] == [each["FlowLogId"] for each in logs(ec2)]
        with refused("InvalidFlowLogId.NotFound"):
            logs(ec2, FlowLogIds=gone[:1])


def test_filters(ec2, vpc, subnet, role):
    (first,) = make(
        ec2, vpc, TrafficType="REJECT", LogGroupName="/vpc/flow", DeliverLogsPermissionArn=role,
        TagSpecifications=[{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "blue"}]}],
    )  # fmt: skip
    (second,) = make(ec2, subnet, kind="Subnet", **TO_S3)
    for name, value, expected in (
        ("deliver-log-status", "FAILED", {second}),
        ("deliver-log-status", "SUCCESS", {first}),
        ("flow-log-id", first, {first}),
        ("log-destination-type", "s3", {second}),
        ("log-group-name", "/vpc/*", {first}),
        ("resource-id", subnet, {second}),
        ("traffic-type", "REJECT", {first}),
        ("tag:team", "blue", {first}),
        ("tag-key", "team", {first}),
    ):
        found = ec2.describe_flow_logs(Filter=[{"Name": name, "Values": [value]}])["FlowLogs"]
        assert expected == {each["FlowLogId"] for each in found}, name


class TestPermissions:
    """flow-logs.md 13.2."""

    @staticmethod
    def asked(understudy):
        prefix = f"arn:aws:ec2:us-east-1:{understudy.account}:"
        return [
            (each.action, each.resource.removeprefix(prefix)) for each in understudy.trail()[-1].evaluations
        ]

    def test_the_flow_log_each_resource_and_the_role(self, understudy, ec2, subnet, role):
        make(ec2, subnet, kind="Subnet", TrafficType="ALL", LogGroupName="g", DeliverLogsPermissionArn=role)
        assert [
            ("ec2:CreateFlowLogs", "vpc-flow-log/*"),
            ("ec2:CreateFlowLogs", f"subnet/{subnet}"),
            ("iam:PassRole", role),
        ] == self.asked(understudy)

    def test_deleting_asks_for_each(self, understudy, ec2, vpc):
        ids = make(ec2, vpc, **TO_S3) + make(ec2, vpc, **{**TO_S3, "TrafficType": "REJECT"})
        ec2.delete_flow_logs(FlowLogIds=ids)
        assert [("ec2:DeleteFlowLogs", f"vpc-flow-log/{id}") for id in ids] == self.asked(understudy)

    def test_tags_decide_who_may_delete(self, understudy, ec2, vpc, refused):
        tags = [{"ResourceType": "vpc-flow-log", "Tags": [{"Key": "team", "Value": "blue"}]}]
        (blue,) = make(ec2, vpc, **TO_S3, TagSpecifications=tags)
        (other,) = make(ec2, vpc, **{**TO_S3, "TrafficType": "REJECT"})
        statement = {
            "Effect": "Allow", "Action": "ec2:DeleteFlowLogs", "Resource": "*",
            "Condition": {"StringEquals": {"ec2:ResourceTag/team": "blue"}},
        }  # fmt: skip
        who = understudy.user("someone", {"Version": "2012-10-17", "Statement": [statement]})
        someone = understudy.client("ec2", as_=who)
        with refused("UnauthorizedOperation"):
            someone.delete_flow_logs(FlowLogIds=[blue, other])
        someone.delete_flow_logs(FlowLogIds=[blue])
