"""Temporary credentials of roles, of users and of federated users (sts.md 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec.structs import replace

from understudy_aws.core import arn as arns
from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import sts
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.request_context import second_factor_keys
from understudy_aws.policy import MalformedPolicy, NamedPolicy, compile_policy, review
from understudy_aws.services.iam.policy_records import document_of
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.tags import entity_keys, request_keys
from understudy_aws.services.iam.trust import readable
from understudy_aws.services.iam.users import users
from understudy_aws.services.sts.packing import packed_size
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.services.sts.second_factor import checked_device, use_code
from understudy_aws.wire.model import load

HOUR = 3600
HALF_A_DAY = 43200
# Of a session policy as plain text; not every API description in use says so (sts.md 3.1).
MOST_CHARACTERS = 2048
# Of a session token, in bytes: no request can ask for a larger one.
LARGEST_TOKEN = 4096
_NO_TAGS: tuple[tuple[str, str], ...] = ()


def the_role(call: Call, params: Params) -> Sequence[Target]:
    """Return the role, which its trust policy must allow too. A role that does not exist is denied like one that does.

    Session tags and a source identity take permissions of their own (sts.md 3.1).
    """
    if call.caller.kind == "root":
        raise ApiError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
    arn = params["role_arn"]
    account_of_role(arn)
    role = known_role(call, arn)
    keys: dict[str, str | list[str]] = {
        "sts:rolesessionname": params["role_session_name"],
        **request_keys(params),
    }
    if params.get("external_id") is not None:
        keys["sts:externalid"] = params["external_id"]
    # What the calling session hands on is asked about like what is given now: both end up in the new session.
    facts = call.caller.session
    source_identity = params.get("source_identity") or (facts.source_identity if facts else "")
    if source_identity:
        keys["sts:sourceidentity"] = source_identity
    if checked_device(call, params.get("serial_number"), params.get("token_code")) is not None:
        keys.update(second_factor_keys(timedelta(0)))
    if params.get("transitive_tag_keys"):
        keys["sts:transitivetagkeys"] = list(params["transitive_tag_keys"])
    if role is not None:
        keys.update(entity_keys(role.tags))
    actions = ["sts:AssumeRole"]
    if params.get("tags") or (facts and facts.transitive):
        actions.append("sts:TagSession")
    if source_identity:
        actions.append("sts:SetSourceIdentity")
    return trusted_by(call, arn, role, keys, actions)


def trusted_by(
    call: Call, arn: str, role: Role | None, keys: Mapping[str, str | list[str]], actions: Sequence[str]
) -> Sequence[Target]:
    """Return a role as what its trust policy must allow for every action. One that is not there trusts nobody."""
    trust = (
        NamedPolicy(arn, compile_policy(readable(call.tx, role.trust), kind="trust"))
        if role
        else _TRUSTS_NOBODY
    )
    account, linked = account_of_role(arn), role is not None and bool(role.linked_service)
    return [
        Target(arn, keys, action=action, policy=trust, trust=True, account=account, linked_role=linked)
        for action in actions
    ]


def account_of_role(arn: str) -> str:
    """Return the account in a role's ARN. Raises ValidationError for what is no ARN of IAM's."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam":
        raise ApiError("ValidationError", f"{arn} is invalid")
    return parsed.account


def known_role(call: Call, arn: str) -> Role | None:
    """Return the role of that ARN as it is known by now, or None: also for one of an account that was closed."""
    role: Role | None = call.gateway.seen(
        call.tx, roles, account_of_role(arn), arn.rpartition("/")[2].lower()
    )
    if role is None or role.arn != arn:
        return None
    membership = call.gateway.membership(call.tx, role.account)
    return None if membership is not None and membership.suspended else role


def a_federated_user(call: Call, params: Params) -> Sequence[Target]:
    """Return the federated user. Session tags take a permission of their own."""
    target = Target(sts(call.account, f"federated-user/{params['name']}"), request_keys(params))
    return [target, replace(target, action="sts:TagSession")] if params.get("tags") else [target]


@operation("sts:AssumeRole", on=the_role)
def assume_role(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    tags: list[dict[str, str]] | None = None,
    transitive_tag_keys: list[str] | None = None,
    external_id: str | None = None,  # noqa: ARG001 - the trust policy sees it as sts:ExternalId
    serial_number: str | None = None,
    token_code: str | None = None,
    source_identity: str | None = None,
    provided_contexts: list[dict[str, str]] | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make credentials of a role's session for a principal that the role trusts.

    Of a second factor the trust policy alone is told: the session itself counts as one without (sts.md 3.3).
    """
    use_code(call, serial_number, token_code)
    if provided_contexts:
        raise ApiError("NotImplemented", "Understudy does not serve ProvidedContexts.", 501)
    role = known_role(call, role_arn)
    if role is None:
        # With IAM off nothing was asked before.
        raise ApiError("AccessDenied", f"The role {role_arn} cannot be assumed.", 403)
    duration = duration_seconds or HOUR
    check_duration(call, role, duration)
    identity = _source_identity(call, source_identity)
    arns_passed = session_policies(call, role.account, policy, policy_arns)
    session_tags, transitive = _session_tags(call, tags, transitive_tag_keys)
    packed = packed_size(policy, arns_passed, session_tags)
    session = begin_role_session(
        call,
        role,
        role_session_name,
        call.at + timedelta(seconds=duration),
        minimum_session_token_size,
        policies=(policy,) if policy else None,
        policy_arns=arns_passed,
        tags=session_tags,
        transitive=transitive,
        source_identity=identity,
        chained=call.caller.session is not None,
        invoked_by=call.caller.arn if call.caller.kind == "service" else "",
        region=call.region if call.caller.kind == "service" else "",
    )
    return {
        **given_out(call, session),
        "AssumedRoleUser": assumed_role_user(role, role_session_name),
        "PackedPolicySize": packed,
        "SourceIdentity": identity or None,
    }


def begin_role_session(
    call: Call, role: Role, name: str, expires: datetime, minimum_session_token_size: int | None, **more: Any
) -> Session:
    """Keep a new session of a role, however that was assumed, and return it; `more` are other members of the record."""
    session = Session(
        access_key_id=call.ids.access_key_id("ASIA", role.account),
        account=role.account,
        secret=call.ids.secret_access_key(),
        token=call.ids.session_token(minimum_session_token_size or 0),
        kind="assume-role",
        principal_id=role.id,
        issued=call.at,
        expires=expires,
        session_name=name,
        **more,
    )
    return sessions.put(call.tx, session)


def assumed_role_user(role: Role, name: str) -> dict[str, str]:
    """Return how an answer tells of a role's session."""
    return {
        "AssumedRoleId": f"{role.id}:{name}",
        "Arn": sts(role.account, f"assumed-role/{role.name}/{name}"),
    }


def check_duration(call: Call, role: Role, duration: int) -> None:
    """Raise for a longer session than the role allows, or than role chaining allows."""
    if call.caller.session is not None and duration > HOUR:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    if duration > role.max_session_duration:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )


def _source_identity(call: Call, given: str | None) -> str:
    """Return the source identity of the new session: that of the calling session, else the one given."""
    inherited = call.caller.session.source_identity if call.caller.session else ""
    if given and inherited and given != inherited:
        # AWS's own text is not known.
        raise ApiError("AccessDenied", "The source identity of a session cannot be changed.", 403)
    return inherited or given or ""


@operation("sts:GetSessionToken", on=None)
def get_session_token(
    call: Call,
    *,
    duration_seconds: int | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make temporary credentials of the calling user."""
    mfa = use_code(call, serial_number, token_code)
    session = _of_the_user(
        call, "session-token", duration_seconds or HALF_A_DAY, minimum_session_token_size, mfa=mfa
    )
    sessions.put(call.tx, session)
    return given_out(call, session)


@operation("sts:GetFederationToken", on=a_federated_user)
def get_federation_token(
    call: Call,
    *,
    name: str,
    policy: str | None = None,
    policy_arns: list[dict[str, str]] | None = None,
    duration_seconds: int | None = None,
    tags: list[dict[str, str]] | None = None,
    minimum_session_token_size: int | None = None,
) -> Answer:
    """Make credentials for a federated user.

    Both the calling user's and the session's policies must allow its calls.
    """
    arns_passed = session_policies(call, call.account, policy, policy_arns)
    session_tags, _ = _session_tags(call, tags, None)
    packed = packed_size(policy, arns_passed, session_tags)
    session = _of_the_user(
        call,
        "federation",
        duration_seconds or HALF_A_DAY,
        minimum_session_token_size,
        session_name=name,
        policies=(policy,) if policy else None,
        policy_arns=arns_passed,
        tags=session_tags,
    )
    sessions.put(call.tx, session)
    return {
        **given_out(call, session),
        "FederatedUser": {
            "FederatedUserId": f"{call.account}:{name}",
            "Arn": sts(call.account, f"federated-user/{name}"),
        },
        "PackedPolicySize": packed or 0,
    }


def _of_the_user(
    call: Call,
    kind: Literal["session-token", "federation"],
    duration: int,
    minimum_session_token_size: int | None,
    **more: Any,
) -> Session:
    user = users.get(call.tx, call.account, call.caller.name.lower())
    if user is None:
        raise ApiError("AccessDenied", "Only an IAM user can call this with his own keys.", 403)
    return Session(
        access_key_id=call.ids.access_key_id("ASIA", call.account),
        account=call.account,
        secret=call.ids.secret_access_key(),
        token=call.ids.session_token(minimum_session_token_size or 0),
        kind=kind,
        principal_id=user.id,
        issued=call.at,
        expires=call.at + timedelta(seconds=duration),
        **more,
    )


def session_policies(
    call: Call, account: str, policy: str | None, policy_arns: list[dict[str, str]] | None
) -> tuple[str, ...]:
    """Check the session policies in an account. Returns the ARNs of the managed ones."""
    if policy is not None:
        if len(policy) > MOST_CHARACTERS:
            raise ApiError(
                "ValidationError",
                f"1 validation error detected: Value '{policy}' at 'policy' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MOST_CHARACTERS}",
            )
        try:
            review(policy, "session")
        except MalformedPolicy as error:
            raise ApiError("MalformedPolicyDocument", str(error)) from error
    for number, each in enumerate(policy_arns or (), 1):
        if "arn" not in each:
            # Passed over, it would leave the session with more than was meant.
            raise ApiError(
                "ValidationError",
                f"1 validation error detected: Value null at 'policyArns.{number}.member.arn' failed to satisfy "
                "constraint: Member must not be null",
            )
    passed = tuple(each["arn"] for each in policy_arns or ())
    if len(passed) > 10:
        raise ApiError("ValidationError", "A session can have at most 10 managed session policies.")
    for arn in passed:
        owner = arns.parse(arn)
        foreign = owner is not None and owner.account not in {"aws", account}
        if foreign or document_of(call.tx, arn) is None:
            raise ApiError("MalformedPolicyDocument", f"PolicyArn {arn} does not exist or is not attachable.")
    return passed


def _session_tags(
    call: Call, tags: list[dict[str, str]] | None, transitive_tag_keys: list[str] | None
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return a session's tags, given and inherited, and the keys that are transitive."""
    given: dict[str, tuple[str, str]] = {}
    for tag in tags or ():
        if tag["Key"].lower().startswith("aws:"):
            # Reserved for sessions too, as AWS documents; its text for them is not known.
            raise _bad_tags("Tag keys beginning with aws: are reserved for system use.")
        if tag["Key"].lower() in given:
            raise _bad_tags("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        given[tag["Key"].lower()] = (tag["Key"], tag["Value"])
    transitive = {key.lower() for key in transitive_tag_keys or ()}
    if not transitive <= set(given):
        raise _bad_tags("The specified transitive tag key must be included in the requested tags.")
    inherited: dict[str, tuple[str, str]] = {}
    facts = call.caller.session
    if facts is not None:
        goes_on = {key.lower() for key in facts.transitive}
        inherited = {key.lower(): (key, value) for key, value in facts.tags if key.lower() in goes_on}
    if inherited.keys() & given.keys():
        raise _bad_tags(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    every = {**given, **inherited}
    keys = tuple(every[key][0] for key in every if key in transitive or key in inherited)
    return tuple(every.values()) or _NO_TAGS, keys


def _bad_tags(message: str) -> ApiError:
    return ApiError("InvalidParameterValue", message)


def given_out(call: Call, session: Session) -> Mapping[str, Any]:
    """Return the credentials as every answer with credentials has them, and how large their token is (sts.md 3.1).

    API descriptions before 2026 have no members for its size.
    """
    size = len(session.token)
    shape = load("sts").operation(call.operation)
    assert shape is not None
    assert shape.output is not None
    answer = {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
        "SessionTokenUtilization": size * 100 // LARGEST_TOKEN,
        "SessionTokenSize": size,
    }
    return {name: value for name, value in answer.items() if name in shape.output.members}


_TRUSTS_NOBODY = NamedPolicy("", compile_policy('{"Version":"2012-10-17","Statement":[]}', kind="trust"))
