"""The whole chain by the real `aws` command over a socket, one step after the other, with a kill -9 in the middle.

The steps are those of the App Runner guide's page "Using roles for networking"; each test goes on where the one
before it ended. Texts: service-linked-roles.md 1 and policies.md 4.9, apprunner.md 2.8.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from networking import PERMISSIONS, POLICY_ARN, PRINCIPAL, PROTECTED, ROLE, TRUST, role_arn
from server_process import ServerProcess, clean_environment

pytestmark = pytest.mark.system

ACCOUNT = "123456789012"
ROLE_ARN = role_arn(ACCOUNT)
DEPLOYMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:CreateVpc",
                "ec2:CreateSubnet",
                "ec2:CreateSecurityGroup",
                "ec2:Describe*",
                "apprunner:*",
            ],
            "Resource": "*",
        }
    ],
}


class Chain:
    """The server's process, who asks, and what was learnt on the way."""

    def __init__(self, directory) -> None:
        self.state = str(directory / "state")
        self.home = directory
        self.known: dict[str, str] = {}
        self.port = "0"
        self.start()
        self.administrator = (self.said["access_key_id"], self.said["secret_access_key"])

    def start(self) -> None:
        self.server = ServerProcess(
            "--json", "--lifeline", "--account", ACCOUNT, "--state", self.state, "--port", self.port
        )
        self.said = self.server.said
        self.port = self.said["endpoint"].rpartition(":")[2]

    def end(self, how: int) -> int:
        return self.server.end(how)[0]

    def run(self, *arguments: str, as_=None) -> subprocess.CompletedProcess[str]:
        key, secret = as_ or self.administrator
        environment = clean_environment(
            self.home,
            AWS_ENDPOINT_URL=self.said["endpoint"],
            AWS_ACCESS_KEY_ID=key,
            AWS_SECRET_ACCESS_KEY=secret,
            AWS_REGION="us-east-1",
            # The command line of this major version knows this one only.
            AWS_DEFAULT_REGION="us-east-1",
        )
        return subprocess.run(
            [sys.executable, "-m", "awscli", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=False,
        )

    def aws(self, *arguments: str, as_=None):
        """What the command answers; it must succeed."""
        done = self.run(*arguments, as_=as_)
        assert 0 == done.returncode, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments: str, as_=None) -> str:
        """The sentence the command ends with; it must fail."""
        done = self.run(*arguments, as_=as_)
        assert 0 != done.returncode, done.stdout
        # The command marks its own sentences with `aws: [ERROR]: ` in some versions.
        return done.stderr.strip().removeprefix("aws: [ERROR]: ")

    def understudy(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "understudy_aws", *arguments, "--state", self.state],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ).stdout

    def user(self, name: str, policy=None) -> tuple[str, str]:
        self.aws("iam", "create-user", "--user-name", name)
        if policy:
            self.aws(
                "iam", "put-user-policy", "--user-name", name, "--policy-name", "given",
                "--policy-document", json.dumps(policy),
            )  # fmt: skip
        key = self.aws("iam", "create-access-key", "--user-name", name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    def connector(self, run, name="web-vpc"):
        return run(
            "apprunner", "create-vpc-connector", "--vpc-connector-name", name,
            "--subnets", self.known["first"], self.known["second"], "--security-groups", self.known["group"],
            as_=self.deploy,
        )  # fmt: skip

    def delete_role(self) -> list:
        """Ask for the role's deletion; every status until it is over, and the task."""
        task = self.aws("iam", "delete-service-linked-role", "--role-name", ROLE)["DeletionTaskId"]
        assert task.startswith(f"task/aws-service-role/{PRINCIPAL}/{ROLE}/")
        deadline = time.monotonic() + 30
        while True:
            status = self.aws("iam", "get-service-linked-role-deletion-status", "--deletion-task-id", task)
            if status["Status"] not in ("IN_PROGRESS", "NOT_STARTED") or time.monotonic() > deadline:
                return status


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    made = Chain(tmp_path_factory.mktemp("chain"))
    yield made
    made.server.close()


def test_01_the_deploy_user_makes_a_network(chain):
    chain.deploy = chain.user("deploy", DEPLOYMENT)
    vpc = chain.aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16", as_=chain.deploy)["Vpc"]
    assert ("10.0.0.0/16", ACCOUNT) == (vpc["CidrBlock"], vpc["OwnerId"])
    for name, cidr in (("first", "10.0.1.0/24"), ("second", "10.0.2.0/24")):
        made = chain.aws(
            "ec2", "create-subnet", "--vpc-id", vpc["VpcId"], "--cidr-block", cidr, as_=chain.deploy
        )
        chain.known[name] = made["Subnet"]["SubnetId"]
    chain.known["group"] = chain.aws(
        "ec2", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc["VpcId"],
        as_=chain.deploy,
    )["GroupId"]  # fmt: skip


def test_02_a_connector_is_refused_without_the_permission_and_nothing_is_left_behind(chain):
    assert (
        "An error occurred (InvalidRequestException) when calling the CreateVpcConnector operation: AccessDenied. "
        "Couldn't create a service-linked role for App Runner. When creating the first service in the account, caller "
        "must have the 'iam:CreateServiceLinkedRole' permission. Use the 'AWSAppRunnerFullAccess' managed user policy "
        "to ensure users have all required permissions."
    ) == chain.connector(chain.refused)
    assert [] == chain.aws("apprunner", "list-vpc-connectors")["VpcConnectors"]
    assert chain.refused("iam", "get-role", "--role-name", ROLE).endswith(
        f"The role with name {ROLE} cannot be found."
    )


def test_03_explain_names_the_missing_statement(chain):
    entries = json.loads(chain.understudy("trail", "--json"))["entries"]
    request_id = next(
        entry["call"]["request_id"] for entry in entries if entry["call"]["operation"] == "CreateVpcConnector"
    )
    chain.statement = {
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": ROLE_ARN,
        "Condition": {"StringEquals": {"iam:AWSServiceName": PRINCIPAL}},
    }
    answer = json.loads(chain.understudy("explain", request_id, "--json"))
    assert [chain.statement] == [
        json.loads(question["missing_statement"])
        for made in answer["made_for_it"]
        for question in made["questions"]
        if question["effect"] != "allow"
    ]
    shown = chain.understudy("explain", request_id)
    assert f"To allow it, add to an identity policy of arn:aws:iam::{ACCOUNT}:user/deploy:\n" in shown
    assert '"Action": "iam:CreateServiceLinkedRole",\n' in shown


def test_04_granted_that_statement_connector_and_role_appear(chain):
    chain.aws(
        "iam", "put-user-policy", "--user-name", "deploy", "--policy-name", "networking",
        "--policy-document", json.dumps({"Version": "2012-10-17", "Statement": [chain.statement]}),
    )  # fmt: skip
    made = chain.connector(chain.aws)["VpcConnector"]
    assert "ACTIVE" == made["Status"]
    chain.known["connector"] = made["VpcConnectorArn"]


def test_05_the_roles_documents_are_the_pages(chain):
    role = chain.aws("iam", "get-role", "--role-name", ROLE)["Role"]
    assert (ROLE_ARN, TRUST) == (role["Arn"], role["AssumeRolePolicyDocument"])
    chain.known["role"] = role["RoleId"]
    attached = chain.aws("iam", "list-attached-role-policies", "--role-name", ROLE)["AttachedPolicies"]
    assert [POLICY_ARN] == [policy["PolicyArn"] for policy in attached]
    version = chain.aws("iam", "get-policy-version", "--policy-arn", POLICY_ARN, "--version-id", "v1")[
        "PolicyVersion"
    ]
    assert PERMISSIONS == version["Document"]


def test_06_not_even_the_administrator_assumes_it(chain):
    assert chain.refused(
        "sts", "assume-role", "--role-arn", ROLE_ARN, "--role-session-name", "me"
    ).startswith(
        "An error occurred (AccessDenied) when calling the AssumeRole operation: "
        f"User: arn:aws:iam::{ACCOUNT}:user/Administrator is not authorized to perform: sts:AssumeRole on resource: "
        f"{ROLE_ARN}"
    )


@pytest.mark.parametrize(
    ("command", "operation", "more"),
    [
        (
            "attach-role-policy",
            "AttachRolePolicy",
            ["--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess"],
        ),
        (
            "put-role-policy",
            "PutRolePolicy",
            ["--policy-name", "p", "--policy-document", json.dumps(PERMISSIONS)],
        ),
        ("update-assume-role-policy", "UpdateAssumeRolePolicy", ["--policy-document", json.dumps(TRUST)]),
        ("delete-role", "DeleteRole", []),
    ],
)
def test_07_nobody_changes_it(chain, command, operation, more):
    assert (
        f"An error occurred (UnmodifiableEntity) when calling the {operation} operation: {PROTECTED}"
    ) == chain.refused("iam", command, "--role-name", ROLE, *more)


def test_08_its_description_is_edited(chain):
    chain.aws("iam", "update-role-description", "--role-name", ROLE, "--description", "ours")
    assert "ours" == chain.aws("iam", "get-role", "--role-name", ROLE)["Role"]["Description"]


def test_09_its_policy_is_not_attachable_elsewhere(chain):
    assert (
        "An error occurred (PolicyNotAttachable) when calling the AttachUserPolicy operation: "
        in chain.refused("iam", "attach-user-policy", "--user-name", "deploy", "--policy-arn", POLICY_ARN)
    )


def test_10_the_server_is_killed_and_everything_is_still_there(chain):
    assert -signal.SIGKILL == chain.end(signal.SIGKILL)
    chain.start()
    connectors = chain.aws("apprunner", "list-vpc-connectors")["VpcConnectors"]
    assert [chain.known["connector"]] == [connector["VpcConnectorArn"] for connector in connectors]
    role = chain.aws("iam", "get-role", "--role-name", ROLE)["Role"]
    assert (chain.known["role"], "ours") == (role["RoleId"], role["Description"])


def test_11_its_deletion_fails_naming_the_connector_that_uses_it(chain):
    status = chain.delete_role()
    assert "FAILED" == status["Status"]
    assert [{"Region": "us-east-1", "Resources": [chain.known["connector"]]}] == status["Reason"][
        "RoleUsageList"
    ]


def test_12_it_is_deleted_after_cleaning_up(chain):
    deleted = chain.aws(
        "apprunner", "delete-vpc-connector", "--vpc-connector-arn", chain.known["connector"], as_=chain.deploy
    )
    assert "INACTIVE" == deleted["VpcConnector"]["Status"]
    assert {"Status": "SUCCEEDED"} == chain.delete_role()
    assert "NoSuchEntity" in chain.refused("iam", "get-role", "--role-name", ROLE)


def test_13_the_next_connector_makes_it_again(chain):
    assert "ACTIVE" == chain.connector(chain.aws)["VpcConnector"]["Status"]
    assert chain.known["role"] != chain.aws("iam", "get-role", "--role-name", ROLE)["Role"]["RoleId"]


def test_14_the_role_does_its_work_and_the_trail_shows_its_session(chain):
    connector = chain.aws("apprunner", "list-vpc-connectors")["VpcConnectors"][0]
    said = chain.understudy("rehearse", connector["VpcConnectorArn"])
    assert "refused      make an interface with a foreign tag" in said
    assert "NOT" not in said.split()
    assert [] == chain.aws("ec2", "describe-network-interfaces")["NetworkInterfaces"]
    shown = json.loads(chain.understudy("trail", "--limit", "1000", "--json"))
    session = f"assumed-role/{ROLE}/AppRunnerNetworking"
    calls = [each["call"] for each in shown["entries"]]
    by_the_role = {
        f"{call['service']}:{call['operation']}" for call in calls if session in call["caller"].get("arn", "")
    }
    assert {
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:CreateTags",
        "ec2:DeleteNetworkInterface",
    } == by_the_role


def test_15_the_trail_shows_the_calls_and_those_made_for_them(chain):
    shown = chain.understudy("trail", "--limit", "1000")
    for call in (
        "sts:AssumeRole",
        "apprunner:CreateVpcConnector",
        "iam:CreateServiceLinkedRole",
        "ec2:DescribeSubnets",
    ):
        assert call in shown
    assert f"{ACCOUNT}:user/deploy" in shown
    existing = json.loads(chain.understudy("roles", "--existing", "--json"))["roles"]
    assert [ROLE] == [role["role_name"] for role in existing]


def test_15_asked_to_stop_it_stops_cleanly_and_the_state_answers_still(chain):
    assert 0 == chain.end(signal.SIGTERM)
    status = json.loads(chain.understudy("status", "--json"))
    assert (None, [ACCOUNT]) == (status["endpoint"], [account["id"] for account in status["accounts"]])
    for path in (chain.home / "state").iterdir():
        assert 0 == path.stat().st_mode & 0o077, path
