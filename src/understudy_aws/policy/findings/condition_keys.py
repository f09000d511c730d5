"""Condition keys by name: of whom they are, and whether AWS knows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from understudy_aws.data import service_catalogue
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.nearest_names import Vocabulary

# "Sensitive condition keys" in "AWS global condition context keys" of the IAM guide.
SENSITIVE_KEYS = frozenset(
    {
        "aws:principalaccount", "aws:principalorgid", "aws:resourceaccount", "aws:resourceorgid",
        "aws:sourceaccount", "aws:sourceorgid", "aws:sourcevpc", "aws:sourcevpce", "aws:vpceaccount",
        "aws:vpceorgid",
    }
)  # fmt: skip
# Keys of one service that stand in the requests to all ("Properties of a role session", same page).
CROSS_SERVICE_KEYS = frozenset(
    {
        "codebuild:buildarn", "codebuild:projectarn", "ec2:roledelivery", "ec2:sourceinstancearn",
        "glue:credentialissuingservice", "glue:roleassumedby", "identitystore:userid",
        "lambda:sourcefunctionarn", "ssm:sourceinstancearn",
    }
)  # fmt: skip

_FORM = re.compile(r"[A-Za-z0-9_.~/-]+:[^\s].*\Z", re.DOTALL)
_FREE = re.compile(r"\$\{[^}]*\}")


def prefix_of(key: str) -> str:
    """Return what stands before the first colon: a service, `aws`, or an identity provider."""
    return key.partition(":")[0]


def has_form(key: str) -> bool:
    """Return whether the key is a prefix, a colon and a name."""
    return _FORM.match(key) is not None


def is_of_identity_provider(key: str) -> bool:
    """Keys of identity providers are named by their domain, whatever it is."""
    prefix = prefix_of(key)
    return "." in prefix or "/" in prefix


@memoized(8192)
def is_known(key: str) -> bool:
    """Return whether the catalogue has the key, in whatever letter case and with whatever tag."""
    lowered = key.lower()
    if lowered.endswith("/"):
        return False
    if service_catalogue.condition_key_type(lowered) is not None or lowered in CROSS_SERVICE_KEYS:
        return True
    exact, free = _forms(prefix_of(lowered))
    return lowered in exact or any(_fits_free(lowered, start, end) for start, end in free)


@memoized(256)
def _forms(prefix: str) -> tuple[frozenset[str], tuple[tuple[str, str], ...]]:
    """Return the keys of a service, in small letters: whole ones, and beginning and end of those with a free part."""
    service = service_catalogue.service(prefix)
    patterns = [
        _with_free_tag(key).lower() for key in (service.condition_keys if service is not None else ())
    ]
    free = (_FREE.split(each) for each in patterns if "${" in each)
    return frozenset(each for each in patterns if "${" not in each), tuple(
        (each[0], each[-1]) for each in free
    )


def _fits_free(key: str, start: str, end: str) -> bool:
    return len(key) > len(start) + len(end) and key.startswith(start) and key.endswith(end)


@memoized(16_384)
def fits(key: str, known: str) -> bool:
    """Return whether the lower-case key is this one of the catalogue, whose free part is a tag or a parameter."""
    pattern = _with_free_tag(known).lower()
    if "${" not in pattern:
        return key == pattern
    start, *rest = _FREE.split(pattern)
    return _fits_free(key, start, rest[-1])


def _with_free_tag(known: str) -> str:
    """Three services write the place of the tag in ways of their own."""
    if known.endswith(("/", "/tag-key")):
        return known.removesuffix("tag-key") + "${TagKey}"
    return known


def tag_form(key: str) -> str | None:
    """Return the key with its place for a tag, such as `aws:RequestTag/${TagKey}`, if it is written without a tag."""
    lowered = key.lower()
    return _tag_forms(prefix_of(lowered)).get(lowered.removesuffix("/") + "/")


@memoized(256)
def _tag_forms(prefix: str) -> Mapping[str, str]:
    """Return the keys of a service that take a tag, by what stands before it."""
    return {known.partition("${")[0].lower(): known for known in known_keys(prefix) if "${" in known}


@memoized(256)
def known_keys(prefix: str) -> tuple[str, ...]:
    """Return the keys of a service, or with the prefix `aws` the global ones."""
    if prefix == "aws":
        return service_catalogue.global_condition_keys()
    service = service_catalogue.service(prefix)
    if service is None:
        return ()
    own = (key for key in service.condition_keys if prefix_of(key).lower() == prefix)
    return tuple(_with_free_tag(key) for key in own)


@memoized(4096)
def nearest_key(key: str) -> str | None:
    """Return the known key of the same prefix most like this one; what follows a slash is kept."""
    head, slash, tag = key.partition("/")
    found = _vocabulary(prefix_of(key.lower())).nearest(head)
    return None if found is None else f"{found}{slash}{tag}"


@memoized(256)
def _vocabulary(prefix: str) -> Vocabulary:
    return Vocabulary(dict.fromkeys(key.partition("/${")[0] for key in known_keys(prefix)))
