"""The resource policy of a parameter, which lets in other accounts (parameters.md 23.4)."""

from __future__ import annotations

import hashlib

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.lookups import a_shared_resource, found_by, newest
from understudy_aws.services.ssm.names import selected
from understudy_aws.services.ssm.records import ADVANCED, SECURE, Parameter, parameters

_LONGEST = 20_480


@operation("ssm:PutResourcePolicy", on=a_shared_resource)
def put_resource_policy(
    call: Call,
    *,
    resource_arn: str,
    policy: str,
    policy_id: str | None = None,
    policy_hash: str | None = None,
) -> Answer:
    """Give a parameter of the advanced tier its policy, or another; it has one at most."""
    parameter = _shared(call, resource_arn)
    if parameter.tier != ADVANCED:
        raise errors.policy_refused("Only a parameter of the advanced tier can be shared.")
    if newest(call.tx, parameter).type == SECURE:
        raise errors.policy_refused(
            "A SecureString parameter under an AWS managed key can't be shared with other accounts."
        )
    if policy_id:
        _require(parameter, policy_id, policy_hash)
    elif parameter.policy:
        raise errors.too_many_policies()
    if len(policy) > _LONGEST:
        raise errors.malformed_policy(f"A resource policy can have at most {_LONGEST} characters.")
    try:
        review(policy, "resource", is_service=call.gateway.is_service_principal)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error)) from error
    id = policy_id or call.ids.uuid()
    parameters.put(call.tx, replace(parameter, policy=policy, policy_id=id))
    return {"PolicyId": id, "PolicyHash": _hash(policy)}


@operation("ssm:GetResourcePolicies", on=a_shared_resource)
def get_resource_policies(
    call: Call, *, resource_arn: str, next_token: str | None = None, max_results: int | None = None
) -> Answer:
    """Return the policy of a parameter; none is no error. There is one page at most."""
    del max_results
    if next_token:
        raise errors.policy_refused("The specified token isn't valid.")
    found = _shared(call, resource_arn)
    if not found.policy:
        return {"Policies": []}
    told = {"PolicyId": found.policy_id, "PolicyHash": _hash(found.policy), "Policy": found.policy}
    return {"Policies": [told]}


@operation("ssm:DeleteResourcePolicy", on=a_shared_resource)
def delete_resource_policy(call: Call, *, resource_arn: str, policy_id: str, policy_hash: str) -> None:
    """Take the policy of a parameter away."""
    parameter = _shared(call, resource_arn)
    _require(parameter, policy_id, policy_hash)
    parameters.put(call.tx, replace(parameter, policy="", policy_id=""))


def _shared(call: Call, arn: str) -> Parameter:
    found = found_by(call, selected(arn))
    if found is None or found.account != call.account:
        raise errors.no_such_policy_resource()
    return found


def _require(parameter: Parameter, id: str, hash: str | None) -> None:
    if not parameter.policy or id != parameter.policy_id:
        raise errors.no_such_policy(id)
    if hash != _hash(parameter.policy):
        raise errors.another_policy_hash()


def _hash(policy: str) -> str:
    return hashlib.sha256(policy.encode()).hexdigest()
