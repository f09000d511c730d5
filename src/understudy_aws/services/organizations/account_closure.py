"""CloseAccount: the account is suspended, and nobody can act in it any more (organizations.md 32.2)."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.iam.users import access_keys
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.organization_records import members
from understudy_aws.services.organizations.targets import an_account, managed
from understudy_aws.services.sts.records import sessions

_PERIOD = timedelta(days=30)
# Within the period: a tenth of the accounts, but ten of few, and a thousand of many.
_FEW, _MANY, _SHARE = 10, 1000, 10


@operation("organizations:CloseAccount", on=an_account)
def close_account(call: Call, *, account_id: str) -> None:
    """Close a member account: it stays in the organization, suspended, and its credentials are worthless.

    Whoever held keys or a session of it is refused as with unknown keys, and its roles cannot be assumed.
    """
    organization = managed(call)
    member = members.get(call.tx, account_id)
    if member is None or member.organization != organization.id:
        raise errors.not_found("account")
    if account_id == organization.management:
        raise errors.constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You attempted to close the management account."
        )
    if member.closed is not None:
        raise errors.already_closed()
    closed = members.where(call.tx, "closed", organization.id)
    lately = sum(1 for each in closed if each.closed is not None and each.closed > call.at - _PERIOD)
    most = members.count_where(call.tx, "by_organization", organization.id) // _SHARE
    if lately >= min(max(most, _FEW), _MANY):
        raise errors.constraint(
            "CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded close account quota for the past 30 days."
        )
    members.put(call.tx, msgspec.structs.replace(member, closed=call.at))
    for key in [each for each in access_keys.scan(call.tx) if each.account == account_id]:
        access_keys.put(call.tx, msgspec.structs.replace(key, active=False))
    for session in [each for each in sessions.scan(call.tx) if each.account == account_id]:
        sessions.delete(call.tx, session)
