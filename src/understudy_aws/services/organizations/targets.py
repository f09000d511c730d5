"""Which account may call, and what callers must be allowed to act on (service authorization reference)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core import arn as arns
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.iam.tags import request_keys
from understudy_aws.services.organizations import entities, errors, policy_records
from understudy_aws.services.organizations.delegation import is_delegated, resource_policies
from understudy_aws.services.organizations.handshake_records import handshakes
from understudy_aws.services.organizations.membership_changes import account_with
from understudy_aws.services.organizations.organization_records import (
    Organization,
    members,
    organization_of,
)
from understudy_aws.services.organizations.tag_lists import resource_keys

Keys = dict[str, str | list[str]]


def joined(call: Call) -> Organization:
    """Return the organization of the caller's account. Raises AWSOrganizationsNotInUse."""
    organization = organization_of(call.tx, call.account)
    if organization is None:
        raise errors.not_in_use()
    return organization


def managed(call: Call) -> Organization:
    """Return the organization that the caller's account manages. Raises AWSOrganizationsNotInUse, AccessDenied.

    The permission was asked before. As at AWS, an administrator of a member account has it and is refused, unless the
    resource policy of the organization allows the call.
    """
    organization = joined(call)
    if organization.management != call.account and not is_delegated(call, organization):
        raise errors.management_only()
    return organization


def readable(call: Call) -> Organization:
    """Return the organization that the caller's account manages, or is a delegated administrator in.

    Raises AWSOrganizationsNotInUse, AccessDenied.
    """
    organization = joined(call)
    member = members.get(call.tx, call.account)
    assert member is not None, "the account is in an organization"
    if not member.delegated:
        return managed(call)
    return organization


# What `on=` names.


def the_service(_call: Call, params: Params) -> Sequence[Target]:
    """Return the target of actions without resource, with the request's tags, policy type and service principal."""
    return [Target("*", _request(params))]


def a_target(call: Call, params: Params) -> Sequence[Target]:
    """Return the root, organizational unit or account that a policy is for, or else the caller's own account."""
    return [_target(call, params.get("target_id") or call.account, params)]


def a_policy(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["policy_id"], params)]


def a_policy_and_its_target(call: Call, params: Params) -> Sequence[Target]:
    """Return the policy and its target. Attaching and detaching take the permission on both."""
    policy = _target(call, params["policy_id"], params)
    kind = {key: value for key, value in policy.keys.items() if key == "organizations:policytype"}
    target = _target(call, params["target_id"], params)
    return [policy, _permitted_by_caller(call, target.resource, {**target.keys, **kind})]


def a_root(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["root_id"], params)]


def an_organizational_unit(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["organizational_unit_id"], params)]


def a_parent(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["parent_id"], params)]


def a_child(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["child_id"], params)]


def an_account(call: Call, params: Params) -> Sequence[Target]:
    return [_target(call, params["account_id"], params)]


def an_account_and_its_parents(call: Call, params: Params) -> Sequence[Target]:
    """Return the account, its old and its new parent. Moving takes the permission on each."""
    ids = (params["account_id"], params["source_parent_id"], params["destination_parent_id"])
    return [_target(call, id, params) for id in ids]


def an_invited_account(call: Call, params: Params) -> Sequence[Target]:
    """Return the account to invite: what was given, or the account of the address that was."""
    id = params["target"]["Id"]
    if params["target"]["Type"] == "EMAIL":
        id = account_with(call.tx, id) or "*"
    return [_target(call, id, params)]


def a_handshake(call: Call, params: Params) -> Sequence[Target]:
    """Return the handshake, whose ARN has the account that sent it."""
    handshake = handshakes.get(call.tx, params["handshake_id"])
    if handshake is None:
        return [_permitted_by_caller(call, _arn(call, "handshake", f"invite/{params['handshake_id']}"))]
    return [_permitted_by_caller(call, handshake.arn)]


def a_resource(call: Call, params: Params) -> Sequence[Target]:
    """Return the resource to be tagged."""
    return [_target(call, params["resource_id"], params)]


def _target(call: Call, id: str, params: Params) -> Target:
    """Return what has this id, with its tags. For what does not exist it is the ARN it would have."""
    organization = organization_of(call.tx, call.account)
    keys = _request(params)
    if id.startswith("p-"):
        policy = policy_records.find(call.tx, organization.id if organization else "", id)
        if policy is None:
            return _permitted_by_caller(call, _arn(call, "policy", f"*/{id}"), keys)
        # AWS's policies carry the type of what they are.
        own = {**resource_keys(policy.tags), "organizations:policytype": policy.type}
        return _permitted_by_caller(call, policy.arn, {**own, **keys})
    if id.startswith("rp-"):
        delegation = resource_policies.get(call.tx, organization.id) if organization is not None else None
        if delegation is None or delegation.id != id:
            return _permitted_by_caller(call, _arn(call, "resourcepolicy", id), keys)
        return _permitted_by_caller(call, delegation.arn, {**resource_keys(delegation.tags), **keys})
    entity = entities.find(call.tx, organization, id) if organization is not None else None
    if entity is None:
        kind = "root" if id.startswith("r-") else "ou" if id.startswith("ou-") else "account"
        return _permitted_by_caller(call, _arn(call, kind, id), keys)
    return _permitted_by_caller(call, entities.arn_of(entity), {**resource_keys(entity.tags), **keys})


def _permitted_by_caller(call: Call, arn: str, keys: Keys | None = None) -> Target:
    """Something of an organization's, whose ARN has the management account in it.

    The account of the caller gives the permission: what a member account may do there is for the operation to say.
    """
    return Target(arn, keys or {}, account=call.account)


def _arn(call: Call, kind: str, tail: str) -> str:
    organization = organization_of(call.tx, call.account)
    if organization is None:
        return arns.organizations(call.account, f"{kind}/o-*/{tail}")
    return arns.organizations(organization.management, f"{kind}/{organization.id}/{tail}")


def _request(params: Mapping[str, Any]) -> Keys:
    keys = request_keys(params)
    kind = params.get("policy_type") or params.get("type") or params.get("filter")
    if isinstance(kind, str):
        keys["organizations:policytype"] = kind
    if params.get("service_principal"):
        keys["organizations:serviceprincipal"] = params["service_principal"]
    return keys
