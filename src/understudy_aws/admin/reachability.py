"""Whether a connection passes, asked of the records: what packets meet, what refuses them, what would let them pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from understudy_aws.admin.api_ends import endpoint_advice, is_api, name_advice, with_world
from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.admin.network_calls import NAMES, NUMBERS, call_of
from understudy_aws.admin.reach_ends import Destination, Source, destinations, is_attached, sources
from understudy_aws.admin.requests import Reach
from understudy_aws.dataplane.changes import AddEntry, AddRoute, AddRule, Change, changed
from understudy_aws.dataplane.hops import Hop, Outcome
from understudy_aws.dataplane.packets import (
    FIRST_EPHEMERAL,
    ICMP,
    ICMPV6,
    LAST_EPHEMERAL,
    WITH_PORTS,
    Ports,
    host_block,
)
from understudy_aws.dataplane.reach import NO_PUBLIC_ADDRESS, Question, reach
from understudy_aws.dataplane.wanted import Network
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.instances import own_network
from understudy_aws.services.ec2.network_insights.pieces import port_pieces
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.wanted_network import network_of
from understudy_aws.store.database import Transaction

_HTTPS = 443
# So many things can refuse a connection one after another: groups, lists and routes on every side, and back.
_MOST_CHANGES = 12
# Of a group or a subnet with many interfaces, so many pairs are looked at: a tenth of a second.
_MOST_PAIRS = 200
# A range of ports is looked at in so many pieces.
_MOST_PIECES = 50


def answer(gateway: Gateway, asked: Reach, node: Path) -> dict[str, Any]:
    """Return what comes of a connection, hop by hop. Raises NotFoundError, InvalidRequestError."""
    protocol = NUMBERS.get(asked.protocol.lower(), asked.protocol)
    if not protocol.isdigit() or int(protocol) > 255:
        raise InvalidRequestError(
            f"The protocol is tcp, udp, icmp, icmpv6 or a number up to 255, not {asked.protocol!r}."
        )
    if asked.port and protocol not in WITH_PORTS:
        raise InvalidRequestError(
            f"Only TCP and UDP have ports: with --protocol {asked.protocol} no port can be named."
        )
    first = asked.port or _HTTPS
    last = asked.last_port or first
    if last < first:
        raise InvalidRequestError(f"A range of ports ends where it begins or after that, not at {last}.")
    now = gateway.clock.now()
    with gateway.database.transaction() as tx:
        pairs = [
            (source, to)
            for source in sources(tx, asked.source)
            for to in destinations(tx, asked.target, source, now)
        ]
        if not pairs:
            raise InvalidRequestError(f"{asked.source} and {asked.target} are one interface.")
        looked_at = pairs[:_MOST_PAIRS]
        network = _network(tx, looked_at, now)
        paths = [
            path
            for source, to in looked_at
            for path in _Pair(tx, network, source, to, asked.target, now).paths(protocol, (first, last))
        ]
    return {
        "source": asked.source,
        "target": asked.target,
        "protocol": NAMES.get(protocol, protocol),
        "port": first if protocol in WITH_PORTS else None,
        "last_port": last if protocol in WITH_PORTS else None,
        "passes": all(path["passes"] for path in paths),
        "paths": paths,
        "alike": _alike(paths),
        "not_looked_at": len(pairs) - len(looked_at),
        "node": str(node),
    }


def _network(tx: Transaction, pairs: Sequence[tuple[Source, Destination]], now: datetime) -> Network:
    """Return the network that has the ends of these pairs, App Runner's own one with it."""
    interfaces = [end for source, to in pairs for end in (source.interface, to.interface) if end is not None]
    network = network_of(tx, list({each.id: each for each in interfaces}.values()), now)
    own = own_network.network(
        {source.own.id: source.own for source, _ in pairs if source.own is not None}.values()
    )
    return with_world(network if own is None else replace(network, vpcs=(*network.vpcs, own)))


class _Pair(msgspec.Struct, frozen=True):
    """Two ends, what the second was called, and the network that has them."""

    tx: Transaction
    network: Network
    source: Source
    to: Destination
    named: str
    now: datetime

    def paths(self, protocol: str, ports: Ports) -> Iterator[dict[str, Any]]:
        """Yield what comes of a connection, once for each range of ports that fares alike."""
        if protocol == ICMP and ":" in self.to.address:
            protocol = ICMPV6
        source = self.source.interface
        address = next(iter((*source.addresses, *source.ipv6_addresses)), "") if self.source.outside else ""
        question = Question(source.id, self.to.address, protocol, *ports, source=address)
        outcome = self._private() or reach(self.network, question)
        if outcome.passes or protocol not in WITH_PORTS or ports[0] == ports[1]:
            yield self._path(question, outcome)
            return
        # Not all of the range passes by one rule: some of it may, or all of it by several.
        pieces = port_pieces(self.network, ports)[:_MOST_PIECES]
        pieces[-1] = (pieces[-1][0], ports[1])
        tried = [
            (piece, reach(self.network, replace(question, port=piece[0], last_port=piece[1])))
            for piece in pieces
        ]
        for _, alike in groupby(tried, key=lambda each: _fate(each[1])):
            held = list(alike)
            whole = replace(question, port=held[0][0][0], last_port=held[-1][0][1])
            outcome = held[0][1] if held[0][1].passes else reach(self.network, whole)
            yield self._path(whole, outcome)

    def _private(self) -> Outcome | None:
        """Return what keeps an instance in App Runner's own network from a private address of a customer's VPC."""
        to = self.to.interface
        if (
            self.source.own is None
            or to is None
            or self.to.address not in (*to.addresses, *to.ipv6_addresses)
        ):
            return None
        why = f"{self.to.address} is in {to.vpc}, and the service has no VPC connector"
        advice = (
            f"Give the service a VPC connector in {to.vpc}: aws apprunner update-service with --network-configuration "
            "'EgressConfiguration={EgressType=VPC,VpcConnectorArn=…}'"
        )
        hop = Hop(own_network.VPC, passes=False, why=why, code="NO_PATH", vpc=own_network.VPC)
        return Outcome(passes=False, hops=(hop,), advice=advice)

    def _path(self, question: Question, outcome: Outcome) -> dict[str, Any]:
        changes, advice = self._changes(question, outcome)
        calls = [call_of(network, change) for network, change in changes]
        interface, to = self.source.interface, self.to
        if self.source.hypothetical and outcome.hops[-1].code == NO_PUBLIC_ADDRESS:
            advice = (
                f"Route {interface.subnet} through a NAT gateway in another subnet: interfaces of App Runner have no "
                "public address."
            )
        if is_api(self.named) and not outcome.passes and to.interface is None and self.source.own is None:
            advice = f"{advice} {endpoint_advice(self.named, interface)}".strip()
        if is_api(self.named) and (of_names := name_advice(self.tx, self.named, interface, self.now)):
            advice = f"{advice}{' ' if advice else ''}{of_names}"
        return {
            "from": interface.id,
            "address": next(iter((*interface.addresses, *interface.ipv6_addresses)), ""),
            "subnet": interface.subnet,
            "to": to.address,
            "interface": to.interface.id if to.interface is not None else "",
            "attached": to.interface is None or is_attached(self.tx, to.interface),
            "hypothetical": self.source.hypothetical,
            "protocol": NAMES.get(question.protocol, question.protocol),
            "ports": [question.port, question.last_port] if question.protocol in WITH_PORTS else None,
            "passes": outcome.passes,
            "hops": [
                {
                    "at": hop.at,
                    "passes": hop.passes,
                    "why": hop.why,
                    "answer": hop.packet is not None and hop.packet.answer,
                }
                for hop in outcome.hops
            ],
            "changes": calls,
            # In the place of a call: the one for all members of a group, where that is another.
            "alternatives": [self._for_a_group(network, change) for network, change in changes],
            "rests_on": _rests_on([change for _, change in changes], outcome),
            "advice": advice,
        }

    def _changes(self, question: Question, outcome: Outcome) -> tuple[list[tuple[Network, Change]], str]:
        """Return the changes that let a connection pass, each of a network, and advice where they alone do not."""
        changes: list[tuple[Network, Change]] = []
        network = self.network
        while outcome.change is not None and len(changes) < _MOST_CHANGES:
            change = _as_asked(outcome.change, self.source, self.to)
            changes.append((network, change))
            network = changed(network, change)
            outcome = reach(network, question)
        return changes, "" if outcome.passes else outcome.advice

    def _for_a_group(self, network: Network, change: Change) -> str:
        """Return the call for a rule that names a group of whose address a change names; empty for none."""
        if not isinstance(change, AddRule) or not change.rule.cidr:
            return ""
        for end in (self.source.interface, self.to.interface):
            if end is None or change.rule.cidr not in map(host_block, (*end.addresses, *end.ipv6_addresses)):
                continue
            in_vpc = {group.id for vpc in network.vpcs if vpc.id == end.vpc for group in vpc.security_groups}
            # A group of another VPC can be named too, but not of every one.
            groups = [id for id, _ in end.groups] if change.group in in_vpc else []
            if groups:
                _, fewest = min((network_interfaces.count_where(self.tx, "group", id), id) for id in groups)
                return call_of(network, replace(change, rule=replace(change.rule, cidr="", group=fewest)))
        return ""


def _rests_on(changes: Sequence[Change], outcome: Outcome) -> str:
    """Return what the ports of suggested entries for answers rest on (vpcs.md 8.8); empty where none is for answers."""
    entries = [each.entry for each in changes if isinstance(each, AddEntry)]
    if not any((each.from_port, each.to_port) == (FIRST_EPHEMERAL, LAST_EPHEMERAL) for each in entries):
        return ""
    through = next((hop.at for hop in outcome.hops if hop.at.startswith("nat-")), "")
    others = f"On AWS {through} does" if through else "NAT gateways, load balancers and Lambda functions do"
    return (
        f"Ports {FIRST_EPHEMERAL}-{LAST_EPHEMERAL} are those that Linux connects from, to which answers go. "
        f"{others} from 1024-65535, which a network ACL for them must allow."
    )


def _fate(outcome: Outcome) -> tuple[bool, str, str]:
    last = outcome.hops[-1]
    return outcome.passes, "" if outcome.passes else last.at, last.code


def _as_asked(change: Change, source: Source, to: Destination) -> Change:
    """Return a change for whoever was asked about: of a group its members, of instances to come their subnet."""
    own = [host_block(each) for each in (*source.interface.addresses, *source.interface.ipv6_addresses)]
    blocks: Mapping[str, str] = dict.fromkeys(own, source.block) if source.block else {}
    if isinstance(change, AddRule):
        named = dict.fromkeys(own, source.group) if source.group else {}
        if to.group:
            named[host_block(to.address)] = to.group
        group = named.get(change.rule.cidr, "")
        return replace(change, rule=replace(change.rule, cidr="", group=group)) if group else change
    if isinstance(change, AddEntry):
        entry = change.entry
        return replace(change, entry=replace(entry, cidr=blocks.get(entry.cidr, entry.cidr)))
    if isinstance(change, AddRoute):
        route = change.route
        return replace(
            change, route=replace(route, destination=blocks.get(route.destination, route.destination))
        )
    return change


def _alike(paths: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Return the places of the paths that fare alike, in order: those that pass by the same, or the same refuses."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for place, path in enumerate(paths):
        last = path["hops"][-1]
        refusing = () if path["passes"] else (last["at"], last["answer"])
        key = (path["protocol"], tuple(path["ports"] or ()), *refusing)
        found.setdefault(key, []).append(place)
    return list(found.values())
