"""Builds the condition keys of a request that nobody made, from its question and the records."""

from __future__ import annotations

from datetime import datetime

from understudy.authn.caller import Caller
from understudy.core.arn import parse
from understudy.core.clock import iso_seconds
from understudy.data import service_catalogue
from understudy.gateway.authorization import PolicySource, organization_keys
from understudy.gateway.registry import Registry
from understudy.policy import Question, principal_context, request_context
from understudy.store.database import Transaction

Keys = dict[str, str | list[str]]

_LINKED = "role/aws-service-role/"
# Where requests go that nothing says the Region of.
_REGION = "us-east-1"


def circumstances(  # noqa: PLR0917 - what a request that nobody made is put together from
    tx: Transaction,
    registry: Registry,
    policies: PolicySource,
    caller: Caller,
    asked: Question,
    at: datetime,
) -> Keys:
    """The keys of the request (policies.md 4.6), those `asked` with over all others; list-typed keys as lists.

    Where it comes from and with what client is left out: that is for whoever asks to say.
    """
    action, resource = asked.action.lower(), asked.resource
    arn = parse(resource)
    region = (arn.region if arn is not None else "") or _REGION
    owner = owner_of(resource, caller)
    keys: Keys = {
        "aws:currenttime": iso_seconds(at),
        "aws:epochtime": str(int(at.timestamp())),
        "aws:requestedregion": region,
        "aws:securetransport": "true",
        "aws:viaawsservice": "false",
        **principal_context(asked.principal),
        **organization_keys("principal", policies.membership(tx, caller.account)),
        **organization_keys("resource", policies.membership(tx, owner)),
        "aws:resourceaccount": owner,
        **registry.resource_keys(tx, resource),
    }
    if caller.kind == "role-session":
        keys["aws:tokenissuetime"] = iso_seconds(at)
        keys["aws:multifactorauthpresent"] = "false"
    if action.startswith("ec2:"):
        keys["ec2:region"] = region
    for name, value in policies.tags(tx, caller).items():
        keys[f"aws:principaltag/{name.lower()}"] = value
    linked = arn.resource.removeprefix(_LINKED) if arn is not None and arn.service == "iam" else ""
    if action == "iam:createservicelinkedrole" and arn is not None and linked != arn.resource:
        # The name of the service is part of the role's.
        keys["iam:awsservicename"] = linked.partition("/")[0]
    keys.update(request_context(asked.context))
    return {
        key: [value] if isinstance(value, str) and service_catalogue.is_list_key(key) else value
        for key, value in keys.items()
    }


def owner_of(resource: str, caller: Caller) -> str:
    """The account of a resource: the caller's own where its ARN names none."""
    arn = parse(resource)
    return arn.account if arn is not None and arn.account.isdecimal() else caller.account
