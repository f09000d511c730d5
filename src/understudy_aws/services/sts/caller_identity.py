"""Who the caller is, and which account a key belongs to."""

from __future__ import annotations

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.core.ids import account_of
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation


@operation("sts:GetCallerIdentity", on=None)
def get_caller_identity(call: Call) -> Answer:
    """Tell who the caller is. It needs no permission, and no policy can deny it."""
    caller = call.caller
    return {"Arn": caller.arn, "UserId": caller.user_id, "Account": caller.account}


@operation("sts:GetAccessKeyInfo", on=all_resources)
def get_access_key_info(_call: Call, *, access_key_id: str) -> Answer:
    """Tell the account of an access key, which is encoded in its id."""
    try:
        return {"Account": account_of(access_key_id)}
    except ValueError as error:
        raise ApiError("ValidationError", f"{access_key_id} is no access key id") from error
