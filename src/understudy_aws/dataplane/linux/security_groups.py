"""Security groups as chains: one for the rules of a group in each direction, one for each combination of groups.

An interface is an element of two maps, from its link to the chains of its combination, and of the sets of its groups'
members. So an interface is never a rule, and a change of a group rewrites one chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address

from understudy_aws.dataplane.linux.expressions import ACCEPT, JUMP, interface_name, verdict
from understudy_aws.dataplane.linux.matches import block_match, members_match, service_match, service_text
from understudy_aws.dataplane.linux.names import combination_chain, group_chain, link_of, members
from understudy_aws.dataplane.linux.nftables import INTERFACE_NAME, IPV4_ADDRESS, IPV6_ADDRESS, VERDICT
from understudy_aws.dataplane.linux.objects import Chain, Element, FilterSet, Object, Rule
from understudy_aws.dataplane.linux.untracked import Combination, always_tracked, untracked_rules
from understudy_aws.dataplane.wanted import Interface, SecurityGroup, SecurityGroupRule

EGRESS_MAP, INGRESS_MAP = "egress", "ingress"
_UNFILTERED = "unfiltered"
_DIRECTIONS = ("ingress", "egress")
_VERSIONS = (4, 6)


def security_group_objects(
    namespace: str, referenced: Iterable[str], combinations: Iterable[Combination]
) -> Iterator[Object]:
    """Yield what leads the packets of a VPC's interfaces to the chains of their security groups.

    `referenced` are the groups that rules refer to, `combinations` the sets of groups that interfaces are in.
    """
    yield FilterSet(namespace, EGRESS_MAP, INTERFACE_NAME, VERDICT)
    yield FilterSet(namespace, INGRESS_MAP, INTERFACE_NAME, VERDICT)
    yield Chain(namespace, _UNFILTERED, (Rule("accept", verdict(ACCEPT)),))
    for group in referenced:
        yield FilterSet(namespace, members(group, 4), IPV4_ADDRESS)
        yield FilterSet(namespace, members(group, 6), IPV6_ADDRESS)
    for combination in combinations:
        for direction in _DIRECTIONS:
            yield _combination(namespace, combination, direction)


def referenced_groups(groups: Iterable[SecurityGroup]) -> set[str]:
    """Return the groups that rules of groups refer to, also those of peered VPCs."""
    return {rule.group for group in groups for rule in (*group.ingress, *group.egress) if rule.group}


def named_lists(group: SecurityGroup) -> set[str]:
    """Return the prefix lists that rules of a group name."""
    return {rule.prefix_list for rule in (*group.ingress, *group.egress) if rule.prefix_list}


def interface_filter(namespace: str, interface: Interface) -> Iterator[Element]:
    """Yield what leads the packets of an interface to the chains of its groups."""
    link = interface_name(link_of(interface.id))

    def chain(direction: str) -> str:
        return combination_chain(interface.groups, direction) if interface.filtered else _UNFILTERED

    yield Element(namespace, EGRESS_MAP, link, chain("egress"))
    if interface.accepts_connections:
        yield Element(namespace, INGRESS_MAP, link, chain("ingress"))
    else:
        yield from always_tracked(namespace, link)


def membership(namespace: str, group: str, interface: Interface) -> Iterator[Element]:
    """Yield what makes an interface a member of a group for the rules in a VPC that refer to the group."""
    for each in interface.addresses:
        address = ip_address(each)
        yield Element(namespace, members(group, address.version), address.packed)


def group_chains(
    namespace: str, group: SecurityGroup, prefix_lists: Mapping[str, tuple[str, ...]]
) -> Iterator[Chain]:
    """Yield the chains of a group's rules."""
    for direction, rules in (("ingress", group.ingress), ("egress", group.egress)):
        made = (
            made
            for rule in sorted(rules, key=lambda each: each.id)
            for made in _rules(rule, prefix_lists, source=direction == "ingress")
        )
        yield Chain(namespace, group_chain(group.id, direction), tuple(made))


def _rules(
    rule: SecurityGroupRule, prefix_lists: Mapping[str, tuple[str, ...]], *, source: bool
) -> Iterator[Rule]:
    service = service_match(rule.protocol, rule.from_port, rule.to_port)
    text = f"{rule.id} {service_text(rule.protocol, rule.from_port, rule.to_port)}"
    if rule.group:
        for version in _VERSIONS:
            yield Rule(
                f"{text} {rule.group} ipv{version}",
                members_match(rule.group, version, source=source) + service + verdict(ACCEPT),
            )
        return
    for cidr in prefix_lists.get(rule.prefix_list, ()) if rule.prefix_list else (rule.cidr,):
        yield Rule(f"{text} {cidr}", block_match(cidr, source=source) + service + verdict(ACCEPT))


def _combination(namespace: str, combination: Combination, direction: str) -> Chain:
    chains = [group_chain(group, direction) for group in combination.groups]
    return Chain(
        namespace,
        combination_chain(combination.groups, direction),
        (
            *untracked_rules(combination, direction),
            *(Rule(f"jump {chain}", verdict(JUMP, chain)) for chain in chains),
        ),
    )
