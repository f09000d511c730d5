"""Temporary delegation: a product asks an account for permissions for some hours (docs/reference/delegation.md).

Who takes a request up owns it, and may look at it, forward it, reject it and hand out its token without any policy that
says so, as long as none denies it. Accepting it takes a permission.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core import arn as arns
from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import iam
from understudy_aws.data import regions
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.delegation_checks import boundaries_in, covers
from understudy_aws.services.iam.delegation_records import (
    DelegationRequest,
    State,
    delegation_requests,
    first_expiry,
    next_expiry,
)
from understudy_aws.services.iam.delegation_templates import delegation_templates, rendered, values_of
from understudy_aws.services.iam.listings import sorted_listing

_CONSOLE = "https://us-east-1.console.aws.amazon.com/iam/account-access-requests/review/"
_OWNER_KEY = "iam:delegationrequestowner"
_KIND = "delegation-request/"


def a_new_request(call: Call, params: Params) -> Sequence[Target]:
    """Return the request to come, with what is asked for."""
    keys: dict[str, str | list[str]] = {
        "iam:delegationduration": str(params["session_duration"]),
        "iam:notificationchannel": params["notification_channel"],
    }
    template = params["permissions"].get("PolicyTemplateArn")
    if template is not None:
        keys["iam:templatearn"] = template
    return [Target(iam(call.account, f"{_KIND}*"), keys)]


def a_request(call: Call, params: Params) -> Sequence[Target]:
    """Return the request, which only a permission lets one act on."""
    id = params["delegation_request_id"]
    return [_target(call, id, delegation_requests.get(call.tx, id))]


def an_own_request(call: Call, params: Params) -> Sequence[Target]:
    """Return the request, with the permission of its owner; without one, of everybody who may become it."""
    id = params["delegation_request_id"]
    known = delegation_requests.get(call.tx, id)
    return [replace(_target(call, id, known), policy=_own_permission(known))]


def a_summarized_request(call: Call, params: Params) -> Sequence[Target]:
    """Return the request that is to be summed up, as whoever may look at it may."""
    known = _named(call, params["entity_arn"])
    if known is None:
        return [Target(params["entity_arn"])]
    target = replace(_target(call, known.id, known), policy=_own_permission(known))
    if call.allows("iam:GetDelegationRequest", target):
        return [replace(target, policy=_permission("AWS", call.caller.arn))]
    return [target]


def requests_of_an_owner(call: Call, params: Params) -> Sequence[Target]:
    """Return the list of an owner's requests, which it may see itself, or that of the whole account."""
    owner = params.get("owner_id")
    if owner is None:
        return [Target()]
    own = _permission("AWS", owner) if owner == call.caller.arn else None
    return [Target(keys={_OWNER_KEY: owner}, policy=own)]


@operation("iam:CreateDelegationRequest", on=a_new_request)
def create_delegation_request(
    call: Call,
    *,
    description: str,
    permissions: dict[str, Any],
    requestor_workflow_id: str,
    notification_channel: str,
    session_duration: int,
    owner_account_id: str | None = None,
    request_message: str | None = None,
    redirect_url: str | None = None,
    only_send_by_owner: bool = False,
) -> Answer:
    """Ask for the permissions of a policy template that is registered for the calling account.

    Raises InvalidInput, and EntityAlreadyExists for a workflow that has a request.
    """
    arn = permissions.get("PolicyTemplateArn") or ""
    template = delegation_templates.get(call.tx, arn)
    if template is None or template.account != call.account:
        raise errors.invalid_input(
            f"Account {call.account} has no policy template {arn or 'without an ARN'}."
        )
    _check_channel(call, notification_channel)
    parameters = tuple(permissions.get("Parameters") or ())
    policy = rendered(template.document, values_of(parameters))
    if delegation_requests.where(call.tx, "by_workflow", (call.account, requestor_workflow_id)):
        raise errors.exists(f"A delegation request with workflow ID {requestor_workflow_id} already exists.")
    request = DelegationRequest(
        id=call.ids.uuid(),
        requestor=call.account,
        requestor_name=template.requestor,
        workflow_id=requestor_workflow_id,
        template_arn=arn,
        parameters=parameters,
        description=description,
        policy=policy,
        boundaries=boundaries_in(policy),
        session_seconds=session_duration,
        channel=notification_channel,
        created=call.at,
        expires=first_expiry(call.at),
        message=request_message,
        redirect_url=redirect_url,
        only_send_by_owner=only_send_by_owner,
        owner_account=owner_account_id or "",
    )
    delegation_requests.put(call.tx, request)
    return {"ConsoleDeepLink": f"{_CONSOLE}{request.id}", "DelegationRequestId": request.id}


@operation("iam:AssociateDelegationRequest", on=an_own_request)
def associate_delegation_request(call: Call, *, delegation_request_id: str) -> None:
    """Make the calling identity the owner of a request that nobody owns."""
    request = _existing(call, delegation_request_id, "UNASSIGNED")
    _put(call, replace(request, owner=call.caller.arn, owner_account=call.account), "ASSIGNED")


@operation("iam:GetDelegationRequest", on=an_own_request)
def get_delegation_request(
    call: Call, *, delegation_request_id: str, delegation_permission_check: bool = False
) -> Answer:
    """Describe a request, and tell whether the caller has the permissions that it is about."""
    request = _existing(call, delegation_request_id)
    answer: dict[str, Any] = {"DelegationRequest": _shown(call, request)}
    if delegation_permission_check:
        answer["PermissionCheckStatus"] = "COMPLETE"
        answer["PermissionCheckResult"] = covers(call, request.policy)
    return answer


@operation("iam:ListDelegationRequests", on=requests_of_an_owner)
def list_delegation_requests(
    call: Call, *, owner_id: str | None = None, marker: str | None = None, max_items: int | None = None
) -> Answer:
    """List the requests that identities of the account own, or one of them, the oldest first."""
    found = delegation_requests.where(call.tx, "by_owner_account", call.account)
    answer = sorted_listing(
        "DelegationRequests",
        [each for each in found if owner_id in {None, each.owner}],
        lambda each: _shown(call, each),
        key=lambda each: (each.created.isoformat(), each.id),
        scope=f"ListDelegationRequests:{call.account}:{owner_id or ''}",
        max_items=max_items,
        marker=marker,
    )
    # This list alone spells it so.
    return {("isTruncated" if name == "IsTruncated" else name): value for name, value in answer.items()}


@operation("iam:UpdateDelegationRequest", on=an_own_request)
def update_delegation_request(call: Call, *, delegation_request_id: str, notes: str | None = None) -> None:
    """Forward a request to somebody who can accept it, with notes."""
    request = _existing(call, delegation_request_id, "ASSIGNED", "PENDING_APPROVAL")
    _put(call, replace(request, notes=notes if notes is not None else request.notes), "PENDING_APPROVAL")


@operation("iam:AcceptDelegationRequest", on=a_request)
def accept_delegation_request(call: Call, *, delegation_request_id: str) -> None:
    """Accept a request: the credentials will be the calling identity's, as it is now."""
    request = _existing(call, delegation_request_id, "ASSIGNED", "PENDING_APPROVAL")
    _put(call, replace(request, approver=call.caller), "ACCEPTED")


@operation("iam:RejectDelegationRequest", on=an_own_request)
def reject_delegation_request(call: Call, *, delegation_request_id: str, notes: str | None = None) -> None:
    """Reject a request for good; an accepted one as long as its token is not sent."""
    request = _existing(call, delegation_request_id, "ASSIGNED", "PENDING_APPROVAL", "ACCEPTED")
    _put(call, replace(request, rejection_reason=notes), "REJECTED")


@operation("iam:SendDelegationToken", on=an_own_request)
def send_delegation_token(call: Call, *, delegation_request_id: str) -> None:
    """Send the product the token of an accepted request. Its access begins now, whenever it uses the token."""
    request = _existing(call, delegation_request_id, "ACCEPTED")
    if request.only_send_by_owner and call.caller.arn != request.owner:
        raise errors.access_denied(f"Only {request.owner} can send the token of this delegation request.")
    _put(call, replace(request, token=call.ids.session_token(0)), "FINALIZED")


@operation("iam:GetHumanReadableSummary", on=a_summarized_request)
def get_human_readable_summary(call: Call, *, entity_arn: str, locale: str | None = None) -> Answer:
    """Tell that there is no summary: a language model of AWS's writes them, and there is none here."""
    if _id_in(entity_arn) is None:
        raise errors.invalid_input(f"{entity_arn} is not the ARN of a delegation request.")
    if _named(call, entity_arn) is None:
        raise errors.no_such_delegation_request(entity_arn)
    return {"SummaryContent": "", "Locale": locale or "en", "SummaryState": "NOT_SUPPORTED"}


def _existing(call: Call, id: str, *states: State) -> DelegationRequest:
    """Return a request. Raises NoSuchEntity, and InvalidInput for one that is in none of the states."""
    request = delegation_requests.get(call.tx, id)
    if request is None:
        raise errors.no_such_delegation_request(id)
    state = request.state(call.at)
    if states and state not in states:
        raise errors.invalid_input(
            f"Delegation request {id} is in state {state}; it must be in {' or '.join(states)}."
        )
    return request


def _put(call: Call, request: DelegationRequest, state: State) -> None:
    delegation_requests.put(
        call.tx,
        replace(request, history=(*request.history, (state, call.at)), expires=next_expiry(call.at)),
    )


def _shown(call: Call, request: DelegationRequest) -> dict[str, Any]:
    return {
        "DelegationRequestId": request.id,
        "OwnerAccountId": request.owner_account or None,
        "Description": request.description,
        "RequestMessage": request.message,
        "Permissions": {
            "PolicyTemplateArn": request.template_arn,
            "Parameters": list(request.parameters) or None,
        },
        "PermissionPolicy": request.policy,
        "RolePermissionRestrictionArns": list(request.boundaries),
        "OwnerId": request.owner or None,
        "ApproverId": request.approver.arn if request.approver is not None else None,
        "State": request.state(call.at),
        "ExpirationTime": request.expires,
        "RequestorId": request.requestor,
        "RequestorName": request.requestor_name,
        "CreateDate": request.created,
        "SessionDuration": request.session_seconds,
        "RedirectUrl": request.redirect_url,
        "Notes": request.notes,
        "RejectionReason": request.rejection_reason,
        "OnlySendByOwner": request.only_send_by_owner,
        "UpdatedTime": request.updated,
    }


def _check_channel(call: Call, channel: str) -> None:
    """Raise InvalidInput for what is no topic of the caller's, in a Region that is enabled by default."""
    topic = arns.parse(channel)
    if topic is None or topic.service != "sns":
        raise errors.invalid_input("The notification channel must be the ARN of an SNS topic.")
    if topic.account != call.account:
        raise errors.invalid_input("The notification channel must be a topic of the requesting account.")
    region = regions.find(topic.region)
    if region is None or region.opt_in_status != "opt-in-not-required":
        raise errors.invalid_input("The notification channel must be in a Region that is enabled by default.")


def _target(call: Call, id: str, known: DelegationRequest | None) -> Target:
    if known is None:
        return Target(iam(call.account, f"{_KIND}{id}"))
    keys: dict[str, str | list[str]] = {_OWNER_KEY: known.owner} if known.owner else {}
    return Target(known.arn(call.account), keys, account=known.owner_account or call.account)


def _own_permission(request: DelegationRequest | None) -> NamedPolicy | None:
    """Return what everybody who may own a request, or does, is permitted by itself."""
    if request is None:
        return None
    if request.owner:
        return _permission("AWS", request.owner)
    return _permission("*", request.owner_account)


def _permission(kind: str, whose: str) -> NamedPolicy:
    """Return the permission of a principal by its ARN, or (`*`) of everybody, perhaps of one account alone."""
    statement: dict[str, Any] = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
    statement["Principal"] = "*" if kind == "*" else {kind: whose}
    if kind == "*" and whose:
        statement["Condition"] = {"StringEquals": {"aws:PrincipalAccount": whose}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return NamedPolicy(
        "permission of the delegation request's owner", compile_policy(document, kind="resource")
    )


def _id_in(arn: str) -> str | None:
    """Return the id in the ARN of a request, or None for another ARN."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith(_KIND):
        return None
    return parsed.resource.removeprefix(_KIND)


def _named(call: Call, arn: str) -> DelegationRequest | None:
    """Return the request of that ARN, or None."""
    id = _id_in(arn)
    known = delegation_requests.get(call.tx, id) if id is not None else None
    return known if known is not None and known.arn(call.account) == arn else None
