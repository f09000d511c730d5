"""Log groups: names, retention, protection, tags, and pages of them."""

from __future__ import annotations

import pytest
from refusals import refused

DAY = 24 * 60 * 60


@pytest.fixture
def logs(understudy):
    return understudy.client("logs")


def names(page) -> list[str]:
    return [each["logGroupName"] for each in page["logGroups"]]


def test_a_group_is_described_as_aws_does(logs, understudy):
    """logs.md 21.2."""
    logs.create_log_group(logGroupName="/a/b", tags={"team": "x"})
    (found,) = logs.describe_log_groups()["logGroups"]
    arn = f"arn:aws:logs:us-east-1:{understudy.account}:log-group:/a/b"
    assert found.pop("creationTime") > 1_600_000_000_000
    assert found == {
        "logGroupName": "/a/b",
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": "STANDARD",
        "storedBytes": 0,
        "deletionProtectionEnabled": False,
    }


def test_a_name_is_there_once_and_gone_when_deleted(logs):
    logs.create_log_group(logGroupName="a")
    with refused("ResourceAlreadyExistsException", "The specified log group already exists"):
        logs.create_log_group(logGroupName="a")
    logs.delete_log_group(logGroupName="a")
    with refused("ResourceNotFoundException", "The specified log group does not exist."):
        logs.delete_log_group(logGroupName="a")


@pytest.mark.parametrize(
    ("asked", "code", "text"),
    [
        (
            {"logGroupName": "aws/a"},
            "InvalidParameterException",
            "Log groups starting with AWS/ are reserved for AWS.",
        ),
        ({"logGroupName": "a", "logGroupClass": "INFREQUENT_ACCESS"}, "NotImplemented", None),
        ({"logGroupName": "a", "tags": {"aws:a": "1"}}, "InvalidParameterException", None),
        ({"logGroupName": "a b"}, "InvalidParameterException", None),
    ],
)
def test_what_cannot_be_made(logs, asked, code, text):
    with refused(code, text, 400 if code != "NotImplemented" else 501):
        logs.create_log_group(**asked)
    assert [] == names(logs.describe_log_groups())


def test_there_are_no_keys(logs, understudy):
    arn = f"arn:aws:logs:us-east-1:{understudy.account}:log-group:a"
    with refused(
        "AccessDeniedException",
        f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'",
    ):
        logs.create_log_group(logGroupName="a", kmsKeyId="arn:aws:kms:us-east-1:111122223333:key/1")


def test_retention_is_one_of_aws_s_and_can_be_taken_back(logs):
    logs.create_log_group(logGroupName="a")
    logs.put_retention_policy(logGroupName="a", retentionInDays=7)
    assert 7 == logs.describe_log_groups()["logGroups"][0]["retentionInDays"]
    with refused("InvalidParameterException") as told:
        logs.put_retention_policy(logGroupName="a", retentionInDays=8)
    assert "Value '8' at 'retentionInDays' failed to satisfy constraint" in told.text
    logs.delete_retention_policy(logGroupName="a")
    assert "retentionInDays" not in logs.describe_log_groups()["logGroups"][0]


def test_a_protected_group_is_not_deleted(logs):
    logs.create_log_group(logGroupName="a", deletionProtectionEnabled=True)
    with refused("ValidationException"):
        logs.delete_log_group(logGroupName="a")
    logs.put_log_group_deletion_protection(logGroupIdentifier="a", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="a")


def test_groups_are_listed_by_name_in_pages_by_prefix_and_by_pattern(logs):
    made = sorted([f"/app/{number:03}" for number in range(60)] + ["/app", "/ap", "/apq", "/zz/app"])
    for name in reversed(made):
        logs.create_log_group(logGroupName=name)
    first = logs.describe_log_groups()
    assert made[:50] == names(first)
    assert made[50:] == names(logs.describe_log_groups(nextToken=first["nextToken"]))
    paged = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/app", PaginationConfig={"PageSize": 7}
    )
    assert [name for name in made if name.startswith("/app")] == [
        name for page in paged for name in names(page)
    ]
    assert ["/zz/app"] == names(logs.describe_log_groups(logGroupNamePattern="zz/"))
    assert ["/ap", "/zz/app"] == names(
        logs.describe_log_groups(logGroupIdentifiers=["/zz/app", "/ap", "/no"])
    )
    with refused("InvalidParameterException", "The specified nextToken is invalid."):
        logs.describe_log_groups(nextToken="none")
    with refused(
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    ):
        logs.describe_log_groups(logGroupNamePattern="a", logGroupNamePrefix="b")


def test_tags_by_arn_and_by_name_are_the_same(logs, understudy):
    logs.create_log_group(logGroupName="a", tags={"env": "1"})
    arn = f"arn:aws:logs:us-east-1:{understudy.account}:log-group:a"
    logs.tag_resource(resourceArn=arn, tags={"b": "2", "env": "3"})
    logs.tag_log_group(logGroupName="a", tags={"c": "4"})
    wanted = {"env": "3", "b": "2", "c": "4"}
    assert wanted == logs.list_tags_for_resource(resourceArn=arn)["tags"]
    assert wanted == logs.list_tags_log_group(logGroupName="a")["tags"]
    logs.untag_resource(resourceArn=arn, tagKeys=["b"])
    logs.untag_log_group(logGroupName="a", tags=["c", "never"])
    assert {"env": "3"} == logs.list_tags_for_resource(resourceArn=arn)["tags"]
    with refused("TooManyTagsException"):
        logs.tag_resource(resourceArn=arn, tags={f"k{number}": "" for number in range(50)})
    with refused("ResourceNotFoundException"):
        logs.list_tags_for_resource(resourceArn=f"{arn}z")


@pytest.mark.parametrize("spelled", ["arn:aws-cn:logs:{}:log-group:a", "arn:aws:logs:{}:a"])
def test_another_spelling_of_the_arn_gets_past_no_denial(logs, understudy, spelled):
    """Policies see the ARN as it was sent, so that it must be the group's own."""
    logs.create_log_group(logGroupName="a", tags={"env": "1"})
    place = f"us-east-1:{understudy.account}"
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "logs:*", "Resource": f"arn:aws:logs:{place}:log-group:a"},
        ],
    }
    worker = understudy.client("logs", as_=understudy.user("worker", document))
    with refused("ResourceNotFoundException"):
        worker.tag_resource(resourceArn=spelled.format(place), tags={"env": "2"})
    with refused("AccessDeniedException"):
        worker.tag_resource(resourceArn=f"arn:aws:logs:{place}:log-group:a", tags={"env": "2"})
    assert {"env": "1"} == logs.list_tags_log_group(logGroupName="a")["tags"]


def test_accounts_and_regions_have_their_own(logs, understudy):
    logs.create_log_group(logGroupName="a")
    assert [] == names(understudy.client("logs", region="eu-west-1").describe_log_groups())


class TestPermissions:
    """logs.md 21.3: a policy for `NAME:*` is for the group and its streams, one for `NAME` for its tags alone."""

    @pytest.fixture
    def worker(self, understudy, logs):
        logs.create_log_group(logGroupName="mine", tags={"team": "x"})
        logs.create_log_group(logGroupName="other")
        group = f"arn:aws:logs:us-east-1:{understudy.account}:log-group:mine"
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "logs:*", "Resource": f"{group}:*"},
                {"Effect": "Allow", "Action": "logs:List*", "Resource": group},
            ],
        }
        return understudy.client("logs", as_=understudy.user("worker", document))

    def test_the_group_and_its_streams_are_allowed_and_others_are_not(self, worker, understudy):
        worker.create_log_stream(logGroupName="mine", logStreamName="s")
        assert [] == worker.get_log_events(logGroupName="mine", logStreamName="s")["events"]
        worker.put_retention_policy(logGroupName="mine", retentionInDays=1)
        worker.list_tags_for_resource(
            resourceArn=f"arn:aws:logs:us-east-1:{understudy.account}:log-group:mine"
        )
        with refused("AccessDeniedException") as told:
            worker.put_retention_policy(logGroupName="other", retentionInDays=1)
        resource = f"arn:aws:logs:us-east-1:{understudy.account}:log-group:other:log-stream:"
        assert f"is not authorized to perform: logs:PutRetentionPolicy on resource: {resource} " in told.text
        with refused("AccessDeniedException"):
            worker.tag_log_group(logGroupName="mine", tags={"a": "b"})
        with refused("AccessDeniedException"):
            worker.describe_log_groups()

    def test_tags_of_the_group_decide(self, understudy, worker):
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "logs:FilterLogEvents",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:ResourceTag/team": "x"}},
                }
            ],
        }
        reader = understudy.client("logs", as_=understudy.user("reader", document))
        assert [] == reader.filter_log_events(logGroupName="mine")["events"]
        with refused("AccessDeniedException"):
            reader.filter_log_events(logGroupName="other")
        with refused("AccessDeniedException") as told:
            reader.filter_log_events(logGroupName="mine", unmask=True)
        assert "logs:Unmask" in told.text
