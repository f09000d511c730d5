"""Guard rails by the real `aws organizations` command over a socket, from nothing to a denial and its explanation."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.system

ACCOUNT = "123456789012"
GUARD = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "NoUsers", "Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}],
}


class Session:
    """A server's process, and commands run against it."""

    def __init__(self, directory) -> None:
        self.state, self.home = str(directory / "state"), directory
        self.said = {}
        self.start()

    def start(self) -> None:
        self.server = ServerProcess("--json", "--lifeline", "--account", ACCOUNT, "--state", self.state)
        # Keys are shown at the first start alone.
        self.said |= self.server.said

    def run(self, module: str, *arguments: str, keys=None) -> subprocess.CompletedProcess[str]:
        given = keys or {
            "AccessKeyId": self.said["access_key_id"],
            "SecretAccessKey": self.said["secret_access_key"],
        }
        environment = clean_environment(
            self.home,
            AWS_ENDPOINT_URL=self.said["endpoint"],
            AWS_ACCESS_KEY_ID=given["AccessKeyId"],
            AWS_SECRET_ACCESS_KEY=given["SecretAccessKey"],
            AWS_DEFAULT_REGION="eu-west-1",
            **({"AWS_SESSION_TOKEN": given["SessionToken"]} if "SessionToken" in given else {}),
        )
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True, text=True, env=environment, timeout=60, check=False,
        )  # fmt: skip

    def aws(self, *arguments: str, keys=None):
        """What the command answers; it must succeed."""
        done = self.run("awscli", *arguments, keys=keys)
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None


@pytest.fixture
def session(tmp_path):
    made = Session(tmp_path)
    yield made
    made.server.end()


def test_guard_rails_from_the_command_line(session):
    session.aws("organizations", "create-organization", "--feature-set", "ALL")
    root = session.aws("organizations", "list-roots")["Roots"][0]["Id"]
    session.aws(
        "organizations", "enable-policy-type", "--root-id", root, "--policy-type", "SERVICE_CONTROL_POLICY"
    )
    unit = session.aws(
        "organizations", "create-organizational-unit", "--parent-id", root, "--name", "Prod"
    )["OrganizationalUnit"]["Id"]  # fmt: skip
    request = session.aws(
        "organizations", "create-account", "--email", "prod@example.com", "--account-name", "prod"
    )["CreateAccountStatus"]["Id"]  # fmt: skip
    account = created(session, request)
    session.aws(
        "organizations", "move-account", "--account-id", account,
        "--source-parent-id", root, "--destination-parent-id", unit,
    )  # fmt: skip
    guard = session.aws(
        "organizations", "create-policy", "--name", "Guard", "--description", "no users",
        "--type", "SERVICE_CONTROL_POLICY", "--content", json.dumps(GUARD),
    )["Policy"]["PolicySummary"]  # fmt: skip
    session.aws("organizations", "attach-policy", "--policy-id", guard["Id"], "--target-id", unit)
    keys = session.aws(
        "sts", "assume-role", "--role-session-name", "admin",
        "--role-arn", f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole",
    )["Credentials"]  # fmt: skip

    def is_refused() -> None:
        refused = session.run("awscli", "iam", "create-user", "--user-name", "x", keys=keys)
        assert 0 != refused.returncode
        assert (
            "is not authorized to perform: iam:CreateUser on resource: "
            f"arn:aws:iam::{account}:user/x with an explicit deny in a service control policy: {guard['Arn']}"
        ) in refused.stderr

    is_refused()
    session.server.end(signal.SIGKILL)
    session.start()
    is_refused()
    explained = session.run(
        "understudy_aws", "explain", "--as", f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole",
        "--action", "iam:CreateUser", "--resource", f"arn:aws:iam::{account}:user/x", "--state", session.state,
    )  # fmt: skip
    assert f"organizational unit Prod ({unit})" in explained.stdout
    assert f"Guard ({guard['Id']})" in explained.stdout

    session.aws("organizations", "detach-policy", "--policy-id", guard["Id"], "--target-id", unit)
    assert session.aws("iam", "create-user", "--user-name", "x", keys=keys)


def created(session: Session, request: str) -> str:
    """The account's number, once it is made."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        status = session.aws(
            "organizations", "describe-create-account-status", "--create-account-request-id", request
        )["CreateAccountStatus"]  # fmt: skip
        if status["State"] == "SUCCEEDED":
            return status["AccountId"]
        assert "IN_PROGRESS" == status["State"]
    raise AssertionError("the account was not made in half a minute")
