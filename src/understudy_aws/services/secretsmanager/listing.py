"""Which secrets a list has, in which order, page by page (secrets.md 22.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from understudy_aws.core.clock import iso_seconds
from understudy_aws.gateway.paging import BadTokenError, key_after, token_after
from understudy_aws.services.secretsmanager import errors
from understudy_aws.services.secretsmanager.records import Secret

PAGE = 100


def fits(secret: Secret, filters: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a secret fits all filters: each has values of which one must, and those with `!` must not."""
    return all(_fits(secret, each.get("Key") or "all", each.get("Values") or ()) for each in filters)


def page(
    found: Sequence[Secret], *, sort_by: str, descending: bool, size: int, token: str | None
) -> tuple[list[Secret], str | None]:
    """Return one page of the secrets in order, and the token for the rest. Raises for a token of another order."""
    key = _ORDERS.get(sort_by, _ORDERS["created-date"])
    scope = f"ListSecrets {sort_by} {descending}"
    ordered = sorted(found, key=key, reverse=descending)
    if token:
        try:
            after = tuple(key_after(token, scope))
        except BadTokenError as error:
            raise errors.bad_token() from error
        ordered = [each for each in ordered if (key(each) < after if descending else key(each) > after)]
    shown = ordered[:size]
    return shown, token_after(key(shown[-1]), scope) if len(ordered) > size else None


def _time(value: Any) -> str:
    return "" if value is None else f"{iso_seconds(value)} {value.microsecond:06d}"


_ORDERS: Mapping[str, Callable[[Secret], tuple[str, ...]]] = {
    "created-date": lambda secret: (_time(secret.created), secret.name),
    "last-changed-date": lambda secret: (_time(secret.changed), secret.name),
    "last-accessed-date": lambda secret: (_time(secret.accessed), secret.name),
    "name": lambda secret: (secret.name,),
}


def _fits(secret: Secret, key: str, values: Sequence[str]) -> bool:
    wanted = [value for value in values if not value.startswith("!")]
    unwanted = [value[1:] for value in values if value.startswith("!")]
    has = _has(secret, key)
    return (not wanted or any(has(value) for value in wanted)) and not any(has(value) for value in unwanted)


def _has(secret: Secret, key: str) -> Callable[[str], bool]:
    texts = {
        "name": (secret.name,),
        "description": (secret.description,),
        "tag-key": tuple(tag for tag, _ in secret.tags),
        "tag-value": tuple(value for _, value in secret.tags),
        "primary-region": (secret.region,),
        "owning-service": (),
    }
    if key == "all":
        everything = [text.lower() for each in texts.values() for text in each]
        return lambda value: all(
            any(text.startswith(word) or word in text.split() for text in everything)
            for word in value.lower().split()
        )
    # Descriptions are compared without letter case, all else as it is.
    if key == "description":
        return lambda value: any(text.lower().startswith(value.lower()) for text in texts[key])
    return lambda value: any(text.startswith(value) for text in texts.get(key, ()))
