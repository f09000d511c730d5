"""Records of temporary credentials."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime, timedelta

from understudy_aws.authn.caller import TokenKind
from understudy_aws.core.arn import sts
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.services.iam.role_records import Role
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class Session(Record, frozen=True, kw_only=True):
    """Temporary credentials, and what was settled when they were given out.

    `principal_id` is the unique id of the role or user behind it: when that entity is gone, the session is worth
    nothing, whoever has its name by then. Of a root user it is the account, and `policy_arns` are what the session is
    for. `policies` is None when no session policy was passed. `invoked_by` is the service principal that holds the
    credentials, if a service does, and `region` then where it asked for them. `mfa` says that a code of the user's MFA
    device was shown for it. `provider` is the ARN of the identity provider whose token was shown, and `claims` are the
    condition keys that the token settled. `scopes` are scope-down policies, first to last, and `scoped_from` the access
    key id of the session that was scoped down first: without that one this one is worth nothing. `delegate` is the
    account of the product that holds the credentials by a delegation request.
    """

    access_key_id: str
    account: str
    secret: str
    token: str
    kind: TokenKind
    principal_id: str
    issued: datetime
    expires: datetime
    session_name: str = ""
    policies: tuple[str, ...] | None = None
    policy_arns: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    chained: bool = False
    mfa: bool = False
    invoked_by: str = ""
    region: str = ""
    provider: str = ""
    claims: tuple[tuple[str, str | tuple[str, ...]], ...] = ()
    scopes: tuple[str, ...] = ()
    scoped_from: str = ""
    delegate: str = ""


sessions = Table(
    "sts/session",
    Session,
    key=lambda session: (session.access_key_id,),
    indexes={
        "of_services": lambda session: ("all",) if session.invoked_by else (),
        "of_services_by_role": lambda session: (session.principal_id,) if session.invoked_by else (),
    },
    ordered={"expires": lambda session: session.expires},
)

# For so long after its end a client is told that its token is expired, and not that there is none such.
expired_sessions = Expiry("expired sessions", sessions, "expires", kept_for=timedelta(days=1), most=5_000)


def live_sessions(
    held: Container[str], tx: Transaction, role: Role, now: datetime
) -> Iterator[tuple[str, str]]:
    """Region and ARN of every session in which a service acts as a linked role: each keeps the role in use.

    `held` are the access key ids whose credentials a service holds. A session that a crash left behind is worth
    nothing to anybody (`service_sessions.py` ends it), so it keeps no role.
    """
    for session in sessions.where(tx, "of_services_by_role", role.id):
        if session.expires > now and session.access_key_id in held:
            yield session.region, sts(session.account, f"assumed-role/{role.name}/{session.session_name}")
