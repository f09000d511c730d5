"""Looks up the principal that a question names: a user, a role, its session, an account's root, a service."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.authn.caller import Caller, SessionFacts
from understudy_aws.core.arn import Arn, parse, sts
from understudy_aws.services.accounts import accounts
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.users import users
from understudy_aws.store.database import Transaction

# The session of a role that is named without one.
SESSION = "explained"
_HOUR = timedelta(hours=1)
_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?", re.ASCII)


def find_principal(tx: Transaction, name: str, account: str, at: datetime) -> Caller:
    """Return the caller for an ARN or a service principal's name; a service acts on behalf of `account`.

    Raises InvalidRequestError when there is no such principal.
    """
    if _SERVICE.fullmatch(name):
        return Caller("service", account, name, name, name)
    arn = parse(name)
    if arn is None or arn.service not in {"iam", "sts"}:
        raise InvalidRequestError(
            f"{name!r} is no ARN of a user, a role, a role's session or an account's root, and no service principal."
        )
    kind, _, tail = arn.resource.partition("/")
    if arn.service == "sts":
        return _session(tx, name, arn, at)
    found = _of_iam(tx, name, arn, kind, at)
    if found is None:
        what = "account" if arn.resource == "root" else f"{kind} {tail or arn.resource} in account"
        raise InvalidRequestError(f"There is no {what} {arn.account}.")
    return found


def _of_iam(tx: Transaction, name: str, arn: Arn, kind: str, at: datetime) -> Caller | None:
    last = name.rpartition("/")[2]
    if arn.resource == "root":
        if accounts.get(tx, arn.account) is None:
            return None
        return Caller("root", arn.account, name, arn.account)
    if kind == "user":
        user = users.get(tx, arn.account, last.lower())
        if user is not None and user.arn == name:
            return Caller("user", arn.account, name, user.id, user.name)
    if kind == "role":
        role = roles.get(tx, arn.account, last.lower())
        if role is not None and role.arn == name:
            return in_session(role, SESSION, at)
    return None


def _session(tx: Transaction, name: str, arn: Arn, at: datetime) -> Caller:
    """Return the caller of a role session's ARN, which holds the role's name without its path."""
    kind, _, tail = arn.resource.partition("/")
    role_name, slash, session = tail.partition("/")
    if kind == "federated-user":
        raise InvalidRequestError(
            f"{name} has what its session policies give it, and nobody knows those by its name: ask as the user "
            "who got the token."
        )
    role = roles.get(tx, arn.account, role_name.lower()) if kind == "assumed-role" and slash else None
    if role is None or role.name != role_name or not session or "/" in session:
        raise InvalidRequestError(f"There is no role for {name}.")
    return in_session(role, session, at)


def in_session(role: Role, session: str, at: datetime) -> Caller:
    """The caller in a session of a role that would be made now, without session policies and tags."""
    return Caller(
        "role-session",
        role.account,
        sts(role.account, f"assumed-role/{role.name}/{session}"),
        f"{role.id}:{session}",
        role.name,
        role_arn=role.arn,
        session_name=session,
        service_linked=bool(role.linked_service),
        session=SessionFacts(issued_at=at, expires_at=at + _HOUR),
    )
