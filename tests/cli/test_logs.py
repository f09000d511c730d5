"""`understudy logs SERVICE`: the lines of all its streams together."""

from __future__ import annotations

import json

import pytest
from service_records_made import made_service

from understudy_aws.admin.requests import ListServiceLogs
from understudy_aws.cli.main import main
from understudy_aws.testing import Understudy


@pytest.fixture
def state(tmp_path):
    directory = str(tmp_path / "left")
    with Understudy(state=directory) as night:
        filled(night)
        made_service(night, "silent")
    return directory


def filled(understudy):
    """Make a service with four lines in two groups; returns its ARN."""
    arn = made_service(understudy, "web")
    now = int(understudy.app.gateway.clock.now().timestamp() * 1000)
    write(understudy, arn, "service", "events", [(now - 50, "Service creation started.")])
    instance = "instance/0123456789abcdef"
    write(understudy, arn, "application", instance, [(now - 40, "one"), (now - 20, "two\x1b[2J")])
    write(understudy, arn, "service", "events", [(now - 30, "Health check is successful.")])
    return arn


def write(understudy, arn, kind, stream, events):
    logs = understudy.client("logs")
    name, id = arn.split("/")[1:]
    group = f"/aws/apprunner/{name}/{id}/{kind}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": at, "message": text} for at, text in events],
    )


def asked(capsys, state, *words):
    assert 0 == main(["logs", "web", "--state", state, *words, "--json"])
    return json.loads(capsys.readouterr().out)


def texts(answer):
    return [line["text"] for line in answer["lines"]]


def test_lines_of_all_streams_are_in_the_order_of_time(state, capsys):
    assert ["Service creation started.", "one", "Health check is successful.", "two\x1b[2J"] == texts(
        asked(capsys, state)
    )
    assert ["one", "two\x1b[2J"] == texts(asked(capsys, state, "--application"))
    assert ["Service creation started.", "Health check is successful."] == texts(
        asked(capsys, state, "--events")
    )


def test_a_line_is_one_line_of_the_terminal_that_moves_no_cursor(state, capsys):
    assert 0 == main(["logs", "web", "--state", state])
    lines = capsys.readouterr().out.splitlines()
    assert 4 == len(lines)
    assert "events" in lines[0]
    assert lines[1].split()[1:] == ["instance/01234567", "one"]
    assert "\x1b" not in lines[3]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_whoever_goes_on_gets_what_came_after_and_nothing_twice(understudy, limit):
    arn = filled(understudy)
    answer = understudy.app.admin.answer
    first = answer(logs_of("web", limit=limit))
    assert limit == len(first["lines"])
    assert [] == answer(logs_of("web", after=first["next"]))["lines"]
    now = int(understudy.app.gateway.clock.now().timestamp() * 1000)
    write(understudy, arn, "application", "instance/0123456789abcdef", [(now, "three"), (now, "four")])
    third = answer(logs_of("web", after=first["next"], limit=1))
    assert ["three"] == texts(third)
    assert ["four"] == texts(answer(logs_of("web", after=third["next"])))


def logs_of(name, **more):
    return ListServiceLogs(service=name, **more)


def test_without_lines_it_says_so(state, capsys):
    assert 0 == main(["logs", "silent", "--state", state])
    assert "silent has no such lines yet.\n" == capsys.readouterr().out


def test_a_service_that_is_not_there_is_one_sentence(state, capsys):
    assert 2 == main(["logs", "wep", "--state", state])
    assert "There is no service wep. Did you mean web?" in capsys.readouterr().err
    assert 2 == main(["logs", "nothing-like-it", "--state", state])
    assert (
        "There is no service nothing-like-it. `understudy services` lists those there are."
        in capsys.readouterr().err
    )
