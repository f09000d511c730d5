"""Makes boto3 clients of an Understudy, and the users and roles that a test wants to try."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from botocore.config import Config

from understudy_aws.admin.requests import AddIssuer, AdminRequest, ExplainRequest, IssueToken
from understudy_aws.testing.credentials import Credentials, of_session
from understudy_aws.testing.sdk import session

Document = Mapping[str, Any] | str | Path
"""A policy document: as a value, as JSON text, or the path of a file with it."""

_REGION = "us-east-1"


class Clients(ABC):
    """Clients, users and roles of one Understudy."""

    parameter_validation: ClassVar[bool] = True
    """Whether clients check parameters before they send them, as they do by default in real life."""

    endpoint_url: str
    account: str
    administrator: Credentials

    @abstractmethod
    def answer_administrative(self, request: AdminRequest) -> Any:
        """Return the answer to an administrative request."""

    def client(self, service: str, *, region: str = _REGION, as_: Credentials | None = None) -> Any:
        """Return a boto3 client of the administrator, or of somebody else."""
        return session().client(service, **self._arguments(region, as_))

    def resource(self, service: str, *, region: str = _REGION, as_: Credentials | None = None) -> Any:
        """Return a boto3 resource of the administrator, or of somebody else."""
        return session().resource(service, **self._arguments(region, as_))

    def user(self, name: str, policy: Document | None = None) -> Credentials:
        """Make a user with this one inline policy (or none) and an access key."""
        iam = self.client("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if policy is not None:
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=_text(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"], arn=arn)

    def role(
        self, name: str, policy: Document | None = None, *, trust: Document | None = None
    ) -> Credentials:
        """Make a role with this one inline policy (or none), and assume it; return the session's credentials.

        The administrator assumes it, so a trust policy that is given must let him.
        """
        iam = self.client("iam")
        trusted = _text(_trust_in(self.account) if trust is None else trust)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
        if policy is not None:
            iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=_text(policy))
        return of_session(self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test"))

    def allowing(self, name: str, *actions: str, resource: str = "*") -> Credentials:
        """Make a user who may do these actions, and nothing else."""
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
        return self.user(name, {"Version": "2012-10-17", "Statement": [statement]})

    def session_of(self, answer: Mapping[str, Any]) -> Credentials:
        """Return the credentials in an answer of STS."""
        return of_session(answer)

    def web_identity_token(self, issuer: str = "github", **claims: Any) -> str:
        """Return a token as an identity provider would make it: `github`, `gitlab`, `eks`, or an issuer by its URL.

        Claims that are not given are made up, and the subject follows from them, as from `repository`, `ref`,
        `environment` and `event_name` of GitHub. Roles trust it where the account has a provider of the issuer's URL.
        """
        self.answer_administrative(AddIssuer(issuer=issuer))
        return str(self.answer_administrative(IssueToken(issuer=issuer, claims=claims))["token"])

    def explain(self, error: Exception | str) -> str:
        """Return why a call was refused and what would allow it. Takes a client's error, or the id of a request.

        Raises ValueError for an error without a request id.
        """
        request_id = error if isinstance(error, str) else _request_id(error)
        if not request_id:
            raise ValueError(f"No request id is in {error!r}; explain takes the ClientError of a client.")
        return _explanation(self.answer_administrative(ExplainRequest(id=request_id)))

    def _arguments(self, region: str, as_: Credentials | None) -> dict[str, Any]:
        who = as_ or self.administrator
        return {
            "region_name": region,
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": who.access_key_id,
            "aws_secret_access_key": who.secret_access_key,
            "aws_session_token": who.session_token,
            "config": Config(
                retries={"max_attempts": 0, "mode": "standard"},
                parameter_validation=self.parameter_validation,
            ),
        }


def _text(document: Document) -> str:
    if isinstance(document, Path):
        return document.read_text(encoding="utf-8")
    return document if isinstance(document, str) else json.dumps(document)


def _trust_in(account: str) -> Mapping[str, Any]:
    """Return a trust policy for everybody in the account whose own policies allow it."""
    principal = {"AWS": f"arn:aws:iam::{account}:root"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _request_id(error: Exception) -> str:
    answer: Mapping[str, Any] = getattr(error, "response", {})
    return str(answer.get("ResponseMetadata", {}).get("RequestId", ""))


def _explanation(answer: Mapping[str, Any]) -> str:
    """Return an administrative explanation as text."""
    made_for_it = [question for made in answer["made_for_it"] for question in made["questions"]]
    parts = []
    for question in [*answer["questions"], *made_for_it]:
        parts += [question[name] for name in ("text", "note", "now") if question.get(name)]
    return "\n".join([*parts, answer["summary"]])
