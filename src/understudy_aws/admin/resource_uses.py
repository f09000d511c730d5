"""What uses a resource, and what must go before it can be deleted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import ListUses
from understudy_aws.admin.service_logs import the_one
from understudy_aws.core.arn import parse
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.gateway.uses import Resource
from understudy_aws.services.iam import deletion_tasks
from understudy_aws.services.iam.role_records import Role, roles
from understudy_aws.store.database import Transaction

# So many resources are in one answer at most; what is left out is counted.
_MOST_NODES = 5_000
# Of a list in an explanation.
_MOST_EXPLAINED = 5


def listed(gateway: Gateway, asked: ListUses) -> dict[str, Any]:
    """Return the tree of what uses a resource. Raises NotFoundError, with what may be meant."""
    text = asked.id.strip()
    if not text:
        raise InvalidRequestError("An empty text is no ARN and no id of a resource.")
    uses = gateway.registry.uses
    with gateway.database.transaction() as tx:
        resource = uses.find(tx, text) or _service(tx, gateway, text)
        if resource is None:
            raise NotFoundError(
                f"There is no {text} here, in any account or Region.{_meant(uses.like(tx, text))}"
            )
        tree = uses.tree(tx, resource, most=asked.limit, most_nodes=_MOST_NODES)
        return {**tree, "steps": uses.steps(tx, resource, most=asked.limit)}


def _service(tx: Transaction, gateway: Gateway, text: str) -> Resource | None:
    """Return the service of App Runner's of a name, which other commands take, too. Raises InvalidRequestError."""
    try:
        service = the_one(tx, text)
    except NotFoundError:
        return None
    return gateway.registry.uses.find(tx, service.arn) if service.deleted is None else None


def of_call(tx: Transaction, gateway: Gateway, entry: TrailEntry) -> dict[str, Any]:
    """Return what held the resource of a refused deletion, and `as_of`: `refusal`, or `now` where it was not kept.

    {} for all other calls. The failed deletion of a service-linked role is one, though its call succeeded; `failure` is
    then why the deletion failed.
    """
    if entry.uses:
        return {**entry.uses, "as_of": "refusal"}
    failure = ""
    operation, names = entry.operation, [was.resource for was in entry.evaluations if was.allowed]
    if entry.outcome == "ok":
        role = _linked_role(tx, entry, names)
        failure = deletion_tasks.failure_of(tx, role) if role is not None else ""
        operation = "DeleteRole"
        if not failure:
            return {}
    uses, prefix = gateway.registry.uses, gateway.registry.prefix_of(entry.service)
    if not uses.may_be_refused(prefix, operation):
        return {}
    found = uses.at_refusal(tx, operation, names, most=_MOST_EXPLAINED, most_nodes=_MOST_NODES)
    return {**found, "as_of": "now", **({"failure": failure} if failure else {})} if found else {}


def _linked_role(tx: Transaction, entry: TrailEntry, arns: Iterable[str]) -> Role | None:
    """Return the service-linked role that a call asked to delete, or asked about the deletion of."""
    if entry.operation not in {"DeleteServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus"}:
        return None
    for arn in filter(None, map(parse, arns)):
        role = roles.get(tx, arn.account, arn.resource.rpartition("/")[2].lower())
        if role is not None and role.linked_service:
            return role
    return None


def _meant(alike: list[Resource]) -> str:
    """Return the question that follows: which of these is meant, each on a line with its name and where it is."""
    lines = []
    for each in alike:
        shown = each.described()
        name = f' "{shown["name"]}"' if shown.get("name") and shown["name"] not in shown["id"] else ""
        # An ARN says where it is.
        place = "" if shown["id"].startswith("arn:") else _place(shown)
        lines.append(f"\n  {shown['id']}{name}{place}")
    return f" Did you mean this?{''.join(lines)}" if lines else ""


def _place(shown: dict[str, Any]) -> str:
    return f" in {shown['region']} of {shown['account']}" if shown.get("region") else ""
