"""Where the value of a service's secret is, and where it is not (docs/decisions/0037)."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from nodes import refusal_for
from running_services import ServiceSite

from understudy_aws.admin.requests import ListStateChanges, ListTrail
from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = refusal_for(None) or missing_for_services()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run")]
# In two halves, so that this file and what is made of it does not have them.
VALUE, PARAMETER = "opensesame-" + "5ecre7-a7-re57", "opensesame-" + "pa4ame7e4-a7-re57"
FOUND = b"opensesame-"
TRUST = {
    "Effect": "Allow",
    "Principal": {"Service": "tasks.apprunner.amazonaws.com"},
    "Action": "sts:AssumeRole",
}
MAY_READ = {
    "Effect": "Allow",
    "Action": ["secretsmanager:GetSecretValue", "ssm:GetParameters"],
    "Resource": "*",
}

# Says whether its variables have the values, and where else it finds what they begin with.
APPLICATION = """
import http.server, json, os
from pathlib import Path
MARK = b"opense" + b"same-"
def places():
    for top in ("/proc", "/app", "/home", "/etc", "/tmp", "/run", "/dev/shm", "/root"):
        for folder, folders, files in os.walk(top):
            folders[:] = [each for each in folders if each not in ("task", "fd", "map_files", "sys")]
            for name in files:
                if not folder.startswith("/proc") or name in ("environ", "cmdline"):
                    yield Path(folder, name)
def found(path):
    try:
        return path.is_file() and MARK in path.read_bytes()
    except OSError:
        return False
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = [os.environ.get("SECRET", ""), os.environ.get("PARAMETER", "")]
        body = json.dumps([said, sorted(str(each) for each in places() if found(each))]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


def document(statement: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def site(tmp_path):
    made = ServiceSite(tmp_path)
    try:
        yield made
    finally:
        made.end()


def with_secrets(site: ServiceSite) -> dict:
    iam = site.client("iam")
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=document(MAY_READ))
    secret = site.client("secretsmanager").create_secret(Name="database", SecretString=VALUE)["ARN"]
    site.client("ssm").put_parameter(Name="/web/key", Value=PARAMETER, Type="SecureString")
    return site.create(
        application=APPLICATION,
        values={"RuntimeEnvironmentSecrets": {"SECRET": secret, "PARAMETER": "/web/key"}},
        InstanceConfiguration={"InstanceRoleArn": role},
    )


def files_with_it(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file() and not path.is_symlink() and FOUND in path.read_bytes():
                yield path


def processes_with_it(name: str) -> Iterator[int]:
    for each in Path("/proc").iterdir():
        with suppress(OSError):
            if each.name.isdigit() and FOUND in (each / name).read_bytes():
                yield int(each.name)


def namespace_of(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/pid").readlink())


def test_a_secret_is_where_only_its_owner_and_its_service_read_it(site, tmp_path):
    service = with_secrets(site)
    assert service["Status"] == "RUNNING", site.reason()
    said, places = json.loads(site.answer(service))
    assert said == [VALUE, PARAMETER]
    assert places, "it has them in its own environment"
    assert all(each.startswith("/proc/") for each in places)
    other = site.create(name="other", application=APPLICATION)
    assert other["Status"] == "RUNNING"
    assert json.loads(site.answer(other)) == [["", ""], []], "another service finds them nowhere"

    # On the disk: in the state and in the node's directory, whose files are their owner's alone.
    state = site.folder / "state"
    kept = {path.relative_to(state) for path in files_with_it(tmp_path) if path.is_relative_to(state)}
    assert kept == {
        each for each in kept if each.name.startswith("understudy.db") or each.name == "services.json"
    }
    assert Path("node/services.json") in kept
    assert not [path for path in files_with_it(tmp_path) if not path.is_relative_to(state)]
    for path in files_with_it(tmp_path):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
        assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0, path

    # In no command line, and in the environment of nothing but the service's own processes.
    assert not list(processes_with_it("cmdline"))
    holders = list(processes_with_it("environ"))
    assert holders
    node = site.status().pid
    own = {namespace_of(each) for each in holders}
    assert len(own) == 1, "one process namespace, which is the service's"
    assert own.isdisjoint(map(namespace_of, (node, os.getpid(), site.server.process.pid)))

    # In nothing that is told: calls, explanations, events, logs.
    calls = site.ask(ListTrail(limit=1000))
    assert "GetSecretValue" in str(calls)
    assert "GetParameters" in str(calls)
    told = [calls, site.ask(ListStateChanges())]
    logs = site.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        told.append(logs.filter_log_events(logGroupName=group["logGroupName"])["events"])
    described = site.apprunner.describe_service(ServiceArn=service["ServiceArn"])
    assert FOUND.decode() not in str([*told, described])

    # When it does not run any more the node has them no longer.
    site.apprunner.pause_service(ServiceArn=service["ServiceArn"])
    site.settled(service["ServiceArn"])
    assert not list(processes_with_it("environ"))
    assert not list(files_with_it(site.node))
