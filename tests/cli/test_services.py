"""`understudy services`, `understudy status SERVICE`, `understudy events`."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from plain_sites import PUBLIC, Site

from understudy_aws.app import build
from understudy_aws.cli import services as cli
from understudy_aws.cli import status
from understudy_aws.cli.main import main
from understudy_aws.dataplane.messages import Instances, InstanceStatus
from understudy_aws.services.apprunner.denials import Denial
from understudy_aws.services.apprunner.service_problems import INTERFACES, note_problem
from understudy_aws.services.apprunner.service_records import services
from understudy_aws.settings import Settings
from understudy_aws.testing import Understudy

WHY = f"There is no image docker://{PUBLIC}:3."


@pytest.fixture
def state(tmp_path, monkeypatch):
    """A state with a service that runs, and one that could not be made."""
    directory = str(tmp_path / "left")
    site = Site(tmp_path, monkeypatch)
    site.understudy.app.close()
    with Understudy(state=directory) as site.understudy:
        site.apprunner = site.understudy.client("apprunner")
        arn = site.create()
        site.ended(arn)
        site.ended(site.create("3", ServiceName="second"))
        with site.understudy.app.database.transaction() as tx:
            (service,) = services.where(tx, "by_arn", arn)
            at = site.understudy.clock.now()
            note_problem(tx, service, INTERFACES, Denial("Statement 4 does not apply to it."), at)
    site.workloads.end()
    return directory


def test_services_are_listed_and_failures_said(state, capsys):
    assert 0 == main(["services", "--state", state])
    told = capsys.readouterr()
    assert "CREATE_FAILED" in told.out
    said = next(line for line in told.err.splitlines() if line.startswith("second: CREATE_SERVICE failed "))
    assert re.fullmatch(r"second: CREATE_SERVICE failed \d+ \w+ ago\. " + re.escape(WHY), said)
    assert 0 == main(["services", "--state", state, "--json"])
    assert {"site", "second"} == {each["name"] for each in json.loads(capsys.readouterr().out)["services"]}


def test_a_long_reason_is_cut_to_a_line_and_gone_after_a_success(monkeypatch, tmp_path, capsys):
    operation = {
        "type": "UPDATE_SERVICE", "ended": "2026-01-01T00:00:00Z", "ended_seconds_ago": 3 * 86_400,
        "reason": f"The build failed.\n{'npm ERR! ' * 90}",
    }  # fmt: skip
    service = {
        "name": "shop", "status": "RUNNING", "instances": [], "url": "", "region": "us-east-1", "account": "0" * 12,
        "operation": operation, "problems": [{"since": "2026-01-01T00:00:00Z", "text": "Denied. " * 90}],
    }  # fmt: skip
    monkeypatch.setattr(cli, "ask", lambda _settings, _request: {"services": [service]})
    assert main(["services", "--state", str(tmp_path)]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first == "shop: UPDATE_SERVICE failed 3 days ago. The build failed.…"
    assert second.startswith("shop, since 2026-01-01T00:00:00Z: Denied. ")
    assert (len(second) <= 160, second[-1]) == (True, "…")


def test_status_of_a_service_says_why_it_failed(state, capsys):
    assert 0 == main(["status", "second", "--state", state])
    told = capsys.readouterr().out
    assert WHY in told
    assert "CREATE_SERVICE FAILED" in told
    assert 0 == main(["status", "site", "--state", state, "--json"])
    assert "RUNNING" == json.loads(capsys.readouterr().out)["status"]
    assert 0 != main(["status", "third", "--state", state])


def test_status_says_how_an_instance_does_and_when_it_is_started_again(state, capsys, monkeypatch):
    assert 0 == main(["status", "site", "--state", state, "--json"])
    [instance] = json.loads(capsys.readouterr().out)["instances"]
    reason = "It ended with status 3. It said last: no database."

    def told(**seen):
        found = Instances(instances=(InstanceStatus(id=instance["id"], **seen),))
        monkeypatch.setattr(status, "_node", lambda _: (None, found))
        assert 0 == main(["status", "site", "--state", state])
        return capsys.readouterr().out

    assert reason not in told(state="healthy")
    assert f"ended: {reason} It is started again 4 s after that." in told(
        state="ended", reason=reason, pause=4.0
    )
    starting = told(state="starting", reason="Nothing listens at port 8080.")
    assert "starting: Nothing listens at port 8080." in starting
    assert "again" not in starting


def test_what_keeps_a_service_from_being_as_it_should_is_said(state, capsys):
    """Outside of its operations, such as what App Runner's networking role is refused."""
    said = "Network interfaces of stopped instances can't be deleted. Statement 4 does not apply to it."
    assert 0 == main(["services", "--state", state])
    told = capsys.readouterr()
    assert said in told.out + told.err
    assert 0 == main(["status", "site", "--state", state])
    assert said in capsys.readouterr().out


def test_one_that_is_asleep_is_no_one_without_instances(state, capsys):
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    app = build(Settings(state=state))
    with app.database.transaction() as tx:
        (service,) = (each for each in services.scan(tx) if each.name == "site")
        services.put(tx, replace(service, asleep=True, asleep_since=since))
    app.close()
    assert 0 == main(["services", "--state", state])
    assert "RUNNING, asleep" in capsys.readouterr().out
    assert 0 == main(["status", "site", "--state", state])
    told = capsys.readouterr().out
    assert "RUNNING, asleep since 2026-01-02T03:04:05Z; wakes with the next request" in told


def test_events_are_listed_latest_last(state, capsys):
    assert 0 == main(["events", "--state", state, "--limit", "1"])
    assert "second  Service status is set to CREATE_FAILED." in capsys.readouterr().out
    assert 0 == main(["events", "--state", state, "--json"])
    assert "aws.apprunner" == json.loads(capsys.readouterr().out)["events"][0]["source"]
    assert 2 == main(["events", "--state", state, "--limit", "0"])
