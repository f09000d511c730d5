"""What IAM refuses in the Principal of a trust policy, and services in that of a resource's policy (iam.md 2.5)."""

from __future__ import annotations

import re
from collections.abc import Callable

from understudy_aws.policy.language.document import BrokenPart, MalformedPolicy, PrincipalElement
from understudy_aws.policy.language.principals import is_saml_provider, is_web_identity_provider

FEDERATED = "Federated principals must be valid domain names or SAML metadata ARNs"
# A bare star, as observed; {"AWS": "*"} is taken (iam.md 2.5).
BARE_STAR = 'AssumeRolepolicy contained an invalid principal: "STAR":"*".'

_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}\Z")
_ARN = re.compile(
    r"arn:([a-z-]+):(?:iam::[0-9]{12}:(?:root\Z|user/|role/)"
    r"|sts::[0-9]{12}:(?:assumed-role/[^/\s]+/|federated-user/)[^/\s]+\Z)"
)
_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z")
_KNOWN_ENDINGS = (".amazonaws.com", ".amazonaws.com.cn")


def review_principal(
    principal: PrincipalElement, *, kind: str, partition: str, is_service: Callable[[str], bool]
) -> None:
    """Check who is named. Raises MalformedPolicy."""
    if kind == "trust":
        if principal.inverted:
            raise MalformedPolicy("Has prohibited field NotPrincipal", part=BrokenPart("Principal"))
        if principal.bare:
            raise MalformedPolicy(BARE_STAR, part=BrokenPart("Principal"))
    for member, value in principal.members:
        part = BrokenPart("Principal", value)
        if member == "Federated" and kind == "trust":
            if not _is_provider(value, partition):
                raise MalformedPolicy(FEDERATED, part=part)
        elif not _is_principal(member, value, kind, partition, is_service):
            raise MalformedPolicy(f'Invalid principal in policy: "{member.upper()}":"{value}"', part=part)


def _is_principal(
    member: str, value: str, kind: str, partition: str, is_service: Callable[[str], bool]
) -> bool:
    if member == "AWS":
        return (
            value == "*"
            or bool(_ACCOUNT.match(value) or _UNIQUE_ID.match(value))
            or _is_arn(value, partition)
        )
    if member == "Service":
        return _SERVICE.match(value) is not None and (is_service(value) or _may_be_of_aws(value, kind))
    return bool(value) and not (kind == "trust" and member == "CanonicalUser")


def _is_arn(value: str, partition: str) -> bool:
    found = _ARN.match(value)
    wild = "*" in value or "?" in value
    return found is not None and not wild and (not partition or found[1] == partition)


def _may_be_of_aws(value: str, kind: str) -> bool:
    """Return whether a service that is not known may still be one.

    Services outside amazonaws.com act on resources alone.
    """
    return kind != "trust" and not value.endswith(_KNOWN_ENDINGS) and value.count(".") > 1


def _is_provider(value: str, partition: str) -> bool:
    if value.startswith("arn:"):
        own = not partition or value.startswith(f"arn:{partition}:")
        return own and (is_saml_provider(value) or is_web_identity_provider(value))
    return is_web_identity_provider(value)
