"""The list of all checks. They are imported when first used, so that starting a server does not wait for them."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from understudy_aws.policy.findings.check import Check

_MODULES = ("understudy_aws.policy.findings.errors", "understudy_aws.policy.findings.advice")


@cache
def checks() -> tuple[Check, ...]:
    """Return every check of every type."""
    return tuple(check for name in _MODULES for check in import_module(name).CHECKS)


@cache
def checks_beyond_aws() -> tuple[Check, ...]:
    """Return the checks that Access Analyzer has no like of."""
    return tuple(import_module("understudy_aws.policy.findings.beyond").CHECKS)


@cache
def form_checks() -> tuple[Check, ...]:
    """Return the checks of a document's form and size alone, which are quick however long the document is."""
    names = (f"{name}.document" for name in _MODULES)
    return tuple(check for name in names for check in import_module(name).CHECKS)
