"""The service-linked roles there are: one file per service principal, named after it.

To teach Understudy another role, add a file; nothing else needs to know. Its keys:

    principal            the service principal, as in the file's name
    role_name            what the service calls its role: a constant, not derivable from the principal
    policy               ARN of the managed policy attached to it
    custom_suffix        whether CreateServiceLinkedRole accepts a CustomSuffix for it
    creatable            whether a user may create it with CreateServiceLinkedRole
    served_by            id of the service here that says what uses the role (absent: nothing here can use it)
    description          what IAM describes the role with if its creator says nothing (optional)
    service_description  what the service describes it with when it creates the role itself (optional)
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

import msgspec

_FILES = Path(__file__).parent

# A principal becomes a file's name, so only what one can look like goes through: no slash, no two dots.
_PRINCIPAL = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
_LONGEST_PRINCIPAL = 128


class ServiceLinkedRoleTemplate(msgspec.Struct, frozen=True):
    """What a service's own role looks like before anyone creates it."""

    principal: str
    role_name: str
    policy: str
    custom_suffix: bool
    creatable: bool
    served_by: str = ""
    description: str = ""
    service_description: str = ""

    @property
    def path(self) -> str:
        """Where such a role stands: `/aws-service-role/<principal>/`."""
        return f"/aws-service-role/{self.principal}/"


@lru_cache(maxsize=256)
def find(principal: str) -> ServiceLinkedRoleTemplate | None:
    """The template of this service principal (exact, lower case), or None if no such role is known."""
    if len(principal) > _LONGEST_PRINCIPAL or not _PRINCIPAL.fullmatch(principal):
        return None
    try:
        text = (_FILES / f"{principal}.toml").read_text("utf-8")
    except FileNotFoundError:
        return None
    return _template(text)


@cache
def catalogue() -> Sequence[ServiceLinkedRoleTemplate]:
    """Every template, by principal."""
    files = sorted(_FILES.glob("*.toml"), key=lambda file: file.stem)
    return tuple(_template(file.read_text("utf-8")) for file in files)


@cache
def served_principals() -> Mapping[str, str]:
    """The principals whose roles are used here, each with the id of the service that says by what (`served_by`)."""
    # Every start waits for this, and few files have the key: they are read without a decoder, and only those parsed.
    found = {}
    with os.scandir(_FILES) as files:
        for file in files:
            if file.name.endswith(".toml") and b"served_by" in (body := _read(file.path)):
                template = _template(body.decode())
                found[template.principal] = template.served_by
    return found


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path costs as much as the reading
        return file.read()


def _template(text: str) -> ServiceLinkedRoleTemplate:
    """The template a file describes. A wrong or missing key raises TypeError; a test reads every file."""
    facts = tomllib.loads(text)
    return ServiceLinkedRoleTemplate(**facts)
