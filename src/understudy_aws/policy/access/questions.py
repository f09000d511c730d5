"""What can be asked about: a name that nothing has would be in nobody's reach, and a typing error seem proven."""

from __future__ import annotations

import re
from collections.abc import Iterable

from understudy_aws.core.arn import parse
from understudy_aws.data import service_catalogue
from understudy_aws.data.newer_actions import newer_actions
from understudy_aws.data.partitions import ALL_REGIONS
from understudy_aws.policy.language.nearest_names import (
    nearest,
    nearest_action,
    nearest_namespace,
    nearest_region,
    nearest_service,
)
from understudy_aws.policy.language.patterns import lower_ascii, matcher, wildcard_tokens

_WILD = re.compile(r"[*?]")
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_DIGITS = 12
_NAMESPACE, _REGION, _ACCOUNT, _FIELDS = 2, 3, 4, 6


class NotAQuestion(ValueError):
    """What is asked about cannot be; the message says so, and what is like it."""


def is_pattern(text: str) -> bool:
    """Return whether a name of an action or a resource may mean several."""
    return _WILD.search(text) is not None


def actions_of(written: str) -> list[str] | None:
    """Return the actions of one service that a pattern means; None where it leaves the service open."""
    prefix, _, own = written.partition(":")
    if is_pattern(prefix):
        return None
    known = service_catalogue.service(prefix)
    newer = newer_actions(prefix)
    matches = matcher(wildcard_tokens(lower_ascii(own)))
    named = known.actions.values() if known is not None else ()
    names = [f"{each.service}:{each.name}" for each in named if matches(lower_ascii(each.name))]
    have = {lower_ascii(each) for each in names}
    lowered = [f"{lower_ascii(prefix)}:{each}" for each in sorted(newer) if matches(each)]
    return [*names, *(each for each in lowered if each not in have)]


def check_action(written: str) -> None:
    """Raise NotAQuestion for an action, or a pattern of actions, that AWS has not."""
    if written == "*":
        return
    prefix, colon, own = written.partition(":")
    if not (prefix and colon and own):
        raise NotAQuestion(f"An action is written service:Name, such as ec2:CreateVpc, not {written!r}.")
    if is_pattern(prefix):
        services = service_catalogue.everything()
        if not any(map(matcher(wildcard_tokens(lower_ascii(prefix))), services)):
            raise NotAQuestion(f"No service of AWS's has a name like {prefix!r}.")
    elif service_catalogue.service(prefix) is None and not newer_actions(prefix):
        raise NotAQuestion(f"AWS has no service {prefix!r}{_did_you_mean(nearest_service(prefix), own)}")
    elif not actions_of(written):
        what = f"no action like {own!r}" if is_pattern(own) else f"no action {own!r}"
        raise NotAQuestion(f"{prefix} has {what}{_did_you_mean(_nearest_action(prefix, own))}")


def check_resource(written: str) -> None:
    """Raise NotAQuestion for a resource that is neither an ARN, nor a pattern of ARNs, nor `*`."""
    if written.startswith("*"):
        return
    fields = written.split(":", _FIELDS - 1)
    cut_short = is_pattern(fields[-1]) and len(fields) < _FIELDS and len(fields) > 1
    if fields[0] != "arn" or (parse(written) is None and not cut_short):
        raise NotAQuestion(
            f"A resource is *, or an ARN such as arn:aws:s3:::bucket/key, in which * may stand, not {written!r}."
        )
    namespace, region, account = (
        fields[at] if at < len(fields) - 1 and not is_pattern(fields[at]) else ""
        for at in (_NAMESPACE, _REGION, _ACCOUNT)
    )
    if namespace and namespace not in service_catalogue.arn_namespaces() and not newer_actions(namespace):
        raise NotAQuestion(
            f"In {written!r}, {namespace!r} is no service{_did_you_mean(nearest_namespace(namespace))}"
        )
    like = nearest_region(region) if region and region not in ALL_REGIONS else None
    if like is not None:
        raise NotAQuestion(f"In {written!r}, {region!r} is no Region{_did_you_mean(like)}")
    if account.isdecimal() and len(account) != _DIGITS:
        raise NotAQuestion(f"In {written!r}, {account!r} is no account: it has {_DIGITS} digits.")


def check_account(known: Iterable[str], account: str) -> None:
    """Raise NotAQuestion for an account that is not known."""
    if account and account not in known:
        raise NotAQuestion(f"There is no account {account} here.")


def of_account_alone(account: str) -> str:
    """Return what is said where questions are about one account."""
    return f"Asked are principals of {account} alone, and no services, other accounts or identity providers."


def _did_you_mean(name: str | None, own: str = "") -> str:
    return f". Did you mean {name}{':' if own else ''}{own}?" if name is not None else "."


def _nearest_action(prefix: str, own: str) -> str | None:
    """Return the action most like a name; for a pattern one that begins with the most alike of first words."""
    literal = _WILD.split(own)[0]
    found = nearest_action(prefix, _WILD.sub("", own))
    if found is not None or literal == own:
        return found
    known = service_catalogue.service(prefix)
    words = _first_words(each.name for each in known.actions.values()) if known is not None else ()
    begun = _WORD.match(literal)
    word = nearest(begun[0], words) if begun is not None else None
    return None if word is None or begun is None else f"{prefix}:{word}{own[begun.end() :]}"


def _first_words(names: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(found[0] for name in names if (found := _WORD.match(name)) is not None)
