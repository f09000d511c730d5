"""An organization to test in: the default account manages it, and members are made as a test wants them."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.testing import Credentials, Understudy

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*", **more}


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


class Estate:
    """An organization with these policy types enabled."""

    def __init__(self, understudy: Understudy, *types: str) -> None:
        self.understudy = understudy
        self.organizations = understudy.client("organizations")
        self.id: str = self.organizations.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        self.root: str = self.organizations.list_roots()["Roots"][0]["Id"]
        for each in types:
            self.organizations.enable_policy_type(RootId=self.root, PolicyType=each)

    def account(self, name: str = "dev") -> str:
        """The number of a new member account."""
        asked = self.organizations.create_account(Email=f"{name}@example.com", AccountName=name)
        self.understudy.settle()
        status = self.organizations.describe_create_account_status(
            CreateAccountRequestId=asked["CreateAccountStatus"]["Id"]
        )["CreateAccountStatus"]
        assert status["State"] == "SUCCEEDED"
        number: str = status["AccountId"]
        return number

    def administrator(self, account: str) -> Credentials:
        """The management account's way into a member account, as its administrator."""
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return self.understudy.session_of(
            self.understudy.client("sts").assume_role(RoleArn=role, RoleSessionName="admin")
        )

    def unit(self, name: str, parent: str | None = None) -> str:
        """The id of a new organizational unit."""
        made = self.organizations.create_organizational_unit(ParentId=parent or self.root, Name=name)
        id: str = made["OrganizationalUnit"]["Id"]
        return id

    def move(self, account: str, to: str) -> None:
        parent = self.organizations.list_parents(ChildId=account)["Parents"][0]["Id"]
        self.organizations.move_account(AccountId=account, SourceParentId=parent, DestinationParentId=to)

    def policy(self, *statements: dict[str, Any], type: str = SCP, name: str = "guard") -> str:
        """The id of a new policy."""
        made = self.organizations.create_policy(
            Name=name, Description="", Type=type, Content=document(*statements)
        )
        id: str = made["Policy"]["PolicySummary"]["Id"]
        return id

    def arn(self, policy: str) -> str:
        """A policy's ARN."""
        arn: str = self.organizations.describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]["Arn"]
        return arn

    def attach(self, policy: str, target: str) -> None:
        self.organizations.attach_policy(PolicyId=policy, TargetId=target)

    def detach(self, policy: str, target: str) -> None:
        self.organizations.detach_policy(PolicyId=policy, TargetId=target)

    def only(self, policy: str, target: str) -> None:
        """Attach a policy in place of FullAWSAccess: an allow list."""
        self.attach(policy, target)
        self.detach("p-FullAWSAccess", target)
