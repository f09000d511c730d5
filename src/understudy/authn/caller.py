"""Who is calling, once a signature has been verified."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

CallerKind = Literal["root", "user", "role-session", "federated", "service", "anonymous"]
TokenKind = Literal["assume-role", "session-token", "federation"]


class SessionFacts(msgspec.Struct, frozen=True):
    """What was settled when temporary credentials were given out (sts.md 3.1, 3.2).

    `policies` are the session policy documents passed inline, as text; None when none was passed, which is
    not the same as an empty tuple: a session policy that allows nothing leaves nothing. `policy_arns` are
    the managed session policies. `tags` are the session's tags, inherited ones included; `transitive` names
    those that go along when the session assumes the next role. `chained` tells a session that was made with
    the credentials of another role session.
    """

    issued_at: datetime
    expires_at: datetime
    policies: tuple[str, ...] | None = None
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    mfa: bool = False
    source_identity: str = ""
    chained: bool = False
    token_kind: TokenKind = "assume-role"  # noqa: S105 - a kind, no secret


class Caller(msgspec.Struct, frozen=True):
    """A principal that made a request.

    `arn` is the ARN printed in denials: the user's, the assumed-role session's, the account's root, or the
    service principal's name. `user_id` is `AIDA…` for a user, `AROA…:session` for a role session, the
    account for root, `<account>:<name>` for a federated user. `name` is the user, role or federated name.
    `role_arn` is the role's own ARN, path included, for role sessions. `invoked_by` is the service
    principal that acts with this caller's credentials, if one does. `source_arn` and `source_account` are the
    resource that a service principal acts for, and its account.
    """

    kind: CallerKind
    account: str
    arn: str
    user_id: str
    name: str = ""
    access_key_id: str = ""
    role_arn: str = ""
    session_name: str = ""
    service_linked: bool = False
    session: SessionFacts | None = None
    invoked_by: str = ""
    source_arn: str = ""
    source_account: str = ""
