"""What a request may carry under a condition key, where nothing says what it does carry."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from understudy_aws.data.regions import GLOBAL_REGION, GLOBAL_SERVICES, REGIONS
from understudy_aws.policy.engine.conditions.address import address
from understudy_aws.policy.engine.conditions.date import milliseconds
from understudy_aws.policy.engine.conditions.numeric import number
from understudy_aws.policy.language.context_keys import Context
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens
from understudy_aws.policy.language.question import Principal

# The clock's two keys, which always say the same moment.
CLOCK = ("aws:currenttime", "aws:epochtime")
TRUTHS = ("true", "false")


class Domain(msgspec.Struct, frozen=True):
    """The values that a key may have.

    `values` are all of them, when they are few. Otherwise every text of `kind` is one, if it matches `like` and is none
    of `excluding`. `optional` says that a request may lack the key.
    """

    values: tuple[str, ...] | None = None
    kind: str = "text"
    optional: bool = True
    like: str = "*"
    excluding: frozenset[str] = frozenset()

    def has(self, text: str) -> bool:
        """Return whether a key may have a value."""
        if self.values is not None:
            return text in self.values
        if text in self.excluding or not _OF_KIND[self.kind](text):
            return False
        return matcher(wildcard_tokens(self.like))(text)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


_OF_KIND: dict[str, Callable[[str], bool]] = {
    "text": lambda _text: True,
    "moment": _is_whole,
    "number": lambda text: number(text) is not None,
    "date": lambda text: milliseconds(text) is not None,
    "address": lambda text: address(text) is not None,
}

ABSENT = Domain(values=())
_ANY = Domain()
_TRUTH = Domain(values=TRUTHS, optional=False)
_USUAL = {
    "aws:currenttime": Domain(kind="moment", optional=False),
    "aws:epochtime": Domain(kind="moment", optional=False),
    "aws:securetransport": _TRUTH,
    "aws:viaawsservice": _TRUTH,
    "aws:sourceip": Domain(kind="address"),
    "aws:vpcsourceip": Domain(kind="address"),
    "aws:multifactorauthage": Domain(kind="number"),
    "aws:multifactorauthpresent": Domain(values=TRUTHS),
    "aws:tokenissuetime": Domain(kind="date"),
}
# Keys that follow from who asks. A caller of `domain_of` puts those that the principal has into the fixed context.
_OF_THE_PRINCIPAL = (
    "aws:principal",
    "aws:userid",
    "aws:username",
)
_OF_SESSIONS = ("aws:tokenissuetime", "aws:multifactorauthpresent", "aws:multifactorauthage")
_OF_TEMPORARY_CREDENTIALS = {
    "aws:tokenissuetime": Domain(kind="date", optional=False),
    "aws:multifactorauthpresent": _TRUTH,
}

_WITHOUT_SESSIONS = frozenset({"service", "anonymous"})
_IN_SESSIONS = frozenset({"role-session", "federated"})
_NAMES_IN_STS = frozenset(
    {"sts:externalid", "sts:rolesessionname", "sts:sourceidentity", "aws:sourceidentity"}
)
_ALWAYS_NAMED = ("sts", "assumerole", "sts:rolesessionname")

DomainOf = Callable[[str], "Domain | None"]


def domain_of(key: str, principal: Principal, action: str, fixed: Context) -> Domain | None:
    """Return what a request of this principal may carry under `key`; None when `fixed` says what it carries.

    A key of the principal that `fixed` does not have is absent.
    """
    if key in fixed:
        return None
    service, _, name = action.lower().partition(":")
    if key == "aws:requestedregion":
        regions = (GLOBAL_REGION,) if service in GLOBAL_SERVICES else tuple(REGIONS)
        return Domain(values=regions, optional=False)
    # Who shows STS the token of another identity provider has no session yet.
    without = principal.kind in _WITHOUT_SESSIONS or principal.is_outside_iam
    if key.startswith(_OF_THE_PRINCIPAL) or (key in _OF_SESSIONS and without):
        return ABSENT
    if principal.kind in _IN_SESSIONS and key in _OF_TEMPORARY_CREDENTIALS:
        return _OF_TEMPORARY_CREDENTIALS[key]
    if key in _NAMES_IN_STS:
        # Their shortest has two letters (sts.md 3.1).
        return Domain(like="??*", optional=(service, name, key) != _ALWAYS_NAMED)
    return _USUAL.get(key, _ANY)
