"""What IAM refuses in a policy document, in AWS's words (iam.md 2.5). The services check sizes."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from understudy_aws.data import service_principals
from understudy_aws.policy.engine.conditions.condition import Spelling, compile_condition, spelling
from understudy_aws.policy.engine.conditions.date import is_storable
from understudy_aws.policy.engine.matching import has_wild_prefix
from understudy_aws.policy.engine.review_principals import review_principal
from understudy_aws.policy.engine.review_resources import breaks_legacy_parsing, review_resource
from understudy_aws.policy.language.document import (
    INVALID_JSON,
    KINDS,
    LEGACY,
    NO_ACTIONS,
    NO_RESOURCES,
    SYNTAX,
    BrokenPart,
    Condition,
    Document,
    MalformedPolicy,
    PrincipalElement,
    Statement,
    declares_newest_version,
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

LEADING_SPACE = "JSON strings must not have leading spaces"

# The kinds of policy that IAM's own parser reads; what it refuses beyond the language is known of these alone.
_STORED_BY_IAM = frozenset({"identity", "managed", "boundary"})
_SID = re.compile(r"[0-9A-Za-z]*\Z")
_VENDOR = re.compile(r"[A-Za-z0-9*_.-]+\Z")
_CHARACTERS = re.compile("[\t\n\r -\u00ff]*\\Z")

IsService = Callable[[str], bool]


class _Rules(msgspec.Struct, frozen=True):
    """What documents of one kind are held against, in one partition, with the service principals there are."""

    kind: str
    partition: str
    is_service: IsService

    @property
    def stored_by_iam(self) -> bool:
        return self.kind in _STORED_BY_IAM


def review(
    text: str | bytes,
    kind: str,
    *,
    partition: str = "",
    is_service: IsService = service_principals.is_known,
) -> None:
    """Refuse what AWS would refuse to store as a policy of this kind.

    `kind` is one of `document.KINDS`; `managed` is an identity policy as CreatePolicy takes it. `partition` is the
    one of the account that stores the policy; without it, that of any account will do. `is_service` tells the service
    principals that exist. Raises MalformedPolicy with AWS's text and the place of what broke the rule; the first rule
    broken is the one named.
    """
    assert kind in KINDS, f"{kind} is no kind of policy"
    try:
        _review(text, _Rules(kind, partition, is_service))
    except MalformedPolicy as error:
        error.position = error_position(text, error)
        raise


def _review(text: str | bytes, rules: _Rules) -> None:
    """Check in the order in which IAM names what is wrong (iam.md 2.5)."""
    kind = rules.kind
    document = _read(text, kind)
    if kind == "managed" and not document.has_variables:
        raise MalformedPolicy(OLD_VERSION, part=BrokenPart("Version"))
    if not document.statements:
        raise MalformedPolicy(SYNTAX)
    if rules.stored_by_iam and _has_leading_space(text):
        raise MalformedPolicy(LEGACY)
    _review_legacy(document, rules)
    _review_sids(document, kind)
    _review_each(document, lambda statement: _review_elements(statement, kind))
    _review_each(document, lambda statement: _review_resources(statement, rules))
    _review_each(document, lambda statement: _review_actions(statement, kind))
    if kind != "trust":
        _review_each(document, _review_presence_of_resources)
    _review_each(document, lambda statement: _review_principal(statement, rules))
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
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    try:
        document = read_document(text)
    except MalformedPolicy as error:
        # Only trust policies are told that it is the JSON (iam.md 2.5).
        if error.message == INVALID_JSON and kind != "trust":
            raise MalformedPolicy(SYNTAX) from error
        if error.message == LEGACY and kind == "managed" and not declares_newest_version(text):
            raise MalformedPolicy(OLD_VERSION, part=BrokenPart("Version")) from error
        raise
    if kind == "trust" and _has_leading_space(text):
        raise MalformedPolicy(LEADING_SPACE)
    if not _CHARACTERS.match(plain):
        raise MalformedPolicy(SYNTAX)
    return document


def _has_leading_space(text: str | bytes) -> bool:
    return text[:1] in ((b"\t", b"\n", b"\r", b" ") if isinstance(text, bytes) else ("\t", "\n", "\r", " "))


def _review_legacy(document: Document, rules: _Rules) -> None:
    """Checks what IAM says fails its legacy parsing."""
    if rules.stored_by_iam and document.oddly_ordered:
        raise MalformedPolicy(LEGACY, part=BrokenPart("Statement"))
    _review_each(document, lambda statement: _review_conditions(statement, document, rules.kind))
    if rules.stored_by_iam:
        _review_each(document, _review_legacy_resources)


def _review_legacy_resources(statement: Statement) -> None:
    for resource in statement.resources or ():
        if breaks_legacy_parsing(resource):
            raise MalformedPolicy(LEGACY, part=BrokenPart("Resource", resource))


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


def _review_presence_of_resources(statement: Statement) -> None:
    if not statement.resources:
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


def _review_actions(statement: Statement, kind: str) -> None:
    for action in statement.actions or ():
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
    if kind == "trust":
        _review_trust_actions(statement)


def _review_trust_actions(statement: Statement) -> None:
    # AWS has come to accept more of STS than its text names: TagSession, SetSourceIdentity, SetContext.
    others = [each for each in statement.actions or () if not each.lower().startswith("sts:")]
    if statement.not_action or others:
        raise MalformedPolicy(TRUST_ACTIONS, part=BrokenPart("Action", others[0] if others else ""))


def _review_resources(statement: Statement, rules: _Rules) -> None:
    for resource in statement.resources or ():
        if resource != "*":
            review_resource(resource, kind=rules.kind, partition=rules.partition)


def _review_principal(statement: Statement, rules: _Rules) -> None:
    if statement.principal is not None:
        review_principal(
            statement.principal, kind=rules.kind, partition=rules.partition, is_service=rules.is_service
        )


def _review_conditions(statement: Statement, document: Document, kind: str) -> None:
    for raw in statement.conditions:
        spelled = spelling(raw.operator)
        if spelled is None:
            raise MalformedPolicy(SYNTAX, part=BrokenPart("Condition", raw.operator))
        _review_key(raw.key)
        condition = compile_condition(raw, document.has_variables, statement.effect == "Deny")
        # STS takes literals it cannot read in session policies and then fails to match (recorded, iam.md 2.5).
        if condition.broken and kind != "session" and not _are_odd_dates(raw, spelled):
            raise MalformedPolicy(LEGACY, part=BrokenPart("Condition", raw.key))


def _are_odd_dates(raw: Condition, spelled: Spelling) -> bool:
    """Return whether IAM stores these values as dates, although no date can be compared with them."""
    operator = spelled.operator
    return operator is not None and operator.name.startswith("Date") and all(map(is_storable, raw.values))


def _review_key(key: str) -> None:
    # A key without a vendor is taken (iam.md 2.5), and no request carries it. Keys of identity providers are named by
    # their issuer, `accounts.google.com:aud`; tag keys follow a slash and may hold colons themselves.
    vendor, colon, name = key.partition("/")[0].partition(":")
    if colon and (not vendor or not name):
        raise MalformedPolicy(LEGACY, part=BrokenPart("Condition", key))


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
