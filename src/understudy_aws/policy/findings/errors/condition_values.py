"""Errors of condition values: regions, addresses, networks, services and keys that are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from understudy_aws.data.partitions import ALL_REGIONS
from understudy_aws.policy.findings.arns import PARTS, arn_parts, overlap
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.errors.principals import as_service_principal, is_service_principal
from understudy_aws.policy.findings.tree import ConditionNode, PolicyTree
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.nearest_names import nearest_region

_REGION_KEYS = frozenset({"aws:requestedregion", "ec2:region"})
_SERVICE_KEYS = frozenset(
    {
        "aws:calledvia", "aws:calledviafirst", "aws:calledvialast", "aws:principalservicename",
        "aws:principalservicenameslist", "iam:awsservicename", "iam:passedtoservice",
    }
)  # fmt: skip
_VIA_SERVICE = "kms:viaservice"
_VIA_SERVICE_FORM = re.compile(
    r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}-[a-z0-9-]+-[0-9]\.amazonaws\.com(?:\.cn)?\Z"
)
_KMS_KEY = "s3:x-amz-server-side-encryption-aws-kms-key-id"
_NETWORK_IDS = {
    "INVALID_VPC_FORMAT": ("aws:sourcevpc", "vpc"),
    "INVALID_VPCE_FORMAT": ("aws:sourcevpce", "vpce"),
}
_PRIVATE = tuple(ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))


def _is_open(condition: ConditionNode, text: str) -> bool:
    """Return whether the value is more than itself: it holds a variable, or a wildcard its operator expands."""
    return "${" in text or ("Like" in condition.operator_name and ("*" in text or "?" in text))


def _fixed_texts(policy: PolicyTree, keys: frozenset[str]) -> Iterator[StringNode]:
    """Return the values these keys are compared with as texts, those without wildcards and variables."""
    for _, condition in policy.conditions():
        if condition.key.value.lower() in keys and condition.operator_name.startswith("String"):
            yield from (text for text in condition.texts if not _is_open(condition, text.value))


@check("INVALID_REGION", "ERROR")
def invalid_region(policy: PolicyTree) -> Iterator[Problem]:
    """Report a region AWS does not have."""
    for text in _fixed_texts(policy, _REGION_KEYS):
        if text.value not in ALL_REGIONS:
            meant = nearest_region(text.value)
            yield Problem(
                f'AWS has no region "{text.value}".',
                f'Write "{meant}", if that is what is meant.'
                if meant
                else "Write a region such as eu-west-1.",
                (policy.at(text),),
            )


@check("INVALID_SERVICE_PRINCIPAL_FORMAT", "ERROR")
def invalid_service_principal_in_condition(policy: PolicyTree) -> Iterator[Problem]:
    """Report a value that should name a service and does not."""
    for text in _fixed_texts(policy, _SERVICE_KEYS):
        if not is_service_principal(text.value):
            yield Problem(
                f'"{text.value}" is not how a service is named.',
                f'Write "{as_service_principal(text.value)}".',
                (policy.at(text),),
            )
    for text in _fixed_texts(policy, frozenset({_VIA_SERVICE})):
        if not _VIA_SERVICE_FORM.match(text.value):
            yield Problem(
                f'"{text.value}" does not name a service in a region.',
                "Write service.region.amazonaws.com, such as s3.eu-west-1.amazonaws.com.",
                (policy.at(text),),
            )


def _network_ids(policy: PolicyTree, code: str) -> Iterator[Problem]:
    key, prefix = _NETWORK_IDS[code]
    form = re.compile(prefix + r"-(?:[0-9A-Za-z]{8}|[0-9A-Za-z]{17})\Z")
    for text in _fixed_texts(policy, frozenset({key})):
        if not form.match(text.value):
            yield Problem(
                f'"{text.value}" is no id of its kind.',
                f'Write "{prefix}-" and the 8 or 17 characters behind it.',
                (policy.at(text),),
            )


@check("INVALID_VPC_FORMAT", "ERROR")
def invalid_vpc_format(policy: PolicyTree) -> Iterator[Problem]:
    """Report a VPC id that is none."""
    yield from _network_ids(policy, "INVALID_VPC_FORMAT")


@check("INVALID_VPCE_FORMAT", "ERROR")
def invalid_vpce_format(policy: PolicyTree) -> Iterator[Problem]:
    """Report an id of a VPC endpoint that is none."""
    yield from _network_ids(policy, "INVALID_VPCE_FORMAT")


@check("INVALID_KMS_KEY_VALUE", "ERROR")
def invalid_kms_key_value(policy: PolicyTree) -> Iterator[Problem]:
    """S3 compares the whole ARN of the key, never its id or an alias."""
    for _, condition in policy.conditions():
        if condition.key.value.lower() != _KMS_KEY or condition.operator_name in ("", "Null"):
            continue
        for text in condition.texts:
            if not _may_be_key(text.value):
                yield Problem(
                    f'"{text.value}" is not the ARN of a KMS key.',
                    "Write arn:aws:kms:<region>:<account>:key/<key id>.",
                    (policy.at(text),),
                )


def _may_be_key(text: str) -> bool:
    parts = arn_parts(text)
    if len(parts) < len(PARTS):
        return parts[-1].pattern.endswith("*") and parts[0].text in ("arn", "*", "arn*")
    wanted = ("arn", "?*", "kms", "?*", "?*", "key/?*")
    return all(overlap(part.pattern, pattern) for part, pattern in zip(parts, wanted, strict=True))


@memoized(4096)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


@check("TYPE_MISMATCH_IP_RANGE", "ERROR")
def type_mismatch_ip_range(policy: PolicyTree) -> Iterator[Problem]:
    """Report an operand that is neither an address nor a network."""
    for _, condition in policy.conditions():
        if condition.operator_name not in ("IpAddress", "NotIpAddress"):
            continue
        for value in condition.values:
            if isinstance(value, StringNode) and ("${" in value.value or _network(value.value) is not None):
                continue
            yield Problem(
                f"{condition.operator.value} compares with an address or a network in CIDR form only.",
                "Write it as 203.0.113.0/24 or 2001:db8::/32.",
                (policy.at(value),),
            )


def _all_private(condition: ConditionNode) -> bool:
    """Return whether every operand is a private address or network, and there is one."""
    networks = [_network(text.value) for text in condition.texts]
    return bool(networks) and all(network is not None and _is_private(network) for network in networks)


def _is_private(network: IPv4Network | IPv6Network) -> bool:
    for private in _PRIVATE:
        if (
            isinstance(network, IPv4Network)
            and isinstance(private, IPv4Network)
            and network.subnet_of(private)
        ):
            return True
        if (
            isinstance(network, IPv6Network)
            and isinstance(private, IPv6Network)
            and network.subnet_of(private)
        ):
            return True
    return False


def _private_sources(policy: PolicyTree, operator: str) -> Iterator[ConditionNode]:
    for _, condition in policy.conditions():
        is_source = condition.key.value.lower() == "aws:sourceip"
        if is_source and condition.operator_name == operator and _all_private(condition):
            yield condition


@check("PRIVATE_IP_ADDRESS", "ERROR")
def private_ip_address(policy: PolicyTree) -> Iterator[Problem]:
    """Only private addresses: the condition never holds."""
    for condition in _private_sources(policy, "IpAddress"):
        yield Problem(
            "aws:SourceIp is the public address a request comes from; it never is one of these private ones.",
            "Write public addresses; for those within a VPC compare aws:VpcSourceIp.",
            (policy.at(condition.value),),
        )


@check("PRIVATE_NOT_IP_ADDRESS", "ERROR")
def private_not_ip_address(policy: PolicyTree) -> Iterator[Problem]:
    """Only private addresses, negated: the condition always holds."""
    for condition in _private_sources(policy, "NotIpAddress"):
        yield Problem(
            "aws:SourceIp is the public address a request comes from; it always differs from these private ones.",
            "Write public addresses; for those within a VPC compare aws:VpcSourceIp.",
            (policy.at(condition.value),),
        )


CHECKS = (
    invalid_region,
    invalid_service_principal_in_condition,
    invalid_vpc_format,
    invalid_vpce_format,
    invalid_kms_key_value,
    type_mismatch_ip_range,
    private_ip_address,
    private_not_ip_address,
)
