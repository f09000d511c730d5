"""GetDelegatedAccessToken: a product's credentials for what an account's principal let it do (delegation.md 38.5)."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.authn.caller import Caller
from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam.delegation_records import DelegationRequest, access_end, delegation_requests
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.users import users
from understudy_aws.services.sts.records import Session, sessions
from understudy_aws.services.sts.sessions import given_out


@operation("sts:GetDelegatedAccessToken", on=all_resources)
def get_delegated_access_token(call: Call, *, trade_in_token: str) -> Answer:
    """Make credentials of whoever accepted a request, limited by its policy. They end when its time is over.

    Only the account that made the request can; as often as it likes. Raises ExpiredTradeInTokenException, and
    AccessDenied for a token that is another's or none, and when the principal is gone.
    """
    found = delegation_requests.where(call.tx, "by_token", trade_in_token) if trade_in_token else []
    if not found or found[0].requestor != call.account:
        raise ApiError("AccessDenied", "The trade-in token is not valid for this account.", 403)
    request = found[0]
    approver, released = request.approver, request.released
    assert approver is not None, "a request whose token was sent has been accepted"
    assert released is not None, "its token was sent"
    if call.at >= access_end(request, released):
        raise ApiError("ExpiredTradeInTokenException", "The trade-in token has expired.")
    principal = _principal_of(call, approver)
    if principal is None:
        raise ApiError("AccessDenied", "The principal that accepted the delegation request is gone.", 403)
    session = sessions.put(call.tx, _session(call, request, approver, released))
    return {**given_out(call, session), "AssumedPrincipal": principal}


def _principal_of(call: Call, approver: Caller) -> str | None:
    """Return the ARN of the user or role that accepted a request, or None when it is gone."""
    id = _id_of(approver)
    found = roles.where(call.tx, "by_id", id) if approver.kind == "role-session" else ()
    for entity in found or users.where(call.tx, "by_id", id):
        return entity.arn
    return None


def _id_of(approver: Caller) -> str:
    """Return the unique id of the role or user."""
    return approver.user_id.partition(":")[0]


def _session(call: Call, request: DelegationRequest, approver: Caller, released: datetime) -> Session:
    """Return a session of the principal as it was when it accepted the request, that also needs the request's policy.

    It counts as issued when the principal's own session was, or when the token was sent: a policy that revokes older
    sessions cannot be got round by another exchange of the token.
    """
    own = approver.session
    scopes = own.scopes if own is not None else ()
    return Session(
        access_key_id=call.ids.access_key_id("ASIA", approver.account),
        account=approver.account,
        secret=call.ids.secret_access_key(),
        token=call.ids.session_token(0),
        kind="delegation",
        principal_id=_id_of(approver),
        issued=own.issued_at if own is not None else released,
        expires=access_end(request, released),
        session_name=approver.session_name,
        policies=own.policies if own is not None else None,
        # Resource policies and trust policies that name the principal go past its session policies, of which one is
        # enough to allow; a scope-down policy must be met besides, whoever allows.
        scopes=(*scopes, request.policy),
        policy_arns=own.policy_arns if own is not None else (),
        tags=own.tags if own is not None else (),
        transitive=own.transitive if own is not None else (),
        source_identity=own.source_identity if own is not None else "",
        chained=own.chained if own is not None else False,
        mfa=own.mfa if own is not None else False,
        provider=own.provider if own is not None else "",
        claims=own.claims if own is not None else (),
        delegate=request.requestor,
    )
