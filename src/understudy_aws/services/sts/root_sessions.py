"""AssumeRoot: short sessions of the root users of member accounts, each for one task (sts.md 3.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam, parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.iam.organizations_features import ROOT_CREDENTIALS, ROOT_SESSIONS, features_of
from understudy_aws.services.iam.policy_records import document_of
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.services.sts.sessions import given_out

_TASKS = "arn:aws:iam::aws:policy/root-task/"
_LONGEST = 900
_PRINCIPAL = "iam.amazonaws.com"
# What each feature is for; the tasks of other services are for privileged sessions alone.
_OF_CREDENTIALS = frozenset(
    {"IAMAuditRootUserCredentials", "IAMCreateRootUserPassword", "IAMDeleteRootUserCredentials"}
)


def a_root_user(_call: Call, params: Params) -> Sequence[Target]:
    """Return the root user of an account, which has no policy of its own: the caller's must allow."""
    account = _account_in(params["target_principal"])
    keys = {"sts:taskpolicyarn": _task(params["task_policy_arn"])}
    return [Target(iam(account, "root"), keys, policy=_LETS_EVERYBODY, account=account)]


@operation("sts:AssumeRoot", on=a_root_user)
def assume_root(
    call: Call,
    *,
    target_principal: str,
    task_policy_arn: dict[str, str],
    duration_seconds: int | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make credentials of a member account's root user, which can do one task for fifteen minutes at most.

    What the organization does not let the caller's account have is refused as what policies do not allow.
    """
    account, task = _account_in(target_principal), _task(task_policy_arn)
    if not _may_have_sessions(call, account, task):
        raise _denied(call, account)
    seconds = _LONGEST if duration_seconds is None else duration_seconds
    identity = call.caller.session.source_identity if call.caller.session else ""
    session = Session(
        access_key_id=call.ids.access_key_id("ASIA", account),
        account=account,
        secret=call.ids.secret_access_key(),
        token=call.ids.session_token(minimum_session_token_size or 0),
        kind="assume-root",
        principal_id=account,
        issued=call.at,
        expires=call.at + timedelta(seconds=seconds),
        policy_arns=(task,),
        source_identity=identity,
    )
    sessions.put(call.tx, session)
    return {**given_out(call, session), "SourceIdentity": identity or None}


def _account_in(principal: str) -> str:
    """Return the account of a target, which is its number or the ARN of its root user. Raises ValidationError."""
    arn = parse(principal)
    if arn is not None and str(arn) == iam(arn.account, "root"):
        return arn.account
    if len(principal) == 12 and principal.isascii() and principal.isdigit():
        return principal
    raise ApiError("ValidationError", "Request must contain a valid target principal")


def _task(named: Mapping[str, str]) -> str:
    """Return the ARN of the task's policy. Raises ValidationError for any other policy."""
    arn = named.get("arn")
    if arn is None:
        raise ApiError(
            "ValidationError",
            "1 validation error detected: Value null at 'taskPolicyArn' failed to satisfy constraint: Member must not "
            "be null",
        )
    if not arn.startswith(_TASKS):
        raise ApiError("ValidationError", "Request must contain valid AWS managed task policy ARN")
    return arn


def _may_have_sessions(call: Call, account: str, task: str) -> bool:
    """Return whether the caller's account, and a caller like this, may have such a session of another account."""
    caller = call.caller
    if caller.kind != "role-session" and (caller.kind != "user" or caller.session is not None):
        return False
    own = call.gateway.membership(call.tx, caller.account)
    theirs = call.gateway.membership(call.tx, account)
    if own is None or theirs is None or own.organization != theirs.organization:
        return False
    if account == own.management or theirs.suspended or document_of(call.tx, task) is None:
        return False
    if caller.account != own.management and _PRINCIPAL not in own.delegated:
        return False
    name = task.removeprefix(_TASKS)
    needed = ROOT_CREDENTIALS if name in _OF_CREDENTIALS else ROOT_SESSIONS
    return _PRINCIPAL in own.trusted and needed in features_of(call.tx, own.organization)


def _denied(call: Call, account: str) -> ApiError:
    return ApiError(
        "AccessDenied",
        f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRoot on resource: {iam(account, 'root')}",
        403,
    )


_LETS_EVERYBODY = NamedPolicy(
    "",
    compile_policy(
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRoot",'
        '"Resource":"*"}]}',
        kind="resource",
    ),
)
