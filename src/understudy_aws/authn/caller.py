"""The principal that made a request, known once its signature is verified."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

CallerKind = Literal["root", "user", "role-session", "federated", "identity-provider", "service", "anonymous"]
TokenKind = Literal["assume-role", "session-token", "federation", "assume-root", "delegation"]


class SessionFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was settled when temporary credentials were issued (sts.md 3.1, 3.2).

    `policies` are the texts of the session policies that were passed inline. None means that none was passed; an
    empty tuple means that the session is allowed nothing. `policy_arns` are the managed session policies. `tags` are
    the session's tags, inherited ones included, and `transitive` names the tags that the next assumed role inherits.
    `chained` is true when the credentials of another role session were used to assume the role. `provider` is the ARN
    of the identity provider whose token was shown for it, and `claims` are the condition keys that the token settled.
    `scopes` are the texts of the scope-down policies, every one of which must allow. `delegate` is the account of the
    product that holds the credentials by a delegation request.
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
    provider: str = ""
    claims: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    scopes: tuple[str, ...] = ()
    delegate: str = ""


class Caller(msgspec.Struct, frozen=True, omit_defaults=True):
    """A principal that made a request. The trail keeps it as it is.

    `arn` is the ARN printed in denials: the user's, the assumed-role session's, the account root's; for a service it
    is the service principal's name. `user_id` is the unique id: `AIDA…` for a user, `AROA…:session` for a role
    session, the account id for root, `<account>:<name>` for a federated user. `name` is the user, role or federated
    user name. `role_arn` is the ARN, with path, of the role behind a role session. `session_name` is the name of the
    role session; for a federated user it is the name of the user who asked for the token. `invoked_by` is the service
    principal that acts with this caller's credentials, if one does. `source_arn` and `source_account` are the
    resource for which a service principal acts, and that resource's account. `identity-provider` is somebody whose
    token STS was shown: `arn` is the provider's, `name` whom the token is about, `user_id` both with the audience.
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


ANONYMOUS = Caller("anonymous", "", "anonymous", "anonymous")
