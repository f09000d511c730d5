"""What security groups and network ACLs say of a packet, and the smallest rule or entry that would let it pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from understudy_aws.dataplane.changes import AddEntry, AddRule
from understudy_aws.dataplane.hops import Hop, Refusal
from understudy_aws.dataplane.packets import (
    ANY,
    Packet,
    Ports,
    canonical,
    covers,
    host_block,
    remaining,
    service,
    within,
)
from understudy_aws.dataplane.wanted import (
    Interface,
    Network,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
)

_NEW_RULE = "sgr-new"
# Of the entry of every network ACL that denies what no other takes; that of IPv6 has the next.
_LAST_NUMBER = 32767
# A rule for ICMP names a type, and all its codes.
_ALL_CODES = ANY


class Filters:
    """The security groups and network ACLs of a network, and who is a member of which group."""

    def __init__(self, network: Network, home: Mapping[str, tuple[Vpc, Interface]]) -> None:
        self._network = network
        self._home = home

    def through_groups(self, vpc: Vpc, interface: Interface, packet: Packet, *, egress: bool) -> Hop | None:
        """Return the hop of the group that admits a packet; None where no group applies. Raises Refusal."""
        if not interface.filtered:
            return None
        groups = [each for each in vpc.security_groups if each.id in interface.groups]
        for group in groups:
            for rule in group.egress if egress else group.ingress:
                if self._admits(rule, packet, egress=egress):
                    why = f"{'out' if egress else 'in'} by {rule.id}"
                    return Hop(
                        group.id, passes=True, why=why, vpc=vpc.id, subnet=interface.subnet,
                        interface=interface.id, egress=egress, rule=rule.id, packet=packet,
                    )  # fmt: skip
        peer = packet.destination if egress else packet.source
        hop = Hop(
            ", ".join(sorted(interface.groups)),
            passes=False,
            why=f"no rule lets {service(packet)} {'out to' if egress else 'in from'} {peer}",
            code="ENI_SG_RULES_MISMATCH",
            egress=egress,
            packet=packet,
            vpc=vpc.id,
            subnet=interface.subnet,
            interface=interface.id,
        )
        chosen = self._fewest_members(groups)
        raise Refusal(hop, AddRule(chosen, egress, _rule_for(packet, peer)) if chosen else None)

    def through_acl(self, vpc: Vpc, subnet: Subnet, packet: Packet, *, egress: bool) -> Hop:
        """Return the hop of the network ACL of a subnet for a packet that it lets pass. Raises Refusal."""
        acl = next(each for each in vpc.network_acls if each.id == subnet.network_acl)
        peer = ip_address(packet.destination if egress else packet.source)
        entries = sorted(acl.egress if egress else acl.ingress, key=lambda each: each.number)
        undecided: tuple[Ports, ...] = ((packet.first, packet.last),)
        refusing = 0
        way = f"{'out to' if egress else 'in from'} {peer}"
        for entry in entries:
            if not within(peer, entry.cidr):
                continue
            if entry.allow:
                undecided = remaining(undecided, entry, packet)
                if not undecided:
                    return Hop(
                        acl.id, passes=True, why=f"{way} by entry {entry.number}", vpc=vpc.id, subnet=subnet.id,
                        egress=egress, entry=entry.number, packet=packet,
                    )  # fmt: skip
            elif remaining(undecided, entry, packet) != undecided:
                refusing = entry.number
                break
        what = "the answer" if packet.answer else service(packet)
        decides = f"entry {refusing} denies it" if refusing else "no entry allows it"
        hop = Hop(
            acl.id, passes=False, why=f"{what} {way}: {decides}", code="SUBNET_ACL_RESTRICTION", vpc=vpc.id,
            subnet=subnet.id, egress=egress, entry=refusing, packet=packet,
        )  # fmt: skip
        number = _free_number(entries, refusing)
        if not number:
            advice = f"Entry {refusing} of {acl.id} must go: there is no number before it."
            raise Refusal(hop, advice=advice)
        raise Refusal(hop, AddEntry(acl.id, egress, _entry_for(packet, str(peer), number)))

    def _admits(self, rule: SecurityGroupRule, packet: Packet, *, egress: bool) -> bool:
        peer = ip_address(packet.destination if egress else packet.source)
        if rule.group:
            members = (each for _, each in self._home.values() if rule.group in each.groups)
            known = any(str(peer) in canonical(each.addresses) for each in members)
        else:
            blocks = (
                self._network.prefix_lists.get(rule.prefix_list, ()) if rule.prefix_list else (rule.cidr,)
            )
            known = any(within(peer, block) for block in blocks)
        return known and covers(rule.protocol, rule.from_port, rule.to_port, packet)

    def _fewest_members(self, groups: Sequence[SecurityGroup]) -> str:
        """Return the group whose new rule holds for the fewest interfaces; empty when there is none."""

        def members(group: SecurityGroup) -> tuple[int, str]:
            return sum(group.id in each.groups for _, each in self._home.values()), group.id

        return min(groups, key=members).id if groups else ""


def _rule_for(packet: Packet, peer: str) -> SecurityGroupRule:
    return SecurityGroupRule(
        id=_NEW_RULE,
        protocol=packet.protocol,
        from_port=packet.first,
        to_port=packet.last if packet.has_ports else _ALL_CODES,
        cidr=host_block(peer),
    )


def _entry_for(packet: Packet, peer: str, number: int) -> NetworkAclEntry:
    return NetworkAclEntry(
        number=number,
        protocol=packet.protocol,
        cidr=host_block(peer),
        allow=True,
        from_port=packet.first,
        to_port=packet.last if packet.has_ports else _ALL_CODES,
    )


def _free_number(entries: Sequence[NetworkAclEntry], before: int) -> int:
    """Return a number for an entry that is asked before the one of number `before`, or last; 0 if there is none."""
    taken = {entry.number for entry in entries}
    last = min(before or _LAST_NUMBER, _LAST_NUMBER) - 1
    return next((number for number in range(last, 0, -1) if number not in taken), 0)
