"""`userIdentity`: who made a call, in CloudTrail's words (cloudtrail.md 31.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from understudy_aws.authn.caller import Caller, SessionFacts
from understudy_aws.core.arn import iam
from understudy_aws.core.clock import iso_seconds
from understudy_aws.gateway.trail import TrailEntry

Identity = dict[str, Any]
# The unique id of the user of an account and a name; empty for one that is gone.
UserIds = Callable[[str, str], str]


def user_identity(entry: TrailEntry, user_ids: UserIds) -> Identity:
    """Return who made a call."""
    made: Identity = {
        name: value for name, value in _KINDS[entry.caller.kind](entry, user_ids).items() if value
    }
    if entry.invoked_by:
        made["invokedBy"] = entry.invoked_by
    session = entry.caller.session
    if session is not None and session.delegate:
        made["invokedByDelegate"] = {"accountId": session.delegate}
    return made


def username(entry: TrailEntry) -> str:
    """Return what LookupEvents calls the caller: a user by name, a role session by its session's name."""
    caller = entry.caller
    if caller.kind == "root":
        return "root"
    if caller.kind == "role-session":
        return caller.session_name
    if caller.kind in ("user", "federated", "identity-provider"):
        return caller.name
    return _federated_name(entry)


def _signer(kind: str, caller: Caller) -> Identity:
    """Return what is told of each kind of caller who has signed."""
    return {
        "type": kind,
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account,
        "accessKeyId": caller.access_key_id,
    }


def _root(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    caller = entry.caller
    return {
        **_signer("Root", caller),
        "sessionContext": _context(caller.session),
    }


def _user(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    caller = entry.caller
    return {
        **_signer("IAMUser", caller),
        "userName": caller.name,
        "sessionContext": _context(caller.session),
    }


def _role_session(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    caller = entry.caller
    return {
        "type": "AssumedRole",
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account,
        # The keys of sessions that a service holds are not told.
        "accessKeyId": "" if caller.invoked_by else caller.access_key_id,
        "sessionContext": _context(
            caller.session,
            issuer={
                "type": "Role",
                "principalId": caller.user_id.partition(":")[0],
                "arn": caller.role_arn,
                "accountId": caller.account,
                "userName": caller.name,
            },
        ),
    }


def _federated(entry: TrailEntry, user_ids: UserIds) -> Identity:
    caller = entry.caller
    return {
        **_signer("FederatedUser", caller),
        "sessionContext": _context(caller.session, issuer=_issuing_user(caller, user_ids)),
    }


def _issuing_user(caller: Caller, user_ids: UserIds) -> Identity:
    """Return the user who asked for a federated user's credentials; `session_name` has its name."""
    found = {
        "type": "IAMUser",
        "principalId": user_ids(caller.account, caller.session_name),
        "arn": iam(caller.account, f"user/{caller.session_name}"),
        "accountId": caller.account,
        "userName": caller.session_name,
    }
    return {name: value for name, value in found.items() if value}


def _service(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    return {"type": "AWSService", "invokedBy": entry.caller.arn}


def _identified(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    """Return somebody whose token or assertion STS was shown, and verified."""
    caller = entry.caller
    by_assertion = entry.operation == "AssumeRoleWithSAML"
    return {
        "type": "SAMLUser" if by_assertion else "WebIdentityUser",
        "principalId": caller.user_id,
        "userName": caller.name,
        # Of an assertion it is the name qualifier.
        "identityProvider": caller.user_id.partition(":")[0] if by_assertion else caller.arn,
    }


def _unknown(entry: TrailEntry, _user_ids: UserIds) -> Identity:
    """Return the user of an identity provider, who has no credentials of AWS's yet."""
    kind = "SAMLUser" if entry.operation == "AssumeRoleWithSAML" else "WebIdentityUser"
    name = _federated_name(entry)
    answered = entry.response
    provider = str(answered.get("Provider") or answered.get("Issuer") or "")
    return {
        "type": kind,
        "principalId": ":".join(
            each for each in (provider, str(answered.get("Audience") or ""), name) if each
        ),
        "userName": name,
        "identityProvider": provider,
    }


def _federated_name(entry: TrailEntry) -> str:
    answered = entry.response
    return str(answered.get("SubjectFromWebIdentityToken") or answered.get("Subject") or "")


def _context(session: SessionFacts | None, issuer: Identity | None = None) -> Identity:
    if session is None:
        return {}
    made: Identity = {}
    if issuer is not None:
        made["sessionIssuer"] = issuer
    made["attributes"] = {
        "creationDate": iso_seconds(session.issued_at),
        "mfaAuthenticated": "true" if session.mfa else "false",
    }
    if ":oidc-provider/" in session.provider:
        made["webIdFederationData"] = {"federatedProvider": session.provider, "attributes": {}}
    if session.token_kind == "assume-root":  # noqa: S105 - a kind
        made["assumedRoot"] = "true"
    if session.source_identity:
        made["sourceIdentity"] = session.source_identity
    return made


_KINDS: Mapping[str, Callable[[TrailEntry, UserIds], Identity]] = {
    "root": _root,
    "user": _user,
    "role-session": _role_session,
    "federated": _federated,
    "identity-provider": _identified,
    "service": _service,
    "anonymous": _unknown,
}
