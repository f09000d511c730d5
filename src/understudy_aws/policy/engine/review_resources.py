"""What IAM refuses in a Resource, in AWS's words (iam.md 2.5)."""

from __future__ import annotations

import re

from understudy_aws.policy.language.document import KINDS_WITH_SHORT_ARNS, LEGACY, BrokenPart, MalformedPolicy

VENDOR_WILDCARD = "Resource vendor must be fully qualified and cannot contain regexes."

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
# `ACCOUNT_ID` is refused, `account-id` was taken; words such as `aws` stand in AWS's own policies.
_ACCOUNT = re.compile(r"[a-z0-9*?-]*\Z")
_LONGEST_ARN = 2048
_FIELDS = 6
_VARIABLE = re.compile(r"\$\{[^}]*\}")


def _fields(resource: str) -> list[str]:
    """Return the fields of an ARN. A colon within a variable cuts nothing."""
    variables = _VARIABLE.findall(resource)
    if not variables:
        return resource.split(":", _FIELDS - 1)
    left = iter(variables)
    fields = _VARIABLE.sub("\0", resource).split(":", _FIELDS - 1)
    return [re.sub("\0", lambda _match: next(left), field) for field in fields]


def breaks_legacy_parsing(resource: str) -> bool:
    """Return whether a resource in a policy that IAM stores fails its legacy parsing."""
    prefix, *rest = _fields(resource)
    if prefix != "arn" or len(rest) < 2:
        return False
    if not rest[1]:
        return True
    if len(rest) < _FIELDS - 1:
        # Missing parts are `*` (policies.md 4.3), but none of those that are there may be empty.
        return "" in rest and not resource.endswith("*")
    return "${" not in rest[3] and _ACCOUNT.match(rest[3]) is None


def review_resource(resource: str, *, kind: str, partition: str) -> None:
    """Check a resource other than `*`. Raises MalformedPolicy."""
    part = BrokenPart("Resource", resource)
    if len(resource) > _LONGEST_ARN:
        raise MalformedPolicy(LEGACY, part=part)
    rest = _within_partition(resource, kind, partition)
    vendor = rest[1] if len(rest) > 1 else ""
    if ("*" in vendor or "?" in vendor) and len(rest) > 2:
        raise MalformedPolicy(VENDOR_WILDCARD, part=part)
    if len(rest) < _FIELDS - 1:
        if len(rest) == 1 and not rest[0].endswith("*"):
            raise MalformedPolicy(VENDOR_WILDCARD, part=part)
        # Identity policies and boundaries have `*` for missing parts (policies.md 4.3); elsewhere it has to be written.
        if kind not in KINDS_WITH_SHORT_ARNS and not rest[-1].endswith("*"):
            raise MalformedPolicy(LEGACY, part=part)
        return
    if vendor == "iam":
        _review_iam_resource(resource, region=rest[2], path=rest[4])
    elif vendor == "s3" and kind in KINDS_WITH_SHORT_ARNS:
        _review_s3_resource(resource, region=rest[2], account=rest[3])


def _within_partition(resource: str, kind: str, partition: str) -> list[str]:
    """Return the fields after `arn`, the first of them a partition. Raises MalformedPolicy."""
    part = BrokenPart("Resource", resource)
    prefix, *rest = _fields(resource)
    if not rest:
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".', part=part)
    if not _is_partition(rest[0], kind, partition):
        whole = ":".join(("arn", *rest, *"*" * (_FIELDS - 1 - len(rest))))
        raise MalformedPolicy(f'Partition "{rest[0]}" is not valid for resource "{whole}".', part=part)
    if prefix != "arn":
        raise MalformedPolicy(f'Resource {resource} must be in ARN format or "*".', part=part)
    return rest


def _is_partition(named: str, kind: str, partition: str) -> bool:
    """Return whether a resource may be of this partition.

    In a policy that IAM stores that is its account's own partition or a wildcard.
    """
    if "*" in named or "?" in named:
        return True
    if kind not in KINDS_WITH_SHORT_ARNS:
        # Variables are expanded in the partition too (recorded for session policies, policies.md 4.3).
        return named in _PARTITIONS or "${" in named
    return named == partition if partition else named in _PARTITIONS


def _review_s3_resource(resource: str, *, region: str, account: str) -> None:
    """Buckets are in no Region; access points and jobs are, and then have an account."""
    if region not in ("", "*") and "${" not in region and not account:
        raise MalformedPolicy(
            f"Resource {resource} can not contain region information.", part=BrokenPart("Resource", resource)
        )


def _review_iam_resource(resource: str, *, region: str, path: str) -> None:
    part = BrokenPart("Resource", resource)
    if region not in ("", "*"):
        raise MalformedPolicy(f"IAM resource {resource} cannot contain region information.", part=part)
    known = path.startswith(_IAM_PATHS + _UNLISTED_IAM_PATHS) or path == "root" or path[:1] in "*$"
    # `rol*` may still become one of them.
    may_become = "*" in path and any(start.startswith(path.partition("*")[0]) for start in _IAM_PATHS)
    if not known and not may_become:
        raise MalformedPolicy(_IAM_PATH_TEXT, part=part)
