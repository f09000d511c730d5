"""Roles that a request hands to a service, which takes `iam:PassRole` (policies.md 4.7).

A service says in its description which members of which operations hand over a role (`Service.passes`). The pipeline
asks for the permission, so that no operation can forget it, and no role is passed without `iam:PassedToService`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.request_members import members, plain_name
from understudy_aws.store.database import Transaction

# Answers the target of the role that is meant: by the ARN or name of a role, or by an instance profile. None when
# there is no role in it.
RoleLookup = Callable[[Transaction, str, Any], Target | None]

PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action


class RolePassing(msgspec.Struct, frozen=True, kw_only=True):
    """A member by which requests hand a role to a service.

    member      its name in the API description, wherever it stands in the request: `InstanceRoleArn`
    to          the service principal that is given the role: `iam:PassedToService`
    operations  the operations that pass the role on
    associated  the word in ARNs of the resource that gets the role, `iam:AssociatedResourceArn`; empty where AWS
                documents none
    """

    member: str
    to: str
    operations: frozenset[str]
    associated: str = ""


def passed_roles(
    call: Call,
    passings: Sequence[RolePassing],
    params: Params,
    targets: Sequence[Target],
    role: RoleLookup,
) -> Iterator[Target]:
    """Yield what a call passes: each role with the service it is given to. `targets` are what the call acts on."""
    sent = members(params)
    for passing in passings:
        for given in sent.get(plain_name(passing.member), ()):
            found = role(call.tx, call.account, given)
            if found is None:
                continue
            keys: dict[str, str | list[str]] = {**found.keys, "iam:passedtoservice": passing.to}
            resources = [
                target.resource for target in targets if _is_kind(target.resource, passing.associated)
            ]
            if resources:
                keys["iam:associatedresourcearn"] = resources[0]
            yield msgspec.structs.replace(found, keys=keys, action=PASS_ROLE)


def passings_by_operation(passings: Sequence[RolePassing]) -> Mapping[str, tuple[RolePassing, ...]]:
    """Return what each operation passes, by the operation's name."""
    names = {name for passing in passings for name in passing.operations}
    return {name: tuple(each for each in passings if name in each.operations) for name in names}


def _is_kind(resource: str, kind: str) -> bool:
    arn = parse(resource) if kind else None
    return arn is not None and arn.resource.partition("/")[0] == kind
