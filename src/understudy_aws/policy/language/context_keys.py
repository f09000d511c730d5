"""Condition keys: which hold lists, and which the principal alone decides."""

from __future__ import annotations

from collections.abc import Mapping

from understudy_aws.policy.language.list_keys import LIST_KEY_PREFIXES, LIST_KEYS
from understudy_aws.policy.language.question import Principal

Context = Mapping[str, str | list[str]]


def is_list_key(key: str) -> bool:
    """Return whether the lower-cased `key` holds a list even when one value was sent (policies.md 4.4).

    The type belongs to the key, not to the number of values; every identity provider's `amr` is a list.
    """
    return key in LIST_KEYS or key.startswith(LIST_KEY_PREFIXES) or (key.endswith(":amr") and _is_claim(key))


def _is_claim(key: str) -> bool:
    """Return whether an identity provider names the key, `host/path:claim`; `aws:requesttag/a:b` is a tag."""
    host, slash, _path = key.partition("/")
    return not slash or ":" not in host


def is_tag_key(key: str) -> bool:
    """Return whether the lower-cased `key` stands for one tag, such as `aws:requesttag/team`."""
    kind, slash, _name = key.partition("/")
    return bool(slash) and kind.endswith("tag")


def is_ambiguous(key: str, context: Context) -> bool:
    """Return whether `key` stands for several tags, whose keys differ in letter case alone (policies.md 4.4).

    AWS says that a condition matches either of the spellings, but not both, so that nothing can be said of any: an
    Allow with such a condition does not apply, and a Deny does.
    """
    value = context.get(key)
    return value is not None and not isinstance(value, str) and len(value) > 1 and is_tag_key(key)


def is_absent(key: str, context: Context) -> bool:
    """Return whether the request lacks a key. An empty list carries nothing, an empty text does (policies.md 4.4)."""
    value = context.get(key)
    return value is None or (not value and not isinstance(value, str))


def question_context(values: Mapping[str, str | list[str] | tuple[str, ...]]) -> dict[str, str | list[str]]:
    """`values` as a Question wants them: keys lower-cased, list-typed keys as lists; the last wins.

    Tags whose keys differ in letter case alone are a list of their values (`is_ambiguous`).
    """
    context: dict[str, str | list[str]] = {}
    for key, value in values.items():
        lowered = key.lower()
        if lowered in context and is_tag_key(lowered):
            before = context[lowered]
            context[lowered] = [*([before] if isinstance(before, str) else before), *_listed(value)]
        elif not isinstance(value, str):
            context[lowered] = list(value)
        else:
            context[lowered] = [value] if is_list_key(lowered) else value
    return context


def _listed(value: str | list[str] | tuple[str, ...]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


_PRINCIPAL_TYPES = {
    "root": "Account",
    "user": "User",
    "federated": "FederatedUser",
    "role-session": "AssumedRole",
    "anonymous": "Anonymous",
}


def principal_context(principal: Principal) -> dict[str, str | list[str]]:
    """Return the keys every request of this principal carries (policies.md 4.5 and 4.6), without its tags."""
    if principal.kind == "anonymous":
        return {
            "aws:principaltype": "Anonymous",
            "aws:userid": "anonymous",
            "aws:principalaccount": "anonymous",
        }
    if principal.kind == "service":
        return {
            "aws:principalisawsservice": "true",
            "aws:principalservicename": principal.service,
            "aws:principalservicenameslist": [principal.service],
        }
    if principal.is_outside_iam:
        # Somebody whose token STS is shown is known by the identity provider alone (recorded, web-identity.md 36.3).
        return {
            "aws:principalaccount": principal.account,
            "aws:principaltype": "User",
            "aws:userid": principal.arn,
            "aws:principalisawsservice": "false",
        }
    context: dict[str, str | list[str]] = {
        "aws:principalarn": principal.role_arn or principal.arn,
        "aws:principalaccount": principal.account,
        "aws:principaltype": _PRINCIPAL_TYPES[principal.kind],
        "aws:userid": principal.user_id or principal.account,
        "aws:principalisawsservice": "false",
    }
    if principal.kind == "user":
        context["aws:username"] = principal.arn.rpartition("/")[2]
    return context
