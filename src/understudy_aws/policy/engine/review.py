"""What IAM refuses in a policy document, in AWS's words (iam.md 2.5). The services check sizes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from understudy_aws.policy.engine.conditions.condition import compile_condition, spelling
from understudy_aws.policy.engine.matching import has_wild_prefix
from understudy_aws.policy.language.document import (
    INVALID_JSON,
    KINDS,
    KINDS_WITH_SHORT_ARNS,
    LEGACY,
    NO_ACTIONS,
    NO_RESOURCES,
    SYNTAX,
    BrokenPart,
    Document,
    MalformedPolicy,
    PrincipalElement,
    Statement,
    read_document,
)
from understudy_aws.policy.language.error_positions import error_position

OLD_VERSION = "Policy document must be version 2012-10-17 or greater."
SID_NOT_UNIQUE = "Statement IDs (SID) in a single policy must be unique."
SID_NOT_ALPHANUMERIC = (
    "Statement IDs (SID) must be alpha-numeric. "
    "Check that your input satisfies the regular expression [0-9A-Za-z]*"
)
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
VENDOR_OF_ACTION = "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards"
ONE_COLON = "Actions/Condition can contain only one colon."
VENDOR_WILDCARD = "Resource vendor must be fully qualified and cannot contain regexes."
TRUST_RESOURCE = "Has prohibited field Resource."
PRINCIPAL = "Policy document should not specify a principal."
NO_PRINCIPAL = "Missing required field Principal"
EMPTY_PRINCIPAL = (
    "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
    "The passed in policy has a statement with no principals!"
)
# The second blank is AWS's own.
TRUST_ACTIONS = (
    "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  "
    "and sts:AssumeRoleWithWebIdentity"
)
ORGANIZATIONS = "The provided policy document does not meet the requirements of the specified policy type."

_PARTITIONS = frozenset(
    {"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
)
_IAM_PATHS = (
    "user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/", "server-certificate/",
    "policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/", "access-report/",
)  # fmt: skip
# Newer than the text: AWS's own managed policies name them.
_UNLISTED_IAM_PATHS = ("role-template/", "contextProvider/")
_IAM_PATH_TEXT = f'IAM resource path must either be "*" or start with {", ".join(_IAM_PATHS)}.'
_SID = re.compile(r"[0-9A-Za-z]*\Z")
_VENDOR = re.compile(r"[A-Za-z0-9*_.-]+\Z")
_CHARACTERS = re.compile("[\t\n\r -\u00ff]*\\Z")
_ACCOUNT = re.compile(r"[0-9]{12}\Z")
_PRINCIPAL_ARN = re.compile(
    r"arn:[a-z-]+:(?:iam::[0-9]{12}:(?:root|user/|role/)|sts::[0-9]{12}:(?:assumed-role/|federated-user/))"
)
_UNIQUE_ID = re.compile(r"A(?:ROA|IDA)[A-Z0-9]{12,124}\Z")
_SERVICE = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\Z")
_LONGEST_ARN = 2048


def review(text: str | bytes, kind: str) -> None:
    """Refuse what AWS would refuse to store as a policy of this kind.

    `kind` is one of `document.KINDS`; `managed` is an identity policy as CreatePolicy takes it. Raises
    MalformedPolicy with AWS's text and the place of what broke the rule; the first rule broken is the one named.
    """
    assert kind in KINDS, f"{kind} is no kind of policy"
    try:
        _review(text, kind)
    except MalformedPolicy as error:
        error.position = error_position(text, error)
        raise


def _review(text: str | bytes, kind: str) -> None:
    document = _read(text, kind)
    if kind == "managed" and not document.has_variables:
        raise MalformedPolicy(OLD_VERSION, part=BrokenPart("Version"))
    if not document.statements:
        raise MalformedPolicy(SYNTAX)
    _review_each(document, lambda statement: _review_elements(statement, kind))
    _review_sids(document, kind)
    _review_each(document, lambda statement: _review_statement(statement, document, kind))
    if kind == "rcp":
        _review_each(document, _review_for_resources)


def _review_each(document: Document, review_one: Callable[[Statement], None]) -> None:
    for number, statement in enumerate(document.statements):
        try:
            review_one(statement)
        except MalformedPolicy as error:
            error.statement = number
            raise


def _read(text: str | bytes, kind: str) -> Document:
    try:
        document = read_document(text)
    except MalformedPolicy as error:
        # Only trust policies are told that it is the JSON (iam.md 2.5).
        if error.message == INVALID_JSON and kind != "trust":
            raise MalformedPolicy(SYNTAX) from error
        raise
    plain = text.decode() if isinstance(text, bytes) else text
    if not _CHARACTERS.match(plain):
        raise MalformedPolicy(SYNTAX)
    return document


def _review_elements(statement: Statement, kind: str) -> None:
    """Checks that the elements which this kind of policy needs are there, and no others."""
    if kind == "trust":
        if statement.resources is not None:
            raise MalformedPolicy(TRUST_RESOURCE, part=BrokenPart("Resource"))
        _review_presence_of_principal(statement.principal)
    elif kind in ("resource", "rcp"):
        _review_presence_of_principal(statement.principal)
    elif statement.principal is not None:
        raise MalformedPolicy(PRINCIPAL, part=BrokenPart("Principal"))
    if not statement.actions:
        raise MalformedPolicy(NO_ACTIONS, part=BrokenPart("Action"))
    if kind != "trust" and not statement.resources:
        raise MalformedPolicy(NO_RESOURCES, part=BrokenPart("Resource"))


def _review_presence_of_principal(principal: PrincipalElement | None) -> None:
    if principal is None:
        raise MalformedPolicy(NO_PRINCIPAL, part=BrokenPart("Principal"))
    if not principal.members:
        raise MalformedPolicy(EMPTY_PRINCIPAL, part=BrokenPart("Principal"))


def _review_sids(document: Document, kind: str) -> None:
    # Services with resource policies have their own rules for Sids; blanks are common in them.
    if kind != "resource":
        _review_each(document, _review_sid)
    seen: set[str] = set()

    def review_uniqueness(statement: Statement) -> None:
        if statement.sid and statement.sid in seen:
            raise MalformedPolicy(SID_NOT_UNIQUE, part=BrokenPart("Sid"))
        seen.add(statement.sid)

    _review_each(document, review_uniqueness)


def _review_sid(statement: Statement) -> None:
    if not _SID.match(statement.sid):
        raise MalformedPolicy(SID_NOT_ALPHANUMERIC, part=BrokenPart("Sid"))


def _review_statement(statement: Statement, document: Document, kind: str) -> None:
    _review_actions(statement.actions or ())
    if kind == "trust":
        _review_trust_actions(statement)
    _review_resources(statement.resources or (), kind)
    if statement.principal is not None:
        _review_principal(statement.principal, kind)
    _review_conditions(statement, document, kind)


def _review_actions(actions: Iterable[str]) -> None:
    for action in actions:
        if action == "*":
            continue
        part = BrokenPart("Action", action)
        vendor, colon, name = action.partition(":")
        if not colon:
            raise MalformedPolicy(NO_VENDOR, part=part)
        if ":" in name:
            raise MalformedPolicy(ONE_COLON, part=part)
        if has_wild_prefix(action):
            raise MalformedPolicy(VENDOR_OF_ACTION, part=part)
        if not _VENDOR.match(vendor):
            raise MalformedPolicy(f"Vendor {vendor} is not valid", part=part)
        if not name:
            raise MalformedPolicy(LEGACY, part=part)


def _review_trust_actions(statement: Statement) -> None:
    # AWS has come to accept more of STS than its text names: TagSession, SetSourceIdentity, SetContext.
    others = [each for each in statement.actions or () if not each.lower().startswith("sts:")]
    if statement.not_action or others:
        raise MalformedPolicy(TRUST_ACTIONS, part=BrokenPart("Action", others[0] if others else ""))


def _review_resources(resources: Iterable[str], kind: str) -> None:
    for resource in resources:
        if resource != "*":
            _review_arn(resource, kind)


def _review_arn(resource: str, kind: str) -> None:
    part = BrokenPart("Resource", resource)
    if len(resource) > _LONGEST_ARN:
        raise MalformedPolicy(LEGACY, part=part)
    prefix, *rest = resource.split(":", 5)
    if prefix != "arn" or not rest:
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".', part=part)
    partition = rest[0]
    if not _is_partition(partition):
        raise MalformedPolicy(f'Partition "{partition}" is not valid for resource "{resource}".', part=part)
    vendor = rest[1] if len(rest) > 1 else ""
    if ("*" in vendor or "?" in vendor) and len(rest) > 2:
        raise MalformedPolicy(VENDOR_WILDCARD, part=part)
    if len(rest) < 5:
        if len(rest) == 1 and not partition.endswith("*"):
            raise MalformedPolicy(VENDOR_WILDCARD, part=part)
        # Identity policies and boundaries have `*` for missing parts (policies.md 4.3); elsewhere it has to be written.
        if kind not in KINDS_WITH_SHORT_ARNS and not rest[-1].endswith("*"):
            raise MalformedPolicy(LEGACY, part=part)
        return
    if vendor == "iam":
        _review_iam_resource(resource, region=rest[2], path=rest[4])


def _is_partition(partition: str) -> bool:
    return partition in _PARTITIONS or "*" in partition or "?" in partition or "${" in partition


def _review_iam_resource(resource: str, *, region: str, path: str) -> None:
    part = BrokenPart("Resource", resource)
    if region not in ("", "*"):
        raise MalformedPolicy(f"IAM resource {resource} cannot contain region information.", part=part)
    known = path.startswith(_IAM_PATHS + _UNLISTED_IAM_PATHS) or path == "root" or path[:1] in "*$"
    # `rol*` may still become one of them.
    may_become = "*" in path and any(start.startswith(path.partition("*")[0]) for start in _IAM_PATHS)
    if not known and not may_become:
        raise MalformedPolicy(_IAM_PATH_TEXT, part=part)


def _review_principal(principal: PrincipalElement, kind: str) -> None:
    if principal.inverted and kind == "trust":
        raise MalformedPolicy("Has prohibited field NotPrincipal", part=BrokenPart("Principal"))
    for member, value in principal.members:
        if not _is_principal(member, value, kind):
            raise MalformedPolicy(
                f'Invalid principal in policy: "{member.upper()}":"{value}"',
                part=BrokenPart("Principal", value),
            )


def _is_principal(member: str, value: str, kind: str) -> bool:
    if member == "AWS":
        return (
            value == "*"
            or _ACCOUNT.match(value) is not None
            or _UNIQUE_ID.match(value) is not None
            or (_PRINCIPAL_ARN.match(value) is not None and "*" not in value and "?" not in value)
        )
    if member == "Service":
        return _SERVICE.match(value) is not None
    return bool(value) and not (kind == "trust" and member == "CanonicalUser")


def _review_conditions(statement: Statement, document: Document, kind: str) -> None:
    for raw in statement.conditions:
        spelled = spelling(raw.operator)
        if spelled is None:
            raise MalformedPolicy(SYNTAX, part=BrokenPart("Condition", raw.operator))
        _review_key(raw.key)
        condition = compile_condition(raw, document.has_variables, statement.effect == "Deny")
        # STS takes literals it cannot read in session policies and then fails to match (recorded, iam.md 2.5).
        if condition.broken and kind != "session":
            raise MalformedPolicy(LEGACY, part=BrokenPart("Condition", raw.key))


def _review_key(key: str) -> None:
    # Keys of identity providers are named by their issuer, `accounts.google.com:aud`; tag keys follow a slash
    # and may hold colons themselves.
    part = BrokenPart("Condition", key)
    vendor, colon, name = key.partition("/")[0].partition(":")
    if not colon and "/" not in key:
        raise MalformedPolicy(NO_VENDOR, part=part)
    if colon and (not vendor or not name):
        raise MalformedPolicy(LEGACY, part=part)


def _review_for_resources(statement: Statement) -> None:
    """Checks a resource control policy. Organizations stores them and has one text for everything that is wrong."""
    principal = statement.principal
    assert principal is not None, "reviewed above"
    part = None
    if statement.effect != "Deny":
        part = BrokenPart("Effect")
    elif principal.inverted or principal.members != (("AWS", "*"),):
        part = BrokenPart("Principal")
    elif statement.not_action or "*" in (statement.actions or ()):
        part = BrokenPart("Action")
    if part is not None:
        raise MalformedPolicy(ORGANIZATIONS, part=part)
