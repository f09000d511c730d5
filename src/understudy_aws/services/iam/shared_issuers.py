"""Trust in issuers of OpenID tokens that many organizations share: a statement must tell whose tokens it means."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from understudy_aws.data.shared_issuers import required_keys
from understudy_aws.services.iam import errors

_ACTION = "sts:assumerolewithwebidentity"
_PROVIDER = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/")


def check_shared_issuers(document: str) -> None:
    """Raise MalformedPolicyDocument for a valid trust policy that takes tokens of everybody at a shared issuer.

    Roles that are there keep such a policy until it is written anew (web-identity.md 36.8).
    """
    # Most trust policies name no provider of identities. An escaped letter could hide one.
    if '"Federated"' not in document and "\\" not in document:
        return
    for statement in _listed(json.loads(document)["Statement"]):
        if statement["Effect"] != "Allow" or not _takes_tokens(statement):
            continue
        asked = {key.lower() for keys in statement.get("Condition", {}).values() for key in keys}
        for issuer in _issuers(statement):
            required = required_keys(issuer)
            if required and asked.isdisjoint(key.lower() for key in required):
                raise errors.malformed_policy(
                    f"The trust policy must evaluate {' or '.join(required)} because {issuer} is a shared "
                    "OpenID Connect provider."
                )


def _takes_tokens(statement: Mapping[str, Any]) -> bool:
    named = _listed(statement.get("Action", statement.get("NotAction", [])))
    found = any(
        re.fullmatch(re.escape(text.lower()).replace(r"\*", ".*").replace(r"\?", "."), _ACTION)
        for text in named
    )
    return found if "Action" in statement else not found


def _issuers(statement: Mapping[str, Any]) -> Iterator[str]:
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        for text in _listed(principal.get("Federated", [])):
            yield _PROVIDER.sub("", text)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
