"""Errors of resources: ARNs that are none, and ARNs their service does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from understudy_aws.data.newer_actions import newer_actions
from understudy_aws.data.partitions import ALL_REGIONS, PARTITIONS
from understudy_aws.policy.findings.arns import (
    PARTS,
    Part,
    TypePatterns,
    arn_parts,
    overlap,
    type_patterns,
    types_of_resource,
)
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import PolicyType
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.nearest_names import nearest, nearest_namespace, nearest_region

# The ARNs that the policy of such a resource can hold, as patterns for the parts from the service on.
_OWN_ARNS: dict[str, tuple[tuple[str, str, str, str], ...]] = {
    "AWS::S3::Bucket": (("s3", "", "", "?*"),),
    "AWS::S3::AccessPoint": (("s3", "?*", "?*", "accesspoint/?*"),),
    "AWS::S3::MultiRegionAccessPoint": (("s3", "", "?*", "accesspoint/?*"),),
    "AWS::S3ObjectLambda::AccessPoint": (("s3-object-lambda", "?*", "?*", "accesspoint/?*"),),
    "AWS::DynamoDB::Table": (("dynamodb", "?*", "?*", "table/?*"),),
}
_PARTITION, _SERVICE, _REGION, _ACCOUNT, _RESOURCE = range(1, len(PARTS))
_FORM = "arn:partition:service:region:account:resource"
_LONGEST = 2048
# How many forms of ARNs are worth reading in one sentence.
_FORMS_TOLD = 3

_FREE = re.compile(r"\$\{([^}]*)\}")
_HEAD_END = re.compile(r"[/:*?]")
# What the catalogue leaves out: IAM takes them (iam.md 2.5), AWS's managed policies and guides name them.
_UNLISTED = {
    "cloudformation": ("transform/?*",),
    "iam": ("root", "role-template/?*", "contextProvider/?*"),
}


def _arns(policy: PolicyTree) -> Iterator[tuple[StringNode, tuple[Part, ...]]]:
    """Return every resource that is more than `*`, in its parts; one that is a variable as a whole has none."""
    for statement in policy.statements:
        for text in statement.resource_texts():
            if text.value != "*" and not text.value.startswith("${"):
                yield text, arn_parts(text.value)


def _whole_arns(policy: PolicyTree) -> Iterator[tuple[StringNode, tuple[Part, ...]]]:
    """Return those with all six parts and `arn` in front, and no longer than IAM takes (iam.md 2.5)."""
    for text, parts in _arns(policy):
        if len(parts) == len(PARTS) and parts[0].text == "arn" and len(text.value) <= _LONGEST:
            yield text, parts


@check("INVALID_ARN_PREFIX", "ERROR")
def invalid_arn_prefix(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource that does not begin with `arn:`."""
    for text, parts in _arns(policy):
        if parts[0].text == "arn" and len(parts) > 1:
            continue
        yield Problem(
            f'"{text.value}" is no ARN.',
            f'Write an ARN, {_FORM}, or "*" for every resource.',
            (policy.at(text),),
        )


@check("MISSING_ARN_FIELD", "ERROR")
def missing_arn_field(policy: PolicyTree) -> Iterator[Problem]:
    """Report an ARN with too few parts, unless a star at its end stands for those that are not there."""
    for text, parts in _arns(policy):
        if parts[0].text == "arn" and 1 < len(parts) < len(PARTS) and not parts[-1].pattern.endswith("*"):
            yield Problem(
                f"The ARN has {len(parts)} of {len(PARTS)} parts.",
                _completed(parts)
                or f"Write all of {_FORM}; a part without meaning for the service stays empty, its colon stays.",
                (policy.at(text),),
            )


def _completed(parts: tuple[Part, ...]) -> str | None:
    """Return the ARN as it may be meant, when its last part fits a resource type of its service."""
    if len(parts) <= _SERVICE + 1 or not parts[_SERVICE].is_fixed:
        return None
    found = next(iter(_types_of(parts[_SERVICE].text, parts[-1].pattern)), None)
    if found is None:
        return None
    region, account = ("*" if wanted else "" for wanted in (found.region, found.account))
    return f'Write "{":".join([*(part.text for part in parts[:_REGION]), region, account, parts[-1].text])}".'


@check("INVALID_PARTITION", "ERROR")
def invalid_partition(policy: PolicyTree) -> Iterator[Problem]:
    """Report a partition AWS does not have."""
    for text, parts in _arns(policy):
        if parts[0].text != "arn" or len(parts) <= _PARTITION:
            continue
        part = parts[_PARTITION]
        if part.is_fixed and part.text not in PARTITIONS:
            meant = nearest(part.text, PARTITIONS) or "aws"
            yield Problem(
                f'AWS has no partition "{part.text}".',
                f'Write "{meant}"; there are {", ".join(PARTITIONS)}.',
                (policy.at_part(text, part.start, len(part.text)),),
            )


@check("INVALID_ARN_SERVICE_CASE", "ERROR")
def invalid_arn_service_case(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service in capitals; in ARNs their letter case counts."""
    for text, parts in _whole_arns(policy):
        part = parts[_SERVICE]
        if part.is_fixed and part.text != part.text.lower() and type_patterns(part.text.lower()):
            yield Problem(
                f'The service "{part.text}" of an ARN is written in lower case.',
                f'Write "{part.text.lower()}".',
                (policy.at_part(text, part.start, len(part.text)),),
            )


@check("INVALID_SERVICE", "ERROR")
def invalid_service_in_arn(policy: PolicyTree) -> Iterator[Problem]:
    """Report a service that no ARN of AWS names."""
    for text, parts in _whole_arns(policy):
        part = parts[_SERVICE]
        if not part.is_fixed or type_patterns(part.text.lower()) or newer_actions(part.text):
            continue
        meant = nearest_namespace(part.text)
        yield Problem(
            f'No ARN of AWS names a service "{part.text}".',
            f'Write "{meant}", if that is what is meant.' if meant else "Look up the ARNs of the service.",
            (policy.at_part(text, part.start, len(part.text)),),
        )


@check("INVALID_ARN_REGION", "ERROR")
def invalid_arn_region(policy: PolicyTree) -> Iterator[Problem]:
    """Report a region AWS does not have."""
    for text, parts in _whole_arns(policy):
        part = parts[_REGION]
        if part.text and part.is_fixed and part.text not in ALL_REGIONS:
            meant = nearest_region(part.text)
            yield Problem(
                f'AWS has no region "{part.text}".',
                f'Write "{meant}", if that is what is meant.' if meant else "Write a region, or *.",
                (policy.at_part(text, part.start, len(part.text)),),
            )


@check("ARN_REGION_NOT_ALLOWED", "ERROR")
def arn_region_not_allowed(policy: PolicyTree) -> Iterator[Problem]:
    """Report a region in the ARN of something that is not of one region."""
    for text, parts in _whole_arns(policy):
        part = parts[_REGION]
        # A star is taken, and stands for nothing (iam.md 2.5).
        if part.pattern not in ("", "*") and _has_none(found.region for found in _types(parts)):
            yield Problem(
                f'ARNs of {parts[_SERVICE].text} like this one have no region; "{part.text}" stands there.',
                "Leave the region out, and keep both colons.",
                (policy.at_part(text, part.start, len(part.text)),),
            )


@check("MISSING_ARN_REGION", "ERROR")
def missing_arn_region(policy: PolicyTree) -> Iterator[Problem]:
    """No region in the ARN of something that is of one region."""
    for text, parts in _whole_arns(policy):
        if not parts[_REGION].text and _lacks(found.region for found in _types(parts)):
            yield Problem(
                f"ARNs of {parts[_SERVICE].text} like this one name a region.",
                "Write the region between the third colon and the fourth, or * for all regions.",
                (policy.at(text),),
            )


@check("INVALID_ARN_ACCOUNT", "ERROR")
def invalid_arn_account(policy: PolicyTree) -> Iterator[Problem]:
    """Report an account that is not twelve digits, nor a word the service puts in its place."""
    for text, parts in _whole_arns(policy):
        part = parts[_ACCOUNT]
        if not part.text or not part.is_fixed or (part.text.isdecimal() and len(part.text) == 12):
            continue
        if part.text == "aws" or any(part.text == found.account for found in _types(parts)):
            continue
        yield Problem(
            f'"{part.text}" is no account: an account has twelve digits.',
            "Write the twelve digits, zeros in front included, or * for all accounts.",
            (policy.at_part(text, part.start, len(part.text)),),
        )


@check("ARN_ACCOUNT_NOT_ALLOWED", "ERROR")
def arn_account_not_allowed(policy: PolicyTree) -> Iterator[Problem]:
    """Report an account in the ARN of something whose name is its own in all accounts."""
    for text, parts in _whole_arns(policy):
        part = parts[_ACCOUNT]
        if part.pattern not in ("", "*") and _has_none(found.account for found in _types(parts)):
            yield Problem(
                f'ARNs of {parts[_SERVICE].text} like this one have no account; "{part.text}" stands there.',
                "Leave the account out, and keep both colons.",
                (policy.at_part(text, part.start, len(part.text)),),
            )


@check("MISSING_ARN_ACCOUNT", "ERROR")
def missing_arn_account(policy: PolicyTree) -> Iterator[Problem]:
    """No account in the ARN of something that belongs to one."""
    for text, parts in _whole_arns(policy):
        if not parts[_ACCOUNT].text and _lacks(found.account for found in _types(parts)):
            yield Problem(
                f"ARNs of {parts[_SERVICE].text} like this one name an account.",
                "Write the account's twelve digits between the fourth colon and the fifth, or * for all.",
                (policy.at(text),),
            )


def _has_none(wanted: Iterator[str]) -> bool:
    """Return whether no type, of those there are, wants anything there."""
    texts = tuple(wanted)
    return bool(texts) and not any(texts)


def _lacks(wanted: Iterator[str]) -> bool:
    """Return whether every type wants something there."""
    texts = tuple(wanted)
    return bool(texts) and not any(overlap("", text) for text in texts)


@check("INVALID_ARN_RESOURCE", "ERROR")
def invalid_arn_resource(policy: PolicyTree) -> Iterator[Problem]:
    """Report a last part that fits no resource type of the service."""
    for text, parts in _whole_arns(policy):
        service, part = parts[_SERVICE], parts[_RESOURCE]
        if not service.is_fixed or not type_patterns(service.text) or _types(parts):
            continue
        if any(overlap(part.pattern, form) for form in _UNLISTED.get(service.text, ())):
            continue
        yield Problem(
            f'{service.text} has no resource like "{part.text}".',
            f"Write {' or '.join(_forms(service.text, part.text))}.",
            (policy.at_part(text, part.start, len(part.text)),),
        )


@memoized(1024)
def _forms(service: str, resource: str) -> tuple[str, ...]:
    """Return the ARNs of the service that begin most like the one written, or just some."""
    forms: dict[str, list[str]] = {}
    for found in type_patterns(service):
        form = _FREE.sub(r"<\1>", found.type.arn.replace("${Partition}", "aws"))
        forms.setdefault(_head(found.resource), []).append(form)
    meant = nearest(_head(resource), forms)
    told = forms[meant] if meant is not None else [form for group in forms.values() for form in group]
    return tuple(told[:_FORMS_TOLD])


def _head(resource: str) -> str:
    return _HEAD_END.split(resource.lstrip("/:"), maxsplit=1)[0]


def _types(parts: tuple[Part, ...]) -> tuple[TypePatterns, ...]:
    """Return the resource types the ARN can be of by its last part; none when the service itself is not known."""
    service = parts[_SERVICE]
    if not service.is_fixed:
        return ()
    return _types_of(service.text, parts[_RESOURCE].pattern)


@memoized(8192)
def _types_of(service: str, resource: str) -> tuple[TypePatterns, ...]:
    return types_of_resource(service, resource)


@check("UNSUPPORTED_RESOURCE_ARN_IN_POLICY", "ERROR")
def unsupported_resource_arn_in_policy(policy: PolicyTree) -> Iterator[Problem]:
    """Report a resource that is not the one the policy is attached to, nor in it; `*` counts too (recorded of S3)."""
    if policy.type is not PolicyType.RESOURCE or policy.resource_type not in _OWN_ARNS:
        return
    own = _OWN_ARNS[policy.resource_type]
    for statement in policy.statements:
        for text in statement.resource_texts():
            parts = arn_parts(text.value)
            if parts[0].text == "arn" and len(parts) < len(PARTS):
                continue
            if len(parts) == len(PARTS) and any(_is_like(parts, patterns) for patterns in own):
                continue
            service, region, account, resource = own[0]
            form = f"arn:aws:{service}:{_blank(region)}:{_blank(account)}:{resource.replace('?*', '…')}"
            yield Problem(
                f'A policy attached to {policy.resource_type} cannot speak of "{text.value}".',
                f"Write an ARN of the form {form}.",
                (policy.at(text),),
            )


def _is_like(parts: tuple[Part, ...], patterns: tuple[str, str, str, str]) -> bool:
    return all(
        overlap(part.pattern, pattern) for part, pattern in zip(parts[_SERVICE:], patterns, strict=True)
    )


def _blank(pattern: str) -> str:
    return "…" if pattern else ""


CHECKS = (
    invalid_arn_prefix,
    missing_arn_field,
    invalid_partition,
    invalid_arn_service_case,
    invalid_service_in_arn,
    invalid_arn_region,
    arn_region_not_allowed,
    missing_arn_region,
    invalid_arn_account,
    arn_account_not_allowed,
    missing_arn_account,
    invalid_arn_resource,
    unsupported_resource_arn_in_policy,
)
