"""Organizations' records as answers describe them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from understudy_aws.gateway.call import Call
from understudy_aws.gateway.durable_operations import DurableOperation
from understudy_aws.services.organizations import entities
from understudy_aws.services.organizations.account_requests import details_of, failure_of, state_of
from understudy_aws.services.organizations.handshake_records import Handshake
from understudy_aws.services.organizations.organization_records import (
    Member,
    Organization,
    OrganizationalUnit,
    members,
    organizations,
    path,
    units_above,
)
from understudy_aws.services.organizations.policy_records import SCP, Policy
from understudy_aws.wire.model import load

Answered = Mapping[str, Any]


def organization_shown(call: Call, organization: Organization) -> Answered:
    """Return an organization. Its list of policy types is deprecated at AWS; the root tells which are enabled."""
    management = members.get(call.tx, organization.management)
    assert management is not None, "the management account cannot leave"
    return {
        "Id": organization.id,
        "Arn": organization.arn,
        "FeatureSet": organization.features,
        "MasterAccountArn": management.arn,
        "MasterAccountId": management.account,
        "MasterAccountEmail": management.email,
        "AvailablePolicyTypes": [{"Type": SCP, "Status": "ENABLED"}]
        if organization.features == "ALL"
        else [],
    }


def root_shown(organization: Organization) -> Answered:
    return {
        "Id": organization.root,
        "Arn": organization.root_arn,
        "Name": entities.ROOT_NAME,
        "PolicyTypes": [{"Type": each, "Status": "ENABLED"} for each in organization.enabled],
    }


def unit_shown(call: Call, organization: Organization, unit: OrganizationalUnit) -> Answered:
    chain = units_above(call.tx, organization.id, unit.id)
    return _known(
        "OrganizationalUnit",
        {"Id": unit.id, "Arn": unit.arn, "Name": unit.name, "Path": path(organization, chain)},
    )


def account_shown(call: Call, organization: Organization, member: Member) -> Answered:
    chain = units_above(call.tx, organization.id, member.parent)
    return _known(
        "Account",
        {
            "Id": member.account,
            "Arn": member.arn,
            "Email": member.email,
            "Name": member.name,
            **status_of(call, member),
            "Paths": [f"{path(organization, chain)}{member.account}/"],
            "JoinedMethod": member.joined_method,
            "JoinedTimestamp": member.joined,
        },
    )


def status_of(call: Call, member: Member) -> Answered:
    """Return the status of an account, which is deprecated, and its state. Closing takes a while with AWS's clock."""
    if member.closed is None:
        return {"Status": "ACTIVE", "State": "ACTIVE"}
    closing = call.latency.account_closure_seconds(member.account)
    if call.at < member.closed + timedelta(seconds=closing):
        return {"Status": "PENDING_CLOSURE", "State": "PENDING_CLOSURE"}
    return {"Status": "SUSPENDED", "State": "CLOSED"}


def delegated_shown(call: Call, member: Member) -> Answered:
    """Return a delegated administrator, with the time of its first delegation."""
    return _known(
        "DelegatedAdministrator",
        {
            "Id": member.account,
            "Arn": member.arn,
            "Email": member.email,
            "Name": member.name,
            **status_of(call, member),
            "JoinedMethod": member.joined_method,
            "JoinedTimestamp": member.joined,
            "DelegationEnabledDate": min(since for _, since in member.delegated),
        },
    )


def request_shown(request: DurableOperation) -> Answered:
    details, state = details_of(request), state_of(request)
    return {
        "Id": request.id,
        "AccountName": details.name,
        "State": state,
        "RequestedTimestamp": request.accepted,
        "CompletedTimestamp": request.ended,
        "AccountId": details.account if state == "SUCCEEDED" else None,
        "FailureReason": failure_of(request) or None,
    }


def handshake_shown(call: Call, handshake: Handshake) -> Answered:
    state = handshake.state
    is_open = state in ("OPEN", "REQUESTED")
    return {
        "Id": handshake.id,
        "Arn": handshake.arn,
        "Parties": _parties(handshake),
        "State": "EXPIRED" if is_open and handshake.expires <= call.at else state,
        "RequestedTimestamp": handshake.requested,
        "ExpirationTimestamp": handshake.expires,
        "Action": handshake.action,
        "Resources": _resources(call, handshake),
    }


def _parties(handshake: Handshake) -> list[Answered]:
    parties: list[Answered] = [{"Id": handshake.organization, "Type": "ORGANIZATION"}]
    if handshake.action != "ENABLE_ALL_FEATURES":
        parties.append(_invited("Id", handshake))
    return parties


def _invited(named: str, handshake: Handshake) -> dict[str, str]:
    """Return the account that is invited: by its address if it was invited by that."""
    if handshake.email:
        return {named: handshake.email, "Type": "EMAIL"}
    return {named: handshake.account, "Type": "ACCOUNT"}


def _resources(call: Call, handshake: Handshake) -> list[Answered]:
    management = members.get(call.tx, handshake.management)
    organization = organizations.get(call.tx, handshake.organization)
    sender = [
        {"Type": "MASTER_EMAIL", "Value": management.email if management else None},
        {"Type": "MASTER_NAME", "Value": management.name if management else None},
        {
            "Type": "ORGANIZATION_FEATURE_SET",
            "Value": organization.features if handshake.action == "INVITE" and organization else "ALL",
        },
    ]
    resources: list[Answered] = [
        {"Type": "ORGANIZATION", "Value": handshake.organization, "Resources": sender}
    ]
    if handshake.action != "ENABLE_ALL_FEATURES":
        resources.append(_invited("Value", handshake))
    if handshake.parent:
        resources.append({"Type": "PARENT_HANDSHAKE", "Value": handshake.parent})
    if handshake.notes:
        resources.append({"Type": "NOTES", "Value": handshake.notes})
    return resources


def policy_summary(policy: Policy) -> Answered:
    return {
        "Id": policy.id,
        "Arn": policy.arn,
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.aws_managed,
    }


def policy_shown(policy: Policy) -> Answered:
    return {"PolicySummary": policy_summary(policy), "Content": policy.content}


def target_shown(entity: entities.Entity) -> Answered:
    return {
        "TargetId": entities.id_of(entity),
        "Arn": entities.arn_of(entity),
        "Name": entities.name_of(entity),
        "Type": entities.type_of(entity),
    }


def _known(shape: str, answer: Answered) -> Answered:
    """Return the members that the installed API description has. States and paths of accounts are new in it."""
    return {name: value for name, value in answer.items() if name in _members(shape)}


@cache
def _members(shape: str) -> frozenset[str]:
    return frozenset(load("organizations").shape(shape).members)
