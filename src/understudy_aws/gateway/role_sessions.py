"""Role sessions of services: how App Runner calls EC2 in a customer's account, as its service-linked role."""

from __future__ import annotations

from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from understudy_aws.authn.caller import Caller
from understudy_aws.authn.credentials import Credential
from understudy_aws.core import arn as arns
from understudy_aws.core.answers import Answer
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.store.database import Transaction

# Renewed this long before the end, so that no call is made with credentials about to expire.
_MARGIN = timedelta(minutes=5)


class RoleSession:
    """A service principal's session of a role, through which it calls other services for one resource.

    The service principal calls `sts:AssumeRole`, with `aws:SourceArn` and `aws:SourceAccount` of the resource, and the
    role's trust policy decides. Each call of the session is decided by the role's permissions. All are in the trail.

    Only the access key id is kept, and the caller is looked up for every call, so that the session ends with its role:
    a role created again under the name has another unique id and has to be assumed anew. Call `end` (or leave a
    `with` block) when the work it was made for is done: while it lasts, its role is in use.
    """

    def __init__(
        self, gateway: Gateway, *, principal: str, role_arn: str, session_name: str, source_arn: str
    ) -> None:
        self._gateway = gateway
        self._role_arn = role_arn
        self._session_name = session_name
        self._access_key_id = ""
        self._service = _service_caller(principal, role_arn, source_arn)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def call(self, service: str, operation: str, /, *, region: str, **params: Any) -> Answer:
        """Carry out one operation as the role's session. Raises the ApiError a client would see."""
        return self._gateway.perform(self._caller(region), service, operation, params, region=region)

    def end(self) -> None:
        """Make the session's credentials worthless. The next call would assume the role again."""
        if self._access_key_id:
            with self._gateway.database.transaction() as tx:
                self._gateway.credentials.end_session(tx, self._access_key_id)
            self._gateway.held_sessions.pop(self._access_key_id, None)
            self._access_key_id = ""

    def _caller(self, region: str) -> Caller:
        """Return the session's caller; assume the role when there is no session, or when it ended or soon will."""
        credential = self._credential() if self._access_key_id else None
        soon = self._gateway.clock.now() + _MARGIN
        if credential is not None and credential.expires_at is not None and credential.expires_at >= soon:
            return credential.caller
        self.end()
        answer = self._gateway.perform(
            self._service,
            "sts",
            "AssumeRole",
            {"role_arn": self._role_arn, "role_session_name": self._session_name},
            region=region,
        )
        self._access_key_id = str(answer["Credentials"]["AccessKeyId"])
        self._gateway.held_sessions[self._access_key_id] = self
        credential = self._credential()
        assert credential is not None, "a session that was just made is known"
        return credential.caller

    def _credential(self) -> Credential | None:
        with self._gateway.database.transaction() as tx:
            return self._gateway.credentials.credential(tx, self._access_key_id)


def try_to_assume(
    gateway: Gateway,
    tx: Transaction,
    *,
    principal: str,
    role_arn: str,
    session_name: str,
    source_arn: str,
    region: str,
    during: str = "",
) -> None:
    """Have a service principal assume a role within a transaction, and end that session at once.

    Its trust policy decides, and the trail has it, with the request that it is done `during`. Raises the ApiError of
    STS.
    """
    answer = gateway.perform(
        _service_caller(principal, role_arn, source_arn),
        "sts",
        "AssumeRole",
        {"role_arn": role_arn, "role_session_name": session_name},
        region=region,
        tx=tx,
        during=during,
    )
    gateway.credentials.end_session(tx, str(answer["Credentials"]["AccessKeyId"]))


def _service_caller(principal: str, role_arn: str, source_arn: str) -> Caller:
    """Return a service principal that acts for a resource, in the account of a role."""
    role, source = arns.parse(role_arn), arns.parse(source_arn)
    assert role is not None, f"{role_arn} is the ARN of a role"
    assert source is not None, f"{source_arn} is the ARN of a resource"
    return Caller(
        kind="service",
        account=role.account,
        arn=principal,
        user_id=principal,
        name=principal,
        source_arn=source_arn,
        source_account=source.account,
    )
