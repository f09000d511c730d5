"""The kinds of resource that IAM has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from understudy_aws.core.arn import Arn
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.service import ResourceKind
from understudy_aws.services.iam.groups import groups
from understudy_aws.services.iam.policy_records import policies
from understudy_aws.services.iam.role_records import Role, instance_profiles, roles
from understudy_aws.services.iam.tags import entity_keys, resource_keys
from understudy_aws.services.iam.users import User, users
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Table


def _with_table(name: str, table: Table[Any], target: Callable[[Any], Target]) -> ResourceKind[Any]:
    """Describe a kind whose records are kept by account and lower-case name, and whose ARNs have a path."""

    def find(tx: Transaction, arn: Arn) -> Any:
        found: Any = table.get(tx, arn.account, arn.resource.rpartition("/")[2].lower())
        return found if found is not None and found.arn == str(arn) else None

    def named(tx: Transaction, account: str, name: str) -> Any:
        return table.get(tx, account, name.lower())

    return ResourceKind(name=name, table=table, find=find, target=target, named=named)


def _entity(entity: Role | User) -> Target:
    """Return the target of a role or user, with its tags and its boundary."""
    bounded = {"iam:permissionsboundary": entity.boundary} if entity.boundary else {}
    return Target(entity.arn, {**entity_keys(entity.tags), **bounded})


def _tagged(record: Any) -> Target:
    return Target(record.arn, resource_keys(record.tags))


RESOURCES = (
    _with_table("group", groups, lambda group: Target(group.arn)),
    _with_table("instance-profile", instance_profiles, _tagged),
    _with_table("policy", policies, _tagged),
    _with_table("role", roles, _entity),
    _with_table("user", users, _entity),
)
