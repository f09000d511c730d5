"""Services calling services, as a role: how App Runner acts in a customer's account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from understudy.authn.caller import Caller
from understudy.core.answers import Answer
from understudy.gateway.pipeline import Gateway

# Renewed this long before the end, so that no call is made with credentials about to expire.
_MARGIN = timedelta(minutes=5)


class ActingAs:
    """A service principal's session of a role, through which it calls other services.

    The session comes from `sts:AssumeRole`, asked by the service principal and decided by the role's trust
    policy; each call is decided by the role's permissions. Both are in the trail, as any call is.
    """

    def __init__(
        self, gateway: Gateway, *, principal: str, role_arn: str, account: str, session_name: str
    ) -> None:
        self._gateway = gateway
        self._principal = principal
        self._role_arn = role_arn
        self._account = account
        self._session_name = session_name
        self._caller: Caller | None = None

    def call(self, service: str, operation: str, /, *, region: str, **params: Any) -> Answer:
        """Carry out one operation as the role's session. Raises the ApiError a client would see."""
        return self._gateway.perform(self._session(region), service, operation, params, region=region)

    def _session(self, region: str) -> Caller:
        now = self._gateway.clock.now()
        caller = self._caller
        if caller is None or caller.session is None or caller.session.expires_at - _MARGIN < now:
            caller = self._caller = self._assume(region)
        return caller

    def _assume(self, region: str) -> Caller:
        service = Caller(
            kind="service",
            account=self._account,
            arn=self._principal,
            user_id=self._principal,
            name=self._principal,
        )
        answer = self._gateway.perform(
            service,
            "sts",
            "AssumeRole",
            {"role_arn": self._role_arn, "role_session_name": self._session_name},
            region=region,
        )
        credential = self._gateway.credentials.credential(answer["Credentials"]["AccessKeyId"])
        assert credential is not None, "a session that was just made is known"
        return credential.caller
