"""Which layers bind whom. Both interpreters, `decide` and `evaluate`, use these functions."""

from __future__ import annotations

from understudy_aws.data.resource_control_policies import COVERED_SERVICES
from understudy_aws.policy.engine.policies import CompiledStatement
from understudy_aws.policy.language.context_keys import Context, is_absent
from understudy_aws.policy.language.question import Principal

_RCP_EXEMPT_ACTIONS = frozenset({"kms:retiregrant"})
_SERVICE_LINKED_PATH = ":role/aws-service-role/"


def rcps_govern(action: str) -> bool:
    """Return whether resource control policies have a say in this action (policies.md 4.8)."""
    lowered = action.lower()
    return lowered.partition(":")[0] in COVERED_SERVICES and lowered not in _RCP_EXEMPT_ACTIONS


def assumes_service_linked_role(action: str, resource: str) -> bool:
    """RCPs do not restrict who assumes a service-linked role (policies.md 4.8)."""
    return action.lower().startswith("sts:") and _SERVICE_LINKED_PATH in resource


def resource_policy_must_allow(action: str, *, trust: bool, has_resource_policy: bool) -> bool:
    """Trust policies and the policies of KMS keys must allow explicitly, in one account too (policies.md 4.8)."""
    return trust or (has_resource_policy and action.lower().startswith("kms:"))


def has_boundary_that_counts(principal: Principal, *, bounded: bool) -> bool:
    """Return whether the principal is one of IAM's and has a permissions boundary; the root user has none.

    A Deny with NotPrincipal always denies such a principal, whomever it names (policies.md 4.3).
    """
    return bounded and principal.kind != "root" and not principal.is_outside_iam


def missing_keys(
    statement: CompiledStatement, context: Context, *, resource_matches: bool = True
) -> tuple[str, ...]:
    """Return the keys `statement` asks for that the request does not carry.

    Of a statement about other resources only the variables in its resources count: with a value it might
    have been about this one.
    """
    asked = statement.keys if resource_matches else statement.resource_keys
    return tuple(key for key in asked if is_absent(key, context))
