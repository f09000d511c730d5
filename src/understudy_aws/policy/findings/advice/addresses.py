"""Advice on the networks of IpAddress conditions."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from understudy_aws.policy.findings.advice.wording import enumeration
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.tree import PolicyTree
from understudy_aws.policy.language.json_text import StringNode

_SOURCE_IP = "aws:sourceip"
# Networks that no request from the internet comes from: RFC 1918 and RFC 4193.
_PRIVATE_4 = tuple(IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_PRIVATE_6 = (IPv6Network("fc00::/7"),)


@check("IMPROVE_IP_RANGE", "SUGGESTION")
def host_bits(policy: PolicyTree) -> Iterator[Problem]:
    """Report an address with bits behind its prefix: IPv4 ignores them, IPv6 then matches nothing (policies.md 4.4)."""
    for _, condition in policy.conditions():
        if not condition.operator_name.endswith("IpAddress"):
            continue
        for text in condition.texts:
            found = _network(text.value)
            base = text.value.partition("/")[0]
            if found is None or found.prefixlen == found.max_prefixlen or _network(base) is None:
                continue
            if ip_network(base).network_address == found.network_address:
                continue
            consequence = "are ignored" if found.version == 4 else "keep every address from matching"
            yield Problem(
                f"The bits of {base} behind the first {found.prefixlen} {consequence}.",
                f'Write "{found}", or "{base}" for the one address.',
                (policy.at(text),),
            )


def _network(text: str) -> IPv4Network | IPv6Network | None:
    if "%" in text:
        return None
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_private(text: str) -> bool:
    """Return whether all addresses of a network are of private networks; False for what is no network."""
    found = _network(text)
    if isinstance(found, IPv4Network):
        return any(found.subnet_of(private) for private in _PRIVATE_4)
    return found is not None and any(found.subnet_of(private) for private in _PRIVATE_6)


@check("PRIVATE_IP_ADDRESS_SUBSET", "SUGGESTION")
def some_private(policy: PolicyTree) -> Iterator[Problem]:
    """aws:SourceIp among public and private networks: the private ones never match."""
    for private in _mixed(policy, "IpAddress"):
        yield Problem(
            "aws:SourceIp is the public address of a request and never lies in "
            f"{enumeration([text.value for text in private])}.",
            f"Remove {'it' if len(private) == 1 else 'them'} here; requests through a VPC endpoint are told "
            "by aws:VpcSourceIp together with aws:SourceVpc, in a statement of its own.",
            tuple(policy.at(text) for text in private),
        )


@check("PRIVATE_NOT_IP_ADDRESS_SUBSET", "SUGGESTION")
def some_private_excluded(policy: PolicyTree) -> Iterator[Problem]:
    """NotIpAddress on aws:SourceIp with private networks among others: they exclude nothing."""
    for private in _mixed(policy, "NotIpAddress"):
        yield Problem(
            "aws:SourceIp is the public address of a request, so "
            f"{enumeration([text.value for text in private])} excludes nothing.",
            f"Remove {'it' if len(private) == 1 else 'them'} here; requests through a VPC endpoint have no "
            'aws:SourceIp, and are told by "NotIpAddress" on aws:VpcSourceIp.',
            tuple(policy.at(text) for text in private),
        )


def _mixed(policy: PolicyTree, operator: str) -> Iterator[list[StringNode]]:
    """Conditions on aws:SourceIp with private networks and others, and the private ones."""
    for _, condition in policy.conditions():
        if condition.operator_name != operator or condition.key.value.lower() != _SOURCE_IP:
            continue
        private = [text for text in condition.texts if is_private(text.value)]
        if 0 < len(private) < len(condition.texts):
            yield private


CHECKS = (host_bits, some_private, some_private_excluded)
