"""The policies that a simulation evaluates: documents of the request, or those of an entity (simulator.md 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.core import arn as arns
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.entities import CALLED, Entity
from understudy_aws.services.iam.groups import Group, groups
from understudy_aws.services.iam.policy_records import document_of
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.users import User, users

_TABLES: dict[str, Any] = {"user": users, "group": groups, "role": roles}
_ALLOWS_EVERYTHING = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
_ALLOWS_NOTHING = '{"Version":"2012-10-17","Statement":[]}'


class Source(msgspec.Struct, frozen=True):
    """A document of a simulation: its layer, its name in the answer, and what a request can exclude it by."""

    layer: str
    id: str
    text: str
    category: str = ""
    arn: str = ""
    attached_to: tuple[str, str] = ("", "")


def an_entity(call: Call, params: Params) -> Sequence[Target]:
    """Return the user, group or role that the ARN names.

    Its path may be wrong; if there is none, return the ARN itself.
    """
    arn = params["policy_source_arn"]
    entity = named_entity(call, arn)
    return [Target(entity.arn if entity is not None else arn)]


def given(documents: Iterable[str]) -> list[Source]:
    """Return the documents of PolicyInputList."""
    return [
        Source("identity", f"PolicyInputList.{number}", text)
        for number, text in enumerate(documents, start=1)
    ]


def given_boundary(documents: Sequence[str] | None) -> list[Source]:
    """Return the document of PermissionsBoundaryPolicyInputList. Raises InvalidInput for several."""
    if documents is not None and len(documents) > 1:
        raise errors.invalid_input("Only one permissions boundary policy can be simulated.")
    return [Source("boundary", "PermissionsBoundaryPolicyInputList.1", text) for text in documents or ()]


def attached_to_entity(call: Call, entity: Entity) -> list[Source]:
    """Return an entity's policies, those of its groups, and its boundary. A trust policy is not among them."""
    sources = _own_policies(call, entity)
    for name in entity.groups if isinstance(entity, User) else ():
        group = groups.get(call.tx, call.account, name)
        if group is not None:
            sources += _own_policies(call, group)
    if not isinstance(entity, Group) and entity.boundary:
        # A boundary that no longer exists allows nothing.
        text = document_of(call.tx, entity.boundary) or _ALLOWS_NOTHING
        sources.append(
            Source("boundary", _name(entity.boundary), text, "permission-boundary", entity.boundary)
        )
    return sources


def organization_levels(call: Call, entity: Entity) -> list[Mapping[str, Any]]:
    """Return the levels of service control policies for an entity.

    If none bind it, one level allows everything. Outside an organization there are no levels.
    """
    membership = call.gateway.membership(call.tx, call.account)
    if membership is None:
        return []
    exempt = isinstance(entity, Role) and entity.linked_service
    levels = () if exempt else membership.scp_policies
    texts = [[named.policy.text for named in level] for level in levels] or [[_ALLOWS_EVERYTHING]]
    return [{"ServiceControlPolicyInputList": level} for level in texts]


def _own_policies(call: Call, entity: Entity) -> list[Source]:
    holder = (CALLED[type(entity)], entity.name.lower())
    sources = [Source("identity", name, text, "inline", attached_to=holder) for name, text in entity.inline]
    for arn in entity.attached:
        text = document_of(call.tx, arn)
        if text is not None:
            category = "aws-managed" if ":iam::aws:" in arn else "user-managed"
            sources.append(Source("identity", _name(arn), text, category, arn))
    return sources


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def exclusion(identifier: Mapping[str, Any]) -> Callable[[Source], bool]:
    """Return a function that says whether an entry of PolicyExclusionList names a policy."""
    if len(identifier) != 1:
        raise errors.invalid_input("A policy is excluded by exactly one of its type, its ARN or its name.")
    if "PolicyType" in identifier:
        return lambda source: source.category == identifier["PolicyType"]
    if "PolicyArn" in identifier:
        arn = identifier["PolicyArn"]
        parsed = arns.parse(arn)
        if parsed is None or "*" in arn or "?" in arn:
            raise errors.invalid_input(f"{arn} is not the ARN of a policy.")
        return lambda source: source.arn == arn
    inline = identifier["InlinePolicyIdentifier"]
    holder = (inline["AttachmentType"], inline["AttachmentName"].lower())
    return lambda source: source.attached_to == holder and source.id == inline["PolicyName"]


def named_entity(call: Call, arn: str) -> Entity | None:
    """Return the entity by the name in its ARN, or None. A wrong path is overlooked, as recorded at AWS."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.account != call.account:
        return None
    table = _TABLES.get(parsed.resource.partition("/")[0])
    found: Entity | None = table.get(call.tx, call.account, _name(arn).lower()) if table is not None else None
    return found


def existing_entity(call: Call, arn: str) -> Entity:
    """Return the entity that an ARN names. Raises InvalidInput for another ARN, and NoSuchEntity."""
    kind = entity_kind(arn)
    if kind is None:
        raise errors.invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    entity = named_entity(call, arn)
    if entity is None:
        raise errors.no_such(kind, _name(arn))
    return entity


def entity_kind(arn: str) -> str | None:
    """Return `user`, `group` or `role`, or None for another ARN."""
    parsed = arns.parse(arn)
    if parsed is None or (parsed.partition, parsed.service, parsed.region) != (arns.PARTITION, "iam", ""):
        return None
    kind, slash, name = parsed.resource.partition("/")
    is_account = len(parsed.account) == 12 and parsed.account.isascii() and parsed.account.isdigit()
    return kind if kind in _TABLES and slash and _name(name) and is_account else None
