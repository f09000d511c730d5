"""Remedies carried out for real, one by one, by an administrator who does as he is told, until the call passes."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

from understudy_aws.admin.explanations import Explanations
from understudy_aws.testing import Credentials, Understudy

ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
MOST_CHANGES = 12


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Situation:
    """A user or a role's session of a member account whom something in the way keeps from making a VPC."""

    def __init__(self, understudy: Understudy, lots: random.Random) -> None:
        self.understudy, self.lots = understudy, lots
        self.organizations = understudy.client("organizations")
        self.explanations = Explanations(understudy.app.gateway, understudy.app.gateway.credentials)
        self.passed: list[dict[str, Any]] | None = None
        self._organize()
        self._make_who()

    def random_statements(self, kind: str) -> list[dict[str, Any]]:
        """Some that allow, some that do not, some that deny; never none, for no policy may be empty."""
        pool = [
            ALL,
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"},
            {"Effect": "Allow", "Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:subnet/*"},
            {"Sid": kind, "Effect": "Deny", "Action": "ec2:CreateVpc", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "arn:aws:ec2:*:*:vpc/*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}},
            },
            {
                "Effect": "Allow",
                "Action": "ec2:CreateVpc",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestTag/team": "web"}},
            },
        ]
        return self.lots.sample(pool, self.lots.randint(1, 2))

    def _organize(self) -> None:
        self.organizations.create_organization(FeatureSet="ALL")
        root = self.organizations.list_roots()["Roots"][0]["Id"]
        self.organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
        asked = self.organizations.create_account(AccountName="prod", Email="prod@example.com")
        self.understudy.settle()
        status = self.organizations.describe_create_account_status(
            CreateAccountRequestId=asked["CreateAccountStatus"]["Id"]
        )
        self.account = status["CreateAccountStatus"]["AccountId"]
        if self.lots.randint(0, 1):
            content = document(*self.random_statements("scp"))
            policy = self._new_scp("Guard", content)
            self.organizations.attach_policy(PolicyId=policy, TargetId=self.lots.choice([root, self.account]))
            if self.lots.randint(0, 1) and "Deny" not in content:
                # What is only allowed by the guard is allowed by nothing else.
                self.organizations.attach_policy(
                    PolicyId=self._new_scp("Iam", document({**ALL, "Action": ["iam:*", "sts:*"]})),
                    TargetId=self.account,
                )
                self.organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=self.account)
        owner = f"arn:aws:iam::{self.account}:role/OrganizationAccountAccessRole"
        answer = self.understudy.client("sts").assume_role(RoleArn=owner, RoleSessionName="owner")
        self.iam = self.understudy.client("iam", as_=self.understudy.session_of(answer))

    def _new_scp(self, name: str, content: str) -> str:
        made = self.organizations.create_policy(
            Name=name, Description="", Type="SERVICE_CONTROL_POLICY", Content=content
        )
        return made["Policy"]["PolicySummary"]["Id"]

    def _make_who(self) -> None:
        self.kind = self.lots.choice(["User", "Role"])
        if self.kind == "User":
            self.iam.create_user(UserName="who")
            key = self.iam.create_access_key(UserName="who")["AccessKey"]
            self._keys = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        else:
            trust = {
                "Effect": "Allow",
                "Principal": {"AWS": self.understudy.account},
                "Action": "sts:AssumeRole",
            }
            self.iam.create_role(RoleName="who", AssumeRolePolicyDocument=document(trust))
            if self.lots.randint(0, 1):
                self.passed = self.random_statements("session")
        if self.lots.randint(0, 3):
            self._put("given", self.random_statements("identity"))
        if self.lots.randint(0, 1):
            made = self.iam.create_policy(
                PolicyName="Edge", PolicyDocument=document(*self.random_statements("boundary"))
            )
            self._bound(made["Policy"]["Arn"])
        elif self.lots.randint(0, 3) == 0:
            self._bound("arn:aws:iam::aws:policy/IAMReadOnlyAccess")

    def _bound(self, arn: str) -> None:
        call = getattr(self.iam, f"put_{self.kind.lower()}_permissions_boundary")
        call(**{f"{self.kind}Name": "who"}, PermissionsBoundary=arn)

    def _put(self, name: str, statements: list[dict[str, Any]]) -> None:
        call = getattr(self.iam, f"put_{self.kind.lower()}_policy")
        call(**{f"{self.kind}Name": "who"}, PolicyName=name, PolicyDocument=document(*statements))

    def _inline(self, name: str) -> list[dict[str, Any]]:
        call = getattr(self.iam, f"get_{self.kind.lower()}_policy")
        return call(**{f"{self.kind}Name": "who"}, PolicyName=name)["PolicyDocument"]["Statement"]

    def who(self) -> Credentials:
        """Whoever asks, with a new session where there are sessions."""
        if self.kind == "User":
            return self._keys
        given = {} if self.passed is None else {"Policy": document(*self.passed)}
        arn = f"arn:aws:iam::{self.account}:role/who"
        return self.understudy.session_of(
            self.understudy.client("sts").assume_role(RoleArn=arn, RoleSessionName="night", **given)
        )

    def ask(self) -> str:
        """The id of the refused request; "" when it was carried out."""
        ec2 = self.understudy.client("ec2", as_=self.who())
        try:
            ec2.create_vpc(CidrBlock="10.0.0.0/16")
        except ClientError as refusal:
            return refusal.response["ResponseMetadata"]["RequestId"]
        return ""

    def carry_out(self, remedy: dict[str, Any]) -> None:
        """Do what the remedy says, with the calls an administrator would make."""
        added, index = remedy["statement"], remedy["index"]
        if remedy["layer"] == "identity":
            self._put(f"added-{self.lots.random()}".replace(".", ""), [added]) if added else self._put(
                remedy["policy"], without(self._inline(remedy["policy"]), index)
            )
        elif remedy["layer"] == "session":
            self.passed = [*self.passed, added] if added else without(self.passed, index)
        elif remedy["layer"] == "boundary":
            self._change_boundary(added, index)
        elif added:
            policy = self._new_scp(f"added-{self.lots.random()}", document(added))
            self.organizations.attach_policy(PolicyId=policy, TargetId=self._at(remedy["level"]))
        else:
            id = remedy["policy"].rpartition("/")[2]
            content = self.organizations.describe_policy(PolicyId=id)["Policy"]["Content"]
            self.organizations.update_policy(
                PolicyId=id, Content=document(*without(json.loads(content)["Statement"], index))
            )

    def _at(self, level: int) -> str:
        return [self.organizations.list_roots()["Roots"][0]["Id"], self.account][level]

    def _change_boundary(self, added: dict[str, Any] | None, index: int) -> None:
        kind = self.kind.lower()
        entity = getattr(self.iam, f"get_{kind}")(**{f"{self.kind}Name": "who"})[self.kind]
        arn = entity["PermissionsBoundary"]["PermissionsBoundaryArn"]
        version = self.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = self.iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]
        statements = found["Document"]["Statement"]
        statements = [*statements, added] if added else without(statements, index)
        if ":aws:policy/" in arn:
            made = self.iam.create_policy(PolicyName="Another", PolicyDocument=document(*statements))
            self._bound(made["Policy"]["Arn"])
        else:
            self.iam.create_policy_version(
                PolicyArn=arn, PolicyDocument=document(*statements), SetAsDefault=True
            )


def without(statements: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
    """The statements but the one that denied; a policy may not be empty, so one that matters to nobody stays."""
    left = [each for at, each in enumerate(statements) if at != index]
    return left or [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]


@pytest.mark.parametrize("seed", range(24))
def test_the_first_remedy_again_and_again_lets_the_request_pass(seed):
    """Each request is explained by its id; what is said ahead is the same."""
    with Understudy(ids_seed=seed) as understudy:
        situation = Situation(understudy, random.Random(seed))
        request_id, counts = situation.ask(), []
        while request_id:
            answer = situation.explanations.of_request(request_id)
            question = next(each for each in answer["questions"] if each["effect"] != "allow")
            assert question["remedies"], question["text"]
            counts.append(len(question["remedies"]))
            situation.carry_out(question["remedies"][0])
            assert len(counts) <= MOST_CHANGES, question["text"]
            request_id = situation.ask()
        # Each change made the list one shorter, down to the last one.
        assert list(range(len(counts), 0, -1)) == counts
