"""The service-linked roles that AWS has: one row of `service_linked_roles.tsv` for each.

To teach Understudy another role, add a row; nothing else needs to know. The head of the table explains its columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

_TABLE = Path(__file__).with_name("service_linked_roles.tsv")

Confidence = Literal["recorded", "documented", "inferred"]
"""How principal, role name and policy are known; the head of the table says what each word means."""


class ServiceLinkedRoleTemplate(msgspec.Struct, frozen=True):
    """What a service's own role looks like before anyone creates it. `policy` is the ARN of the one it has."""

    principal: str
    role_name: str
    policy: str
    custom_suffix: bool
    served_by: str
    confidence: Confidence
    source: str
    description: str
    service_description: str

    @property
    def path(self) -> str:
        """Where such a role stands: `/aws-service-role/<principal>/`."""
        return f"/aws-service-role/{self.principal}/"


class UnknownRole(msgspec.Struct, frozen=True):
    """A policy whose role or service principal is not known, so that nobody can create the role here."""

    policy: str
    source: str


def find(principal: str) -> ServiceLinkedRoleTemplate | None:
    """The template of this service principal (exact, lower case), or None if no such role is known."""
    return _by_principal().get(principal)


@cache
def catalogue() -> Sequence[ServiceLinkedRoleTemplate]:
    """Every template, by principal."""
    return tuple(_by_principal().values())


@cache
def unknown() -> Sequence[UnknownRole]:
    """The policies whose roles are not known, by name."""
    return tuple(
        UnknownRole(_arn(row["policy"]), row["source"]) for row in _rows() if row["confidence"] == "unknown"
    )


@cache
def served_principals() -> Mapping[str, str]:
    """The principals whose roles are used here, each with the id of the service that says by what (`served_by`)."""
    # Every start asks this, so no row is made for it.
    columns, *rows = _lines()
    at = columns.index("served_by")
    return {cells[0]: cells[at] for cells in rows if cells[at]}


@cache
def _by_principal() -> Mapping[str, ServiceLinkedRoleTemplate]:
    return {row["principal"]: _template(row) for row in _rows() if row["confidence"] != "unknown"}


def _rows() -> Sequence[dict[str, str]]:
    """Every row by column. A row of too few or too many columns raises ValueError."""
    columns, *rows = _lines()
    return [dict(zip(columns, cells, strict=True)) for cells in rows]


def _lines() -> Sequence[list[str]]:
    """The cells of the line that names the columns, and of every row."""
    lines = _TABLE.read_text("utf-8").splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


def _template(row: Mapping[str, str]) -> ServiceLinkedRoleTemplate:
    """The template that a row describes. A wrong name of a column raises TypeError."""
    facts = {**row, "policy": _arn(row["policy"]), "custom_suffix": row["custom_suffix"] == "yes"}
    return ServiceLinkedRoleTemplate(**facts)  # type: ignore[arg-type]


def _arn(policy: str) -> str:
    return f"arn:aws:iam::aws:policy/aws-service-role/{policy}"
