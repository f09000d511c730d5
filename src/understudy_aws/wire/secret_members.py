"""Finds the members of requests that are secrets, by what API descriptions mark and by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from understudy_aws.core.urls import without_credentials
from understudy_aws.wire.model import Shape
from understudy_aws.wire.names import snake

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# A text whose member has one of these words in its name is taken for a secret.
_WORDS = frozenset(
    {
        "assertion", "code", "code1", "code2", "codes", "credential", "credentials", "environment", "key", "keys",
        "passphrase", "password", "passwords", "psk", "secret", "secrets", "token", "tokens",
    }
)  # fmt: skip
_NAMES = frozenset({"user_data"})
# The names with such a word that are none: looked through one by one. A name that AWS adds is hidden until it is here.
HARMLESS = frozenset(
    {
        "access_key_id", "activate_tag_keys", "aws_access_key_id", "client_request_token", "client_token",
        "context_key_name", "context_key_values", "deactivate_tag_keys", "instance_tag_keys",
        "ipam_external_resource_verification_token_id", "ipam_external_resource_verification_token_ids", "key",
        "key_name", "key_names", "key_pair_id", "key_pair_ids", "kms_key", "kms_key_arn", "kms_key_id",
        "marketplace_product_codes", "meta_data_key", "next_token", "object_key", "product_code", "product_codes",
        "public_key_material", "public_signing_key_endpoint", "public_signing_key_url", "purchase_token",
        "remove_private_key", "s3_key", "secret_id", "secret_id_list", "service_specific_credential_id",
        "sort_key", "source_code_version",
        "source_key", "ssh_public_key_body", "ssh_public_key_id", "status_code_matcher", "subject_source_key",
        "subject_type_source_key", "tag_keys", "target_key", "token_endpoint", "transitive_tag_keys", "watermark_key",
    }
)  # fmt: skip
# URLs in which users may have put credentials.
_URLS = frozenset({"repository_url"})
_TEXTS = frozenset({"string", "blob", "character"})

Hide = Callable[[Any], Any]


def is_secret(name: str, shape: Shape) -> bool:
    """Whether a member of this name and shape is a secret, as a whole."""
    if shape.is_sensitive:
        return True
    if shape.type == "map":
        return shape.key.shape.is_sensitive or shape.value.shape.is_sensitive or _has_secret_name(name)
    text = shape
    while text.type == "list":
        text = text.element.shape
        if text.is_sensitive:
            return True
    return text.type in _TEXTS and not text.enum and _has_secret_name(name)


def _has_secret_name(name: str) -> bool:
    plain = snake(name)
    return (plain in _NAMES or not _WORDS.isdisjoint(plain.split("_"))) and plain not in HARMLESS


def hider(shape: Shape) -> Hide | None:
    """Return the function that replaces the secrets in a value of this shape; None if it can hold none."""
    if "hide" not in shape.compiled:
        # A shape that contains itself is looked up again while its own function is being made.
        shape.compiled["hide"] = _deferred(shape)
        shape.compiled["hide"] = _made(shape)
    made: Hide | None = shape.compiled["hide"]
    return made


def may_hold_secrets(shape: Shape) -> bool:
    """Whether a value of this shape can hold a secret."""
    return hider(shape) is not None


def secrets_in(params: Mapping[str, Any], shape: Shape) -> Iterator[str]:
    """Yield the secret texts of a request's parameters, which have top-level names in snake case."""
    shown = without_secrets(params, shape)
    waiting = [(value, shown[name]) for name, value in params.items()]
    while waiting:
        value, kept = waiting.pop()
        if value is kept:
            continue
        if kept == HIDDEN or isinstance(value, str):
            yield from _texts(value)
        elif isinstance(value, dict):
            waiting += [(each, kept[name]) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += zip(value, kept, strict=True)


def without_secrets(params: Mapping[str, Any], shape: Shape | None) -> Mapping[str, Any]:
    """Return a request's parameters, which have top-level names in snake case, with their secrets replaced."""
    if shape is None:
        return params
    hides: dict[str, Hide] | None = shape.compiled.get("hide-params")
    if hides is None:
        hides = {snake(name): hide for name, hide in _of_members(shape).items()}
        shape.compiled["hide-params"] = hides
    if not hides:
        return params
    return {name: hides[name](value) if name in hides else value for name, value in params.items()}


def _hidden(_value: Any) -> str:
    return HIDDEN


def _without_credentials(value: Any) -> Any:
    return without_credentials(value) if isinstance(value, str) else value


def _of_members(shape: Shape) -> dict[str, Hide]:
    found: dict[str, Hide] = {}
    for name, member in shape.members.items():
        if is_secret(name, member.shape):
            hide: Hide | None = _hidden
        else:
            hide = _without_credentials if snake(name) in _URLS else hider(member.shape)
        if hide is not None:
            found[name] = hide
    return found


def _made(shape: Shape) -> Hide | None:
    if shape.type == "structure":
        members = _of_members(shape)
        if not members:
            return None
        return lambda value: (
            {name: members[name](each) if name in members else each for name, each in value.items()}
            if isinstance(value, dict)
            else value
        )
    if shape.type in {"list", "map"}:
        below = hider((shape.element if shape.type == "list" else shape.value).shape)
        if below is None:
            return None
        return lambda value: _of_each(value, below)
    return None


def _of_each(value: Any, hide: Hide) -> Any:
    if isinstance(value, list):
        return [hide(each) for each in value]
    return {name: hide(each) for name, each in value.items()} if isinstance(value, dict) else value


def _deferred(shape: Shape) -> Hide:
    def hide(value: Any) -> Any:
        made = shape.compiled["hide"]
        return value if made is None or made is hide else made(value)

    return hide


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
