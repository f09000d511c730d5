"""Connections that security groups do not track, as on AWS: they end as soon as the rule that admits them is gone.

TCP and UDP that a rule lets through for everywhere are not tracked where the groups let everything go the other way, to
everywhere (vpcs.md 8.7). Whether one is tracked is decided for each of its ends when it begins. A bit of the
connection's mark says that it is not; then the rules are asked for each packet, and otherwise for the first one.

Connections through NAT gateways, interface endpoints and egress-only gateways are tracked all the same, and so are
those of interfaces that take no connections, which are App Runner's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux.matches import ANY, block_match, service_match, service_text
from understudy_aws.dataplane.linux.names import INTERNET, link_of
from understudy_aws.dataplane.linux.nftables import INTERFACE_NAME
from understudy_aws.dataplane.linux.objects import Element, FilterSet, Object, Rule
from understudy_aws.dataplane.wanted import SecurityGroup, SecurityGroupRule, Vpc

UNTRACKED_BEGUN, UNTRACKED_TAKEN = 1, 2
"""The bits of a connection's mark: it is not tracked for who began it, or for whom it was begun with."""

UNTRACKED = UNTRACKED_BEGUN | UNTRACKED_TAKEN

_TCP, _UDP, _ALL = "6", "17", "-1"
_EVERY_PORT = {(ANY, ANY), (0, 65535)}
_EVERYWHERE = {"0.0.0.0/0": 4, "::/0": 6}
_ALWAYS_TRACKED = {4: "tracked4", 6: "tracked6"}


class Combination(msgspec.Struct, frozen=True):
    """Groups that interfaces are in together, and the rules whose connections are then not tracked; TCP or UDP each."""

    groups: tuple[str, ...]
    ingress: tuple[SecurityGroupRule, ...] = ()
    egress: tuple[SecurityGroupRule, ...] = ()


def combinations_of(
    combinations: Iterable[tuple[str, ...]], groups: Iterable[SecurityGroup]
) -> tuple[Combination, ...]:
    """Return combinations of groups, in order."""
    ingress = {group.id: tuple(_for_everywhere(group.ingress)) for group in groups}
    egress = {group.id: tuple(_for_everywhere(group.egress)) for group in groups}
    found = []
    for names in sorted(combinations):
        taken = [rule for name in names for rule in ingress.get(name, ())]
        begun = [rule for name in names for rule in egress.get(name, ())]
        found.append(Combination(names, _untracked(taken, begun), _untracked(begun, taken)))
    return tuple(found)


def tracked_links(vpc: Vpc) -> Iterator[Object]:
    """Yield the sets of the links through which every connection is tracked, but for those of interfaces."""
    for name in _ALWAYS_TRACKED.values():
        yield FilterSet(vpc.id, name, INTERFACE_NAME)
    gateways = {gateway.interface for gateway in vpc.nat_gateways}
    gateways |= {interface for endpoint in vpc.endpoints for interface in endpoint.interfaces}
    for interface in sorted(gateways):
        yield from always_tracked(vpc.id, x.interface_name(link_of(interface)))
    if vpc.egress_only_gateway:
        # IPv6 through an internet gateway has the same link: it is tracked, too, where a VPC has both.
        yield Element(vpc.id, _ALWAYS_TRACKED[6], x.interface_name(INTERNET))


def always_tracked(namespace: str, link: bytes) -> Iterator[Element]:
    """Yield what has every connection through a link tracked."""
    for name in _ALWAYS_TRACKED.values():
        yield Element(namespace, name, link)


def untracked_rules(combination: Combination, direction: str) -> Iterator[Rule]:
    """Yield the rules that let connections through untracked."""
    ingress = direction == "ingress"
    for rule in combination.ingress if ingress else combination.egress:
        service = (rule.protocol, rule.from_port, rule.to_port)
        links = x.output_link_in(_ALWAYS_TRACKED[_EVERYWHERE[rule.cidr]], inverted=True)
        if not ingress:
            links += x.input_link_in(_ALWAYS_TRACKED[_EVERYWHERE[rule.cidr]], inverted=True)
        yield Rule(
            f"{rule.id} {service_text(*service)} {rule.cidr} untracked",
            block_match(rule.cidr, source=ingress)
            + service_match(*service)
            + x.connection_new()
            + links
            + x.mark_connection(UNTRACKED_TAKEN if ingress else UNTRACKED_BEGUN)
            + x.verdict(x.ACCEPT),
        )


def _for_everywhere(rules: Iterable[SecurityGroupRule]) -> Iterator[SecurityGroupRule]:
    """Yield the rules for everywhere, as one for TCP and one for UDP where they are for all protocols."""
    for rule in sorted(rules, key=lambda each: each.id):
        if rule.cidr in _EVERYWHERE and rule.protocol in {_TCP, _UDP}:
            yield rule
        elif rule.cidr in _EVERYWHERE and rule.protocol == _ALL:
            for protocol in (_TCP, _UDP):
                yield replace(rule, protocol=protocol, from_port=ANY, to_port=ANY)


def _untracked(
    rules: Sequence[SecurityGroupRule], others: Sequence[SecurityGroupRule]
) -> tuple[SecurityGroupRule, ...]:
    """Return those of rules for everywhere to which others let every answer go."""
    answered = {
        (each.cidr, each.protocol) for each in others if (each.from_port, each.to_port) in _EVERY_PORT
    }
    return tuple(rule for rule in rules if (rule.cidr, rule.protocol) in answered)
