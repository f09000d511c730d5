"""boto3, the AWS CLI and Terraform's AWS provider get into a role by a token, without a key."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
from issuers import GITHUB
from served_account import FILES, ServedAccount
from terraform import Terraform, why_not

pytestmark = pytest.mark.system

ISSUER = f"https://{GITHUB}"
RIGHT, WRONG = "repo:acme/shop:ref:refs/heads/main", "repo:acme/shop:pull_request"
ASK = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


class Workflow:
    """A workflow of a repository, which has a token in a file and no key."""

    def __init__(self, account, folder):
        self.account, self.file, self._state = account, folder / "token", str(folder / "state")
        account.understudy("oidc", "add", "github")
        iam = account.client("iam")
        provider = iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["sts.amazonaws.com"])
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": provider["OpenIDConnectProviderArn"]},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {f"{GITHUB}:sub": RIGHT}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        self.role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]["Arn"]

    def run(self, *words, claim=f"sub={RIGHT}"):
        """Run a command with a token of the claim, and nothing else to sign with."""
        self.account.understudy("oidc", "issue", "--claim", claim, "--file", str(self.file))
        kept = {name: text for name, text in self.account.environment.items() if "_ACCESS_KEY" not in name}
        environment = {
            **kept,
            "AWS_ROLE_ARN": self.role,
            "AWS_WEB_IDENTITY_TOKEN_FILE": str(self.file),
            "AWS_ROLE_SESSION_NAME": "run-1",
        }
        return subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def explained(self):
        """Why the last call was refused."""
        return subprocess.run(
            [sys.executable, "-m", "understudy_aws", "explain", "--state", self._state],
            env=self.account.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout


@pytest.fixture(scope="module")
def workflow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workflow")
    account = ServedAccount(folder, state=str(folder / "state"))
    yield Workflow(account, folder)
    account.close()


@pytest.mark.parametrize(
    "words",
    [
        (sys.executable, "-c", ASK),
        (sys.executable, "-m", "awscli", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"),
    ],
    ids=["boto3", "AWS CLI"],
)
def test_the_environments_token_is_all_that_a_client_needs(workflow, words):
    done = workflow.run(*words)
    assert done.returncode == 0, done.stderr
    assert "arn:aws:sts::000000000000:assumed-role/deploy/run-1" == done.stdout.strip()
    refused = workflow.run(*words, claim=f"sub={WRONG}")
    assert refused.returncode != 0
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in refused.stderr
    explained = workflow.explained()
    assert WRONG in explained
    assert RIGHT in explained


needs_terraform = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terraform")
    made = Terraform("web_identity", folder, state=str(folder / "state"))
    yield made
    made.close()


@needs_terraform
@pytest.mark.timeout(900)
class TestTerraform:
    CHANGED = "-var=changed=true"

    def test_1_the_provider_is_made_and_read_back_as_it_was_asked_for(self, terraform):
        found = terraform.apply()
        assert f"arn:aws:iam::000000000000:oidc-provider/{GITHUB}" == found["found"]
        assert found["thumbprints"]
        assert not terraform.changes()

    def test_2_a_deploy_has_a_token_and_no_key(self, terraform, tmp_path):
        terraform.understudy("oidc", "add", "github")
        token = tmp_path / "token"
        deploy = Deploy(terraform, tmp_path, token)
        terraform.understudy("oidc", "issue", "--claim", "repository=acme/shop", "--file", str(token))
        done = deploy.run("apply", "-auto-approve")
        assert done.returncode == 0, done.stderr
        assert "arn:aws:sts::000000000000:assumed-role/deploy/terraform" in deploy.run("output").stdout
        assert {"Vpcs": 1} == {name: count for name, count in terraform.left().items() if name == "Vpcs"}
        done = deploy.run("destroy", "-auto-approve")
        assert done.returncode == 0, done.stderr
        terraform.understudy(
            "oidc", "issue", "--claim", "repository=acme/shop", "--claim", "event_name=pull_request",
            "--file", str(token),
        )  # fmt: skip
        done = deploy.run("apply", "-auto-approve")
        assert done.returncode != 0
        # Terraform breaks the line where it likes.
        assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in " ".join(done.stderr.split())

    def test_3_every_change_in_place_is_made_and_read_back(self, terraform):
        terraform.apply(self.CHANGED)
        assert not terraform.changes(self.CHANGED)
        iam = terraform.client("iam")
        arn = f"arn:aws:iam::000000000000:oidc-provider/{GITHUB}"
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
        assert ["sts.amazonaws.com", "another"] == found["ClientIDList"]
        assert [{"Key": "of", "Value": "shop"}] == found["Tags"]

    def test_4_all_of_it_goes(self, terraform):
        terraform.destroy(self.CHANGED)
        assert [] == terraform.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]


class Deploy:
    """The configuration that has no keys, run against another one's server."""

    def __init__(self, terraform, directory, token):
        self._folder = shutil.copytree(FILES / "terraform" / "web_identity_deploy", directory / "deploy")
        kept = {name: text for name, text in terraform.environment.items() if "_ACCESS_KEY" not in name}
        self._environment = {
            **kept,
            "TF_VAR_role": "arn:aws:iam::000000000000:role/deploy",
            "TF_VAR_token_file": str(token),
        }

    def run(self, *words):
        return subprocess.run(
            ["terraform", words[0], "-no-color", *words[1:]],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
