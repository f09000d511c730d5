"""A product of a partner, in an account of its own, that asks for temporary permissions."""

from __future__ import annotations

import json
from typing import Any

from understudy_aws.admin.requests import AddDelegationTemplate, ListDelegationMessages
from understudy_aws.testing import Understudy

PRODUCT = "444455556666"
READS = {"Effect": "Allow", "Action": ["iam:ListRoles", "iam:ListUsers"], "Resource": "*"}


def template(*statements: dict[str, Any]) -> str:
    """A policy template of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Product:
    """What a partner does: it registers templates, asks, reads its topic and trades tokens in."""

    def __init__(self, understudy: Understudy, account: str = "") -> None:
        """In an account of that number, or in the first one."""
        self.understudy = understudy
        self.account = account or understudy.account
        self.topic = f"arn:aws:sns:us-east-1:{self.account}:delegations"
        self.administrator = (
            understudy.account_administrator(account) if account else understudy.administrator
        )
        self.iam = understudy.client("iam", as_=self.administrator)
        self.sts = understudy.client("sts", as_=self.administrator)
        self._asked = 0

    def register(self, *statements: dict[str, Any], name: str = "example.com/Setup") -> str:
        """The ARN of a template of these statements."""
        asked = AddDelegationTemplate(
            name=name,
            account=self.account,
            document=template(*(statements or (READS,))),
            requestor="Example",
        )
        return str(self.understudy.answer_administrative(asked)["arn"])

    def ask(self, *parameters: dict[str, Any], arn: str = "", **more: Any) -> str:
        """The id of a request by a template; by one that reads roles and users, unless told otherwise."""
        self._asked += 1
        permissions: dict[str, Any] = {"PolicyTemplateArn": arn or self.register()}
        if parameters:
            permissions["Parameters"] = list(parameters)
        return str(
            self.iam.create_delegation_request(
                **{
                    "Description": "Sets Example up.",
                    "Permissions": permissions,
                    "RequestorWorkflowId": f"workflow-{self._asked}",
                    "NotificationChannel": self.topic,
                    "SessionDuration": 3600,
                    **more,
                }
            )["DelegationRequestId"]
        )

    def told(self, id: str) -> list[dict[str, str]]:
        """What IAM has published about a request."""
        found = self.understudy.answer_administrative(ListDelegationMessages())["messages"]
        return [each["message"] for each in found if each["message"]["RequestId"] == id]

    def token(self, id: str) -> str:
        """The exchange token of a request."""
        (token,) = (each["ExchangeToken"] for each in self.told(id) if "ExchangeToken" in each)
        return token
