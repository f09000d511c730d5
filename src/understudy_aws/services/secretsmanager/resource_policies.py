"""The resource policies of secrets, which let in other accounts, too (secrets.md 22.3)."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.policy import MalformedPolicy, review
from understudy_aws.services.secretsmanager import errors
from understudy_aws.services.secretsmanager.lookups import a_secret, usable
from understudy_aws.services.secretsmanager.records import secrets

LONGEST = 20_480


@operation("secretsmanager:PutResourcePolicy", on=a_secret)
def put_resource_policy(
    call: Call, *, secret_id: str, resource_policy: str, block_public_policy: bool | None = None
) -> Answer:
    """Give a secret this resource policy in the place of the one it has."""
    secret = usable(call, secret_id)
    if len(resource_policy) > LONGEST:
        raise errors.malformed_policy(f"A resource policy can have at most {LONGEST} characters.")
    try:
        review(resource_policy, "resource", is_service=call.gateway.is_service_principal)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error)) from error
    if block_public_policy and _is_public(resource_policy):
        raise errors.public_policy()
    secrets.put(call.tx, replace(secret, policy=resource_policy))
    return {"ARN": secret.arn, "Name": secret.name}


@operation("secretsmanager:GetResourcePolicy", on=a_secret)
def get_resource_policy(call: Call, *, secret_id: str) -> Answer:
    """Return the resource policy of a secret; none is no error."""
    secret = usable(call, secret_id)
    return {"ARN": secret.arn, "Name": secret.name, "ResourcePolicy": secret.policy or None}


@operation("secretsmanager:DeleteResourcePolicy", on=a_secret)
def delete_resource_policy(call: Call, *, secret_id: str) -> Answer:
    """Take the resource policy of a secret away."""
    secret = usable(call, secret_id)
    secrets.put(call.tx, replace(secret, policy=""))
    return {"ARN": secret.arn, "Name": secret.name}


def _is_public(document: str) -> bool:
    """Return whether a statement of a document that was reviewed allows everybody, under no condition."""
    statements: Any = json.loads(document)["Statement"]
    for each in statements if isinstance(statements, list) else [statements]:
        principal = each.get("Principal")
        named = principal.get("AWS") if isinstance(principal, dict) else principal
        everybody = "*" in (named if isinstance(named, list) else [named])
        if each["Effect"] == "Allow" and everybody and not each.get("Condition"):
            return True
    return False
