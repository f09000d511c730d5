"""Ranges of ports and addresses within which a network treats all packets alike (network-insights.md 14.2).

Rules, entries and routes name ranges. Between the places where one begins or ends, it makes no difference which port or
address it is; so one of each piece stands for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, ip_address, ip_network, summarize_address_range

from understudy_aws.dataplane.packets import ANY
from understudy_aws.dataplane.wanted import Network, Vpc

Range = tuple[int, int]
ANY_PORT: Range = (0, 65535)
ANY_ADDRESS: Range = (0, (1 << 32) - 1)
# What no address of the internet is in: private and shared addresses, loopback, link-local, multicast and what follows.
_NOT_PUBLIC = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)


def range_of(cidr: str) -> Range:
    """Return the first and the last address of a block, as numbers."""
    block = ip_network(cidr)
    return int(block.network_address), int(block.broadcast_address)


def address_of(number: int) -> str:
    """Return an IPv4 address of its number."""
    return str(IPv4Address(number))


def blocks_of(addresses: Range) -> list[str]:
    """Return the blocks that a range of addresses consists of."""
    first, last = (IPv4Address(number) for number in addresses)
    return [str(block) for block in summarize_address_range(first, last)]


def port_pieces(network: Network, within: Range) -> list[Range]:
    """Return the pieces of a range of ports."""
    named = []
    for vpc in network.vpcs:
        for acl in vpc.network_acls:
            named += [(entry.from_port, entry.to_port) for entry in (*acl.ingress, *acl.egress)]
        for group in vpc.security_groups:
            named += [(rule.from_port, rule.to_port) for rule in (*group.ingress, *group.egress)]
    return list(_cut(within, [each for each in named if each[0] != ANY]))


def answered_port_pieces(network: Network, within: Range) -> list[Range]:
    """Return the pieces of a range of ports that answers go to; groups let those out, and only network ACLs look."""
    return port_pieces(_with_acls_alone(network), within)


def address_pieces(network: Network, within: Iterable[Range]) -> list[Range]:
    """Return the pieces of ranges of addresses."""
    named = [range_of(cidr) for cidr in _blocks(network)]
    return [piece for each in within for piece in _cut(each, named)]


def public_ranges() -> list[Range]:
    """Return the addresses of the internet."""
    private = [range_of(cidr) for cidr in _NOT_PUBLIC]
    return [piece for piece in _cut(ANY_ADDRESS, private) if not any(a <= piece[0] <= b for a, b in private)]


def is_public(address: str) -> bool:
    """Whether an address is one of the internet's."""
    return not any(ip_address(address) in ip_network(cidr) for cidr in _NOT_PUBLIC)


def _cut(whole: Range, named: Iterable[Range]) -> Iterator[Range]:
    first, last = whole
    starts = {first}
    for begin, end in named:
        starts |= {each for each in (begin, end + 1) if first < each <= last}
    ordered = sorted(starts)
    for place, start in enumerate(ordered):
        yield start, ordered[place + 1] - 1 if place + 1 < len(ordered) else last


def _blocks(network: Network) -> Iterator[str]:
    for vpc in network.vpcs:
        yield from _ipv4(_blocks_of(vpc))
    for blocks in network.prefix_lists.values():
        yield from _ipv4(blocks)


def _blocks_of(vpc: Vpc) -> Iterator[str]:
    yield from vpc.cidrs
    for table in vpc.route_tables:
        yield from (route.destination for route in table.routes)
    for acl in vpc.network_acls:
        yield from (entry.cidr for entry in (*acl.ingress, *acl.egress))
    for group in vpc.security_groups:
        yield from (rule.cidr for rule in (*group.ingress, *group.egress))


def _ipv4(blocks: Iterable[str]) -> Iterator[str]:
    return (each for each in blocks if each and ":" not in each)


def _with_acls_alone(network: Network) -> Network:
    return Network(
        vpcs=tuple(Vpc(id=vpc.id, cidrs=(), network_acls=vpc.network_acls) for vpc in network.vpcs)
    )
