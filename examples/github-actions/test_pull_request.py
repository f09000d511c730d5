"""Which workflows of GitHub's deploy, and which do not: each has the token that GitHub would give it."""

import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from trust import trust_github

HERE = Path(__file__).parent
MAIN = {"repository": "acme/shop", "ref": "refs/heads/main"}
PRODUCTION = {"repository": "acme/shop", "environment": "production"}
PULL_REQUEST = {"repository": "acme/shop", "event_name": "pull_request"}


@pytest.fixture
def role(understudy_server):
    return trust_github(understudy_server.client("iam"), understudy_server.account)


@pytest.fixture
def deploy(understudy_server, role, tmp_path):
    """Run deploy.py as a workflow with these claims does: a token in a file, and no key."""

    def run(**claims):
        token = tmp_path / "token"
        token.write_text(understudy_server.web_identity_token("github", **claims))
        environment = understudy_server.environment()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
        environment |= {
            "AWS_ROLE_ARN": role,
            "AWS_ROLE_SESSION_NAME": "run-1",
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        }
        return subprocess.run(
            [sys.executable, HERE / "deploy.py"], env=environment, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def assume(understudy_server, role):
    """Show the token of a workflow with these claims to STS."""
    sts = boto3.client(
        "sts",
        region_name="us-east-1",
        endpoint_url=understudy_server.endpoint_url,
        config=Config(signature_version=UNSIGNED),
    )

    def shown(**claims):
        token = understudy_server.web_identity_token("github", **claims)
        return sts.assume_role_with_web_identity(
            RoleArn=role, RoleSessionName="run-1", WebIdentityToken=token
        )

    return shown


@pytest.mark.parametrize("claims", [MAIN, PRODUCTION], ids=["main", "production"])
def test_the_main_branch_and_the_environment_deploy(deploy, claims):
    done = deploy(**claims)
    assert done.returncode == 0, done.stderr
    who, connector = done.stdout.split()
    assert who.endswith(":assumed-role/deploy/run-1")
    assert ":vpcconnector/web-vpc/1/" in connector


def test_a_pull_request_does_not_and_is_told_why(deploy, assume, understudy_server):
    done = deploy(**PULL_REQUEST)
    assert done.returncode != 0
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in done.stderr
    assert not understudy_server.client("apprunner").list_vpc_connectors()["VpcConnectors"]
    with pytest.raises(ClientError) as refused:
        assume(**PULL_REQUEST)
    # What the token's subject was, and what the trust policy wants.
    why = understudy_server.explain(refused.value)
    assert "repo:acme/shop:pull_request" in why
    assert "repo:acme/shop:ref:refs/heads/main" in why


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "acme/other", "ref": "refs/heads/main"},
        {"repository": "mallory/shop", "ref": "refs/heads/main"},
        {"repository": "acme/shop", "ref": "refs/heads/feature"},
        {"repository": "acme/shop", "ref": "refs/tags/main"},
        {"repository": "acme/shop", "environment": "staging"},
        {**PULL_REQUEST, "ref": "refs/heads/main"},
    ],
    ids=["another repository", "a fork", "another branch", "a tag", "another environment", "a pull request"],
)
def test_nobody_else_does(assume, claims):
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(**claims)


@pytest.mark.parametrize(
    "claims",
    [{"aud": "https://github.com/acme"}, {"iss": "https://mallory.example.com"}, {"exp": 1_000_000_000}],
    ids=["for somebody else", "of another issuer", "of long ago"],
)
def test_a_token_that_is_not_good_is_none(assume, claims):
    with pytest.raises(ClientError, match=r"InvalidIdentityToken|ExpiredTokenException"):
        assume(**MAIN, **claims)


def test_the_role_does_nothing_but_deploy(assume, understudy_server):
    session = understudy_server.session_of(assume(**MAIN))
    with pytest.raises(ClientError, match="AccessDenied"):
        understudy_server.client("iam", as_=session).create_user(UserName="mallory")
