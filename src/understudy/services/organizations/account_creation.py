"""CreateAccount, and how it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from understudy.core.answers import Answer
from understudy.gateway.call import Call, Params, Target
from understudy.gateway.operations import anything, operation
from understudy.services.organizations import errors
from understudy.services.organizations.account_requests import ACCESS_ROLE, AccountRequest, account_requests
from understudy.services.organizations.descriptions import request_shown
from understudy.services.organizations.listings import listing
from understudy.services.organizations.membership_changes import email_is_taken
from understudy.services.organizations.tag_lists import merged
from understudy.services.organizations.targets import managed, the_service

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
    id = call.ids.organizations("car", 32)
    taken = email_is_taken(call.tx, email)
    request = AccountRequest(
        organization=organization.id,
        id=id,
        name=account_name,
        email=email,
        role=role_name or ACCESS_ROLE,
        requested=call.at,
        due=call.at + timedelta(seconds=call.latency.account_creation_seconds(id)),
        state="FAILED" if taken else "IN_PROGRESS",
        completed=call.at if taken else None,
        failure="EMAIL_ALREADY_EXISTS" if taken else "",
        tags=merged((), tags),
    )
    return {"CreateAccountStatus": request_shown(account_requests.put(call.tx, request))}


@operation("organizations:DescribeCreateAccountStatus", on=anything)
def describe_create_account_status(call: Call, *, create_account_request_id: str) -> Answer:
    """How the making of an account goes."""
    request = account_requests.get(call.tx, managed(call).id, create_account_request_id)
    if request is None:
        raise errors.not_found("create account status")
    return {"CreateAccountStatus": request_shown(request)}


@operation("organizations:ListCreateAccountStatus", on=anything)
def list_create_account_status(
    call: Call,
    *,
    states: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """The requests there were, of some states or of all."""
    found = account_requests.scan(call.tx, managed(call).id)
    return listing(
        "CreateAccountStatuses",
        [request for request in found if not states or request.state in states],
        request_shown,
        key=lambda request: request.id,
        scope=f"ListCreateAccountStatus:{','.join(sorted(states or ()))}",
        max_results=max_results,
        next_token=next_token,
    )
