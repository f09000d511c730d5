"""CreateAccount, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.organizations import errors
from understudy_aws.services.organizations.account_requests import (
    ACCESS_ROLE,
    AccountDetails,
    request_of,
    requests_of,
    state_of,
    submit,
)
from understudy_aws.services.organizations.descriptions import request_shown
from understudy_aws.services.organizations.listings import listing
from understudy_aws.services.organizations.tag_lists import merged
from understudy_aws.services.organizations.targets import managed, readable, the_service

_RESERVED = "awsservicerolefor"


def a_new_account(call: Call, params: Params) -> Sequence[Target]:
    """No resource yet; and tagging when tags come along."""
    targets = list(the_service(call, params))
    if params.get("tags"):
        targets.append(replace(targets[0], action="organizations:TagResource"))
    return targets


@operation("organizations:CreateAccount", on=a_new_account)
def create_account(
    call: Call,
    *,
    email: str,
    account_name: str,
    role_name: str | None = None,
    iam_user_access_to_billing: str | None = None,  # noqa: ARG001 - nothing is billed here
    tags: list[dict[str, str]] | None = None,
) -> Answer:
    """Ask for an account; it is made in the background, with a role that trusts the management account.

    An address that another account has fails the request, and not the call, as at AWS.
    """
    organization = managed(call)
    if (role_name or "").lower().startswith(_RESERVED):
        raise errors.invalid("INVALID_ROLE_NAME", "A role name can't begin with AWSServiceRoleFor.")
    details = AccountDetails(
        name=account_name, email=email, role=role_name or ACCESS_ROLE, tags=merged((), tags)
    )
    return {"CreateAccountStatus": request_shown(submit(call, organization, details))}


@operation("organizations:DescribeCreateAccountStatus", on=all_resources)
def describe_create_account_status(call: Call, *, create_account_request_id: str) -> Answer:
    """Tell how the making of an account goes."""
    request = request_of(call.tx, readable(call), create_account_request_id)
    if request is None:
        raise errors.not_found("create account status")
    return {"CreateAccountStatus": request_shown(request)}


@operation("organizations:ListCreateAccountStatus", on=all_resources)
def list_create_account_status(
    call: Call,
    *,
    states: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """List the requests for accounts, of some states or of all."""
    found = requests_of(call.tx, readable(call))
    return listing(
        "CreateAccountStatuses",
        [request for request in found if not states or state_of(request) in states],
        request_shown,
        key=lambda request: request.id,
        scope=f"ListCreateAccountStatus:{','.join(sorted(states or ()))}",
        max_results=max_results,
        next_token=next_token,
    )
