"""The AWS CLI, as each kind of principal: who it is, and what refusals say, all over a socket (sts.md 3.2)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from estates import Estate

from understudy_aws.cli.main import main
from understudy_aws.testing import Credentials, UnderstudyServer

pytestmark = [pytest.mark.system, pytest.mark.timeout(280)]

ACCOUNT = "000000000000"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/local"
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
        {
            "Effect": "Allow",
            "Principal": {"Federated": PROVIDER},
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": {"StringEquals": {"saml:aud": "https://signin.aws.amazon.com/saml"}},
        },
    ],
}


@pytest.fixture(scope="module")
def server():
    with UnderstudyServer() as running:
        yield running


@pytest.fixture
def aws(server):
    """Run the AWS CLI as somebody; its answer, or with `refused` what it said of the error."""

    def run(*words, as_=None, refused=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", *words, "--output", "json"],
            env=server.environment(as_=as_),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) is not refused, done.stderr
        return done.stderr.strip() if refused else json.loads(done.stdout or "null")

    return run


def session_of(answer):
    given = answer["Credentials"]
    return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def saml(capfd, tmp_path, *words):
    """What `understudy saml` prints."""
    assert main(["saml", *words, "--state", str(tmp_path / "state")]) == 0
    return capfd.readouterr().out


def test_each_kind_of_principal_is_told_who_it_is(server, aws, tmp_path, capfd):
    metadata = Path(tmp_path / "metadata.xml")
    metadata.write_text(saml(capfd, tmp_path, "metadata"))
    aws("iam", "create-saml-provider", "--name", "local", "--saml-metadata-document", f"file://{metadata}")
    aws("iam", "create-role", "--role-name", "staff", "--assume-role-policy-document", json.dumps(TRUST))
    role = f"arn:aws:iam::{ACCOUNT}:role/staff"
    aws(
        "iam",
        "put-role-policy",
        "--role-name",
        "staff",
        "--policy-name",
        "all",
        "--policy-document",
        EVERYTHING,
    )
    estate = Estate(server)
    estate.organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    aws("iam", "enable-organizations-root-credentials-management")
    member = aws("organizations", "create-account", "--email", "m@example.com", "--account-name", "m")
    asked = member["CreateAccountStatus"]["Id"]
    status = aws("organizations", "describe-create-account-status", "--create-account-request-id", asked)
    account = status["CreateAccountStatus"]["AccountId"]
    assertion = saml(
        capfd, tmp_path, "issue", "--role", role, "--provider", PROVIDER, "--subject", "ann"
    ).strip()
    answers = {
        "user": aws("sts", "get-session-token"),
        "federated": aws("sts", "get-federation-token", "--name", "guest", "--policy", EVERYTHING),
        "role": aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "work"),
        "saml": aws(
            "sts", "assume-role-with-saml", "--role-arn", role, "--principal-arn", PROVIDER, "--saml-assertion", assertion
        ),
        "root": aws(
            "sts", "assume-root", "--target-principal", account, "--task-policy-arn",
            "arn=arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",
        ),
    }  # fmt: skip
    sessions = {kind: session_of(answer) for kind, answer in answers.items()}
    told = {kind: aws("sts", "get-caller-identity", as_=each) for kind, each in sessions.items()}
    user = aws("iam", "get-user")["User"]
    role_id = aws("iam", "get-role", "--role-name", "staff")["Role"]["RoleId"]
    assert told == {
        "user": {"UserId": user["UserId"], "Account": ACCOUNT, "Arn": user["Arn"]},
        "federated": {
            "UserId": f"{ACCOUNT}:guest",
            "Account": ACCOUNT,
            "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
        },
        "role": {
            "UserId": f"{role_id}:work",
            "Account": ACCOUNT,
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/staff/work",
        },
        "saml": {
            "UserId": f"{role_id}:ann",
            "Account": ACCOUNT,
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/staff/ann",
        },
        "root": {"UserId": account, "Account": account, "Arn": f"arn:aws:iam::{account}:root"},
    }
    for kind, each in sessions.items():
        key = each.access_key_id
        assert aws("sts", "get-access-key-info", "--access-key-id", key)["Account"] == told[kind]["Account"]
    # EC2's refusals hold a message that the account's administrator may read, whoever was refused.
    aws("iam", "delete-role-policy", "--role-name", "staff", "--policy-name", "all")
    said = aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", as_=sessions["saml"], refused=True)
    message = said.rpartition(" ")[2]
    decoded = json.loads(
        aws("sts", "decode-authorization-message", "--encoded-message", message)["DecodedMessage"]
    )
    assert decoded["context"]["principal"]["arn"] == told["saml"]["Arn"]
    assert decoded["context"]["action"] == "ec2:CreateVpc"
    keys = {each["key"].lower() for each in decoded["context"]["conditions"]["items"]}
    assert {"saml:sub", "aws:federatedprovider"} <= keys
    said = aws("sts", "get-federation-token", "--name", "other", as_=sessions["federated"], refused=True)
    assert "Cannot call GetFederationToken with session credentials" in said
