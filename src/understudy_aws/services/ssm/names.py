"""Names of parameters, hierarchies of them, and what follows a name to choose a version (parameters.md 23.1, 23.3)."""

from __future__ import annotations

import re

import msgspec

from understudy_aws.core.arn import Arn, parse
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.records import arn_of

MOST_LEVELS = 15
_LONGEST_ARN = 1011
_NAME = re.compile(r"/?[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_.-]+)+/?")


class Selected(msgspec.Struct, frozen=True):
    """What a request means by a name: the parameter's name or ARN, and which version, by number or label.

    `selector` is empty for the newest version.
    """

    name: str
    arn: Arn | None
    selector: str


def checked_new_name(name: str, account: str, region: str) -> None:
    """Raise unless a parameter can be made of this name."""
    plain = name.lower().removeprefix("/")
    if plain.startswith(("aws", "ssm")):
        if "/" not in name.removeprefix("/"):
            raise errors.wrong_prefix()
        raise errors.reserved_name(name) if plain.startswith("aws") else errors.wrong_name()
    if "/" in name and not name.startswith("/"):
        raise errors.not_qualified()
    if not _NAME.fullmatch(name):
        raise errors.wrong_name()
    if name.removeprefix("/").count("/") >= MOST_LEVELS:
        raise errors.too_deep(MOST_LEVELS)
    if len(arn_of(account, region, name)) > _LONGEST_ARN:
        raise errors.invalid(
            f"A parameter's name can have at most {_LONGEST_ARN} characters, those of its ARN before it included."
        )


def require_own(name: str) -> None:
    """Raise for the names of AWS's public parameters, of which there are none here."""
    if name.lower().startswith(("/aws/", "aws/")):
        raise errors.public_parameter(name)


def selected(text: str) -> Selected:
    """Return what a name or ARN means, which a version's number or a label may follow."""
    text = text.strip(" ")
    if not text.startswith("arn:"):
        name, _, selector = text.partition(":")
        return Selected(name, None, selector)
    arn = parse(text)
    if arn is None or arn.service != "ssm":
        return Selected(text, None, "")
    resource, _, selector = arn.resource.partition(":")
    return Selected(resource.removeprefix("parameter"), arn._replace(resource=resource), selector)


def checked_path(path: str) -> str:
    """Return a path with a slash at its end. Raises ValidationException for what is none."""
    path = path.strip(" ")
    require_own(f"{path}/" if path.lower() == "/aws" else path)
    if not _PATH.fullmatch(path):
        raise errors.wrong_path()
    return path if path.endswith("/") else f"{path}/"


def is_below(name: str, path: str, *, recursive: bool) -> bool:
    """Whether a parameter is below a path that ends with a slash: at any depth, or directly.

    A name without a slash at its beginning is on the first level.
    """
    full = name if name.startswith("/") else f"/{name}"
    return full.startswith(path) and (recursive or "/" not in full[len(path) :])
