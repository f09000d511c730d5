"""Log streams: made, listed and deleted."""

from __future__ import annotations

from refusals import refused


def names(page) -> list[str]:
    return [each["logStreamName"] for each in page["logStreams"]]


def test_a_stream_is_described_as_aws_does(stream):
    """logs.md 21.2: it has times once it has events."""
    (found,) = stream.client.describe_log_streams(logGroupName=stream.group)["logStreams"]
    arn = f"arn:aws:logs:us-east-1:{stream.understudy.account}:log-group:/team/app:log-stream:one"
    assert found.pop("creationTime") > 1_600_000_000_000
    assert found == {"logStreamName": "one", "arn": arn, "storedBytes": 0}
    now = stream.now()
    stream.put("b", "c", at=now)
    stream.put("a", at=now - 5000)
    (found,) = stream.client.describe_log_streams(logGroupIdentifier=stream.group)["logStreams"]
    assert (now - 5000, now + 1) == (found["firstEventTimestamp"], found["lastEventTimestamp"])
    assert found["lastIngestionTime"] >= now


def test_a_name_is_there_once_and_gone_when_deleted(stream):
    with refused("ResourceAlreadyExistsException", "The specified log stream already exists"):
        stream.client.create_log_stream(**stream.place)
    stream.put("old")
    stream.client.delete_log_stream(**stream.place)
    with refused("ResourceNotFoundException", "The specified log stream does not exist."):
        stream.client.get_log_events(**stream.place)
    stream.client.create_log_stream(**stream.place)
    assert [] == stream.texts()
    assert [] == stream.filtered()


def test_streams_are_listed_by_name_and_by_their_newest_event(stream):
    made = [f"s{number:02}" for number in range(7)]
    now = stream.now()
    for number, name in enumerate(made):
        stream.client.create_log_stream(logGroupName=stream.group, logStreamName=name)
        stream.put("x", at=now - 1000 * number, name=name)

    def listed(**asked):
        pages = stream.client.get_paginator("describe_log_streams").paginate(
            logGroupName=stream.group, PaginationConfig={"PageSize": 3}, **asked
        )
        return [name for page in pages for name in names(page)]

    assert ["one", *made] == listed()
    assert [*reversed(made), "one"] == listed(descending=True)
    assert made == listed(logStreamNamePrefix="s")
    assert ["one", *reversed(made)] == listed(orderBy="LastEventTime")
    assert [*made, "one"] == listed(orderBy="LastEventTime", descending=True)
    with refused("InvalidParameterException"):
        listed(orderBy="LastEventTime", logStreamNamePrefix="s")


def test_a_group_is_named_in_one_way(stream):
    arn = f"arn:aws:logs:us-east-1:{stream.understudy.account}:log-group:{stream.group}"
    assert ["one"] == names(stream.client.describe_log_streams(logGroupIdentifier=arn))
    with refused("ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters."):
        stream.client.describe_log_streams(logGroupName=stream.group, logGroupIdentifier=arn)
    with refused("ValidationException"):
        stream.client.describe_log_streams()
    with refused("ResourceNotFoundException"):
        stream.client.describe_log_streams(logGroupIdentifier=arn.replace("us-east-1", "eu-west-1"))
