"""The checks of type SECURITY_WARNING, WARNING and SUGGESTION, one module per element of the language.

None of AWS's checks of these types reads an account, so none is missing for want of one. What AWS decides by data
it does not publish is decided here by published data instead: which service principals say on whose behalf they
call (`principals`), and which actions know tags (`tags`, by the service catalogue).
"""

from understudy_aws.policy.findings.advice import (
    addresses,
    document,
    emptiness,
    federation,
    keys,
    operators,
    principals,
    redundancy,
    roles,
    services,
    tags,
    values,
)
from understudy_aws.policy.findings.check import Check

CHECKS: tuple[Check, ...] = (
    *document.CHECKS,
    *principals.CHECKS,
    *federation.CHECKS,
    *roles.CHECKS,
    *services.CHECKS,
    *tags.CHECKS,
    *operators.CHECKS,
    *keys.CHECKS,
    *values.CHECKS,
    *addresses.CHECKS,
    *redundancy.CHECKS,
    *emptiness.CHECKS,
)
