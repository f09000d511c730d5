"""Questions: which principal does which action to which resource, with which context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

PrincipalKind = Literal["root", "user", "role-session", "federated", "service", "anonymous"]


class Principal(msgspec.Struct, frozen=True):
    """Who asks.

    `arn` is the session's ARN for sessions, `role_arn` the ARN with path of the role behind a role session,
    `service` the name of a service principal. `federated` is a user of GetFederationToken when its ARN is a
    federated-user ARN; otherwise `arn` names the identity provider whose token is shown to STS. `user_id` is
    the unique id: `AIDA…`, or `AROA…:session`.
    """

    kind: PrincipalKind
    arn: str = ""
    account: str = ""
    role_arn: str = ""
    service: str = ""
    service_linked: bool = False
    user_id: str = ""

    @property
    def is_outside_iam(self) -> bool:
        """A principal without identity policies anywhere: only a resource's own policy lets it in."""
        if self.kind == "federated":
            return ":federated-user/" not in self.arn
        return self.kind in ("service", "anonymous")


class Question(msgspec.Struct, frozen=True):
    """Whether `principal` may do `action` ("ec2:CreateVpc") to `resource` (an ARN, or "*").

    `context` maps lower-cased condition keys to text, list-typed keys to lists. `resource_account` is the
    account that owns the resource; None means the principal's own.
    """

    principal: Principal
    action: str
    resource: str = "*"
    context: Mapping[str, str | list[str]] = msgspec.field(default_factory=dict)
    resource_account: str | None = None

    @property
    def is_cross_account(self) -> bool:
        """Whether the resource belongs to an account other than the principal's."""
        return self.resource_account is not None and self.resource_account != self.principal.account
