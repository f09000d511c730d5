"""The role that is meant where a request hands one to a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy_aws.core.arn import iam, parse
from understudy_aws.gateway.call import Target
from understudy_aws.services.iam.role_records import instance_profiles, roles
from understudy_aws.services.iam.tags import entity_keys
from understudy_aws.store.database import Transaction


def passed_role(tx: Transaction, account: str, given: Any) -> Target | None:
    """Return the role of this ARN or name, or the one in an instance profile, given as EC2 does: by `Arn` or `Name`.

    A role that does not exist has the ARN it would have, so that the permission is asked all the same. None for an
    instance profile without role, or that does not exist.
    """
    if isinstance(given, Mapping):
        named = str(given.get("Arn") or given.get("Name") or "")
        profile = instance_profiles.get(tx, account, named.rpartition("/")[2].lower())
        return _role(tx, account, profile.role) if profile is not None and profile.role else None
    if not isinstance(given, str) or not given:
        return None
    arn = parse(given)
    if arn is None:
        return _role(tx, account, given)
    role = roles.get(tx, arn.account, arn.resource.rpartition("/")[2].lower())
    return Target(given, entity_keys(role.tags) if role is not None and role.arn == given else {})


def _role(tx: Transaction, account: str, name: str) -> Target:
    role = roles.get(tx, account, name.lower())
    return Target(role.arn, entity_keys(role.tags)) if role else Target(iam(account, f"role/{name}"))
