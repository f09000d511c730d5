"""The users, groups, roles and policies that last-accessed reports are about (last-accessed.md 33.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from understudy_aws.core import arn as arns
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.policy import CompiledPolicy, compile_policy
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.entities import CALLED, Entity
from understudy_aws.services.iam.groups import Group, groups
from understudy_aws.services.iam.policy_records import AnyPolicy, Policy, document_of, well_formed
from understudy_aws.services.iam.policy_records import find as find_policy
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.services.iam.tags import entity_keys, resource_keys
from understudy_aws.services.iam.users import User, users
from understudy_aws.store.database import Transaction

_TABLES: dict[str, Any] = {"user": users, "group": groups, "role": roles}


class PolicyOfEntity(msgspec.Struct, frozen=True):
    """A policy that an entity has: `arn` of a managed one, or whose inline policy it is (`kind` and `holder`)."""

    name: str
    text: str
    arn: str = ""
    kind: str = ""
    holder: str = ""

    @property
    def compiled(self) -> CompiledPolicy:
        """The document as the policy engine reads it."""
        return compile_policy(self.text)


def a_reported_entity(call: Call, params: Params) -> Sequence[Target]:
    """Return the user, group, role or policy that the ARN names; if there is none, the ARN itself."""
    arn = params["arn"]
    subject = find(call.tx, arn) if account_of(arn) in (call.account, "aws") else None
    if isinstance(subject, Policy):
        return [Target(subject.arn, resource_keys(subject.tags))]
    if isinstance(subject, User | Role):
        return [Target(subject.arn, entity_keys(subject.tags))]
    return [Target(arn)]


def account_of(arn: str) -> str:
    """Return the account in an ARN; `aws` of a policy of AWS; "" of a text that is no ARN."""
    parsed = arns.parse(arn)
    return parsed.account if parsed is not None else ""


def existing(call: Call, arn: str, *, policies_too: bool = True) -> Entity | AnyPolicy:
    """Return what the ARN names. Raises ValidationError for no ARN, InvalidInput for one of others, NoSuchEntity."""
    parsed = well_formed(arn)
    kind = parsed.resource.partition("/")[0]
    kinds = (*_TABLES, "policy") if policies_too else tuple(_TABLES)
    own = parsed.account == call.account or (kind == "policy" and parsed.account == "aws")
    if parsed.service != "iam" or kind not in kinds or not own:
        raise errors.invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    subject = find(call.tx, arn)
    if subject is None:
        raise errors.no_such_policy(arn) if kind == "policy" else errors.no_such(kind, _name(arn))
    return subject


def find(tx: Transaction, arn: str) -> Entity | AnyPolicy | None:
    """Return the user, group, role or policy of an ARN, or None."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "iam":
        return None
    kind = parsed.resource.partition("/")[0]
    if kind == "policy":
        return find_policy(tx, arn)
    table = _TABLES.get(kind)
    found: Entity | None = table.get(tx, parsed.account, _name(arn).lower()) if table is not None else None
    return found if found is not None and found.arn == arn else None


def arn_of(subject: Entity | AnyPolicy) -> str:
    """Return the ARN of an entity or policy."""
    return subject.arn if isinstance(subject, User | Group | Role | Policy) else subject.arn()


def policies_of(tx: Transaction, subject: Entity | AnyPolicy) -> list[PolicyOfEntity]:
    """Return the permissions policies of an entity, of a user those of its groups too; of a policy itself.

    Boundaries and trust policies are not among them.
    """
    if not isinstance(subject, User | Group | Role):
        arn = arn_of(subject)
        return [PolicyOfEntity(_name(arn), document_of(tx, arn) or "", arn)]
    found = _own_policies(tx, subject)
    for name in subject.groups if isinstance(subject, User) else ():
        group = groups.get(tx, subject.account, name)
        if group is not None:
            found += _own_policies(tx, group)
    return found


def users_and_roles(tx: Transaction, account: str, subject: Entity | AnyPolicy) -> Iterator[User | Role]:
    """Yield the users and roles of an account that can use a subject's policies, each once.

    Of a user or role it is that one, of a group its users, of a policy everybody who has it, also by a group.
    """
    if isinstance(subject, User | Role):
        yield subject
    elif isinstance(subject, Group):
        yield from _members(tx, subject)
    else:
        key = (account, arn_of(subject))
        by_id: dict[str, User | Role] = {each.id: each for each in users.where(tx, "by_policy", key)}
        for group in groups.where(tx, "by_policy", key):
            by_id.update((each.id, each) for each in _members(tx, group))
        yield from by_id.values()
        yield from roles.where(tx, "by_policy", key)


def _members(tx: Transaction, group: Group) -> Iterator[User]:
    yield from users.where(tx, "by_group", (group.account, group.name.lower()))


def _own_policies(tx: Transaction, entity: Entity) -> list[PolicyOfEntity]:
    kind = CALLED[type(entity)].upper()
    found = [PolicyOfEntity(name, text, kind=kind, holder=entity.name) for name, text in entity.inline]
    for arn in entity.attached:
        text = document_of(tx, arn)
        if text is not None:
            found.append(PolicyOfEntity(_name(arn), text, arn))
    return found


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
