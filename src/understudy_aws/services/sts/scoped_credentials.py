"""GetScopedCredentials: a session of the same principal that does less or ends sooner (sts.md 3.5, decision 0050)."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.sts.packing import packed_size
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.services.sts.sessions import given_out, session_policies

MOST_SCOPES = 3


@operation("sts:GetScopedCredentials", on=all_resources)
def get_scoped_credentials(
    call: Call,
    *,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int | None = None,
    scoped_session_description: str | None = None,  # noqa: ARG001 - the trail has it among the parameters
) -> Answer:
    """Make credentials of the calling session's principal, to which a further policy and an earlier end apply.

    Raises ValidationError where neither is asked for, MalformedPolicyDocument, PackedPolicyTooLarge,
    InsufficientSessionLifetime, InvalidSubjectCredentials, and AccessDenied for long-term credentials and for a
    fourth policy.
    """
    if call.caller.session is None:
        raise ApiError("AccessDenied", "Cannot call GetScopedCredentials without session credentials", 403)
    if policy is None and duration_seconds is None:
        raise ApiError("ValidationError", "At least one of Policy and DurationSeconds must be specified.")
    calling = sessions.get(call.tx, call.caller.access_key_id)
    if calling is None:
        raise ApiError("InvalidSubjectCredentials", "The calling session could not be resolved.")
    session_policies(call, calling.account, policy, None)
    packed_size(policy, (), ())
    if policy is not None and len(calling.scopes) >= MOST_SCOPES:
        raise ApiError("AccessDenied", f"A session can have at most {MOST_SCOPES} scope down policies.", 403)
    session = sessions.put(
        call.tx,
        replace(
            calling,
            access_key_id=call.ids.access_key_id("ASIA", calling.account),
            secret=call.ids.secret_access_key(),
            token=call.ids.session_token(minimum_session_token_size or 0),
            expires=_end(call, calling, duration_seconds),
            scopes=calling.scopes if policy is None else (*calling.scopes, policy),
            scoped_from=calling.scoped_from or calling.access_key_id,
        ),
    )
    return {
        **given_out(call, session),
        "SessionInfo": {"ScopedSessionId": call.caller.user_id, "Arn": call.caller.arn},
        "ScopedPoliciesCount": len(session.scopes),
        "SourceIdentity": session.source_identity or None,
    }


def _end(call: Call, calling: Session, duration: int | None) -> datetime:
    """Return when the new session ends, which is never after the calling one. Raises InsufficientSessionLifetime."""
    if duration is None:
        return calling.expires
    expires = call.at + timedelta(seconds=duration)
    if expires > calling.expires:
        left = int((calling.expires - call.at).total_seconds())
        raise ApiError(
            "InsufficientSessionLifetime",
            f"The requested DurationSeconds exceeds the remaining lifetime of the calling session, {left} seconds.",
        )
    return expires
