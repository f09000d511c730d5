"""The checks of type ERROR, one module per element of the language."""

from understudy_aws.policy.findings.check import Check
from understudy_aws.policy.findings.errors import (
    actions,
    condition_keys,
    condition_values,
    document,
    keys_and_actions,
    operators,
    organizations,
    permissive,
    principals,
    resources,
    statement,
    trust,
    variables,
)

CHECKS: tuple[Check, ...] = (
    *document.CHECKS,
    *statement.CHECKS,
    *actions.CHECKS,
    *resources.CHECKS,
    *principals.CHECKS,
    *trust.CHECKS,
    *organizations.CHECKS,
    *operators.CHECKS,
    *condition_keys.CHECKS,
    *condition_values.CHECKS,
    *permissive.CHECKS,
    *keys_and_actions.CHECKS,
    *variables.CHECKS,
)
