"""The whole life of a service from a repository of this machine, by the real `aws` command, with a node that runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from plain_workloads import SERVER, commit, repository
from served_account import ServedAccount

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (shutil.which("git") and shutil.which("bwrap")), reason="git or bubblewrap is not installed"
    ),
]

# As a program of an application: its port is the only thing it is told.
CONFIGURATION = """
version: 1.0
runtime: python311
build:
  commands:
    build:
      - cp answer built
run:
  command: python3 serve.py
"""
FILES = {"apprunner.yaml": CONFIGURATION, "serve.py": SERVER}
LONGEST = 240.0


@pytest.fixture
def account():
    # Sockets have short paths, and instances see nothing beneath the directories of tests.
    place = Path(tempfile.mkdtemp())
    made = ServedAccount(place, state=str(place / "state"))
    made.server_state = place / "state"
    yield made
    made.understudy("stop")
    made.close()
    shutil.rmtree(place, ignore_errors=True)


def ask(account, *arguments):
    done = account.aws("apprunner", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def settled(account, arn):
    """Wait until no operation is under way; answers the service."""
    service = {}
    for _ in range(int(LONGEST / 0.5)):
        service = account.client("apprunner").describe_service(ServiceArn=arn)["Service"]
        if service["Status"] != "OPERATION_IN_PROGRESS":
            return service
        time.sleep(0.5)
    raise AssertionError(account.understudy("status", arn))


def answer(service):
    """What the service answers at its URL, whose host is this machine."""
    host = service["ServiceUrl"]
    request = urllib.request.Request(f"http://127.0.0.1:{host.partition(':')[2]}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as got:
        return got.read().decode()


@contextmanager
def following(account, place, *words):
    """Run an own command that goes on; yields what waits until a text is in what it has printed."""
    with place.open("w+") as printed:
        state = str(account.server_state)
        process = subprocess.Popen(
            [sys.executable, "-m", "understudy_aws", *words, "--state", state],
            env=account.environment, stdout=printed, stderr=printed,
        )  # fmt: skip

        def until(text):
            for _ in range(int(LONGEST / 0.1)):
                if text in place.read_text():
                    return
                assert process.poll() is None, place.read_text()
                time.sleep(0.1)
            raise AssertionError(place.read_text())

        try:
            yield until
        finally:
            process.terminate()
            process.wait()


def test_events_and_lines_of_a_service_are_followed_as_they_come(account, tmp_path):
    """Reference apprunner-services.md 5.6, 5.8."""
    with following(account, tmp_path / "events", "events", "-f", "--json") as events:
        arn = created(account, repository(tmp_path / "code", **FILES))["ServiceArn"]
        events('"operationStatus": "CreateServiceStarted"')
        settled(account, arn)
        events('"operationStatus": "CreateServiceCompletedSuccessfully"')
        with following(account, tmp_path / "lines", "logs", "site", "-f") as lines:
            lines("Service status is set to RUNNING.")
            ask(account, "pause-service", f"--service-arn={arn}")
            settled(account, arn)
            lines("Service pause completed successfully.")
        events('"currentServiceStatus": "PAUSED"')
    for line in (tmp_path / "events").read_text().splitlines():
        assert "aws.apprunner" == json.loads(line)["source"]
    ask(account, "delete-service", f"--service-arn={arn}")
    settled(account, arn)


def created(account, place):
    """Begin to create a service from a repository; answers it."""
    connection = ask(account, "create-connection", "--connection-name=github", "--provider-type=GITHUB")
    account.understudy("connection", "approve", "github")
    source = {
        "CodeRepository": {
            "RepositoryUrl": f"file://{place}",
            "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
            "CodeConfiguration": {"ConfigurationSource": "REPOSITORY"},
        },
        "AutoDeploymentsEnabled": False,
        "AuthenticationConfiguration": {"ConnectionArn": connection["Connection"]["ConnectionArn"]},
    }
    made = ask(
        account, "create-service", "--service-name=site", f"--source-configuration={json.dumps(source)}"
    )
    return made["Service"]


def test_a_service_lives_by_the_aws_command(account, tmp_path):
    """Reference apprunner-services.md 2.3, 5.5."""
    place = repository(tmp_path / "code", **FILES)
    service = created(account, place)
    arn = service["ServiceArn"]
    connection = service["SourceConfiguration"]["AuthenticationConfiguration"]["ConnectionArn"]
    service = settled(account, arn)
    assert "RUNNING" == service["Status"], account.understudy("status", "site")
    assert "one" == answer(service)
    assert "RUNNING" in account.understudy("services")
    told = account.understudy("status")
    assert (
        f"1 service, answered at 127.0.0.1:{service['ServiceUrl'].rpartition(':')[2]}; 1 of 1 instance"
        in told
    )
    commit(place, answer="two")
    ask(account, "start-deployment", f"--service-arn={arn}")
    assert "two" == answer(settled(account, arn))
    ask(account, "pause-service", f"--service-arn={arn}")
    assert "PAUSED" == settled(account, arn)["Status"]
    ask(account, "resume-service", f"--service-arn={arn}")
    assert "two" == answer(settled(account, arn))
    operations = ask(account, "list-operations", f"--service-arn={arn}")["OperationSummaryList"]
    assert [
        ("RESUME_SERVICE", "SUCCEEDED"),
        ("PAUSE_SERVICE", "SUCCEEDED"),
        ("START_DEPLOYMENT", "SUCCEEDED"),
        ("CREATE_SERVICE", "SUCCEEDED"),
    ] == [(each["Type"], each["Status"]) for each in operations]
    ask(account, "delete-service", f"--service-arn={arn}")
    assert "DELETED" == settled(account, arn)["Status"]
    ask(account, "delete-connection", f"--connection-arn={connection}")
    assert "Service deletion completed successfully." in account.understudy("logs", "site", "--limit=500")


def changed_source(place, **values):
    """What `update-service` is given for code of a repository that starts otherwise."""
    code = {
        "RepositoryUrl": f"file://{place}",
        "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
        "CodeConfiguration": {
            "ConfigurationSource": "API",
            "CodeConfigurationValues": {"Runtime": "PYTHON_311", "BuildCommand": "cp answer built", **values},
        },
    }
    return f"--source-configuration={json.dumps({'CodeRepository': code})}"


def latest(account, arn):
    """The latest operation on a service."""
    return ask(account, "list-operations", f"--service-arn={arn}", "--max-results=1")["OperationSummaryList"][
        0
    ]


def test_an_update_that_fails_is_rolled_back_and_one_that_does_not_is_deployed(account, tmp_path):
    """Reference apprunner-services.md 2.3: after a failure the service runs with its former settings."""
    place = repository(tmp_path / "code", **FILES)
    arn = created(account, place)["ServiceArn"]
    former = settled(account, arn)
    assert "RUNNING" == former["Status"], account.understudy("status", "site")
    quick = "--health-check-configuration=Protocol=TCP,Interval=1,Timeout=1,UnhealthyThreshold=1"
    broken = changed_source(place, StartCommand="python3 -c pass")
    begun = ask(
        account,
        "update-service",
        f"--service-arn={arn}",
        broken,
        quick,
        "--instance-configuration=Cpu=512,Memory=1024",
    )
    assert "OPERATION_IN_PROGRESS" == begun["Service"]["Status"]
    assert "one" == answer(former), "requests go on being answered"
    service = settled(account, arn)
    kept = ("Status", "SourceConfiguration", "InstanceConfiguration", "HealthCheckConfiguration")
    assert {name: former[name] for name in kept} == {name: service[name] for name in kept}
    assert "one" == answer(service)
    found = latest(account, arn)
    assert (begun["OperationId"], "UPDATE_SERVICE", "ROLLBACK_SUCCEEDED") == (
        found["Id"],
        found["Type"],
        found["Status"],
    )
    assert "ended" in account.understudy("status", "site")

    commit(place, answer="two")
    good = changed_source(place, StartCommand="python3 serve.py", RuntimeEnvironmentVariables={"A": "b"})
    ask(
        account,
        "update-service",
        f"--service-arn={arn}",
        good,
        "--instance-configuration=Cpu=512,Memory=1024",
    )
    service = settled(account, arn)
    assert "two" == answer(service)
    assert ("512", "1024") == tuple(service["InstanceConfiguration"][name] for name in ("Cpu", "Memory"))
    assert ("UPDATE_SERVICE", "SUCCEEDED") == tuple(latest(account, arn)[name] for name in ("Type", "Status"))
    ask(account, "delete-service", f"--service-arn={arn}")
    assert "DELETED" == settled(account, arn)["Status"]
