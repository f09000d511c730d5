"""What an analysis found, in the members of Reachability Analyzer: components of the path, explanations (14.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from understudy_aws.core.arn import ec2
from understudy_aws.dataplane.hops import Hop
from understudy_aws.dataplane.packets import ALL, ICMP, ICMPV6, TCP, UDP, Packet
from understudy_aws.dataplane.wanted import NetworkAclEntry, SecurityGroupRule
from understudy_aws.services.ec2.api.identifiers import prefix_of
from understudy_aws.services.ec2.network_insights.examination import Examined
from understudy_aws.services.ec2.network_insights.records import NetworkInsightsPath
from understudy_aws.services.ec2.resources import RESOURCES
from understudy_aws.services.ec2.route_tables import route_tables
from understudy_aws.store.database import Transaction

_PROTOCOLS = {ALL: "all", TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPV6: "icmpv6"}
_KINDS = {kind.id_prefix: kind for kind in RESOURCES}
_TARGET_MEMBERS = {
    "eigw": "EgressOnlyInternetGatewayId",
    "eni": "NetworkInterfaceId",
    "nat": "NatGatewayId",
    "pcx": "VpcPeeringConnectionId",
}
# The member under which an explanation names what it is about, by what the id begins with.
_ABOUT = {
    "igw": "InternetGateway",
    "nat": "NatGateway",
    "pcx": "VpcPeeringConnection",
    "vpce": "VpcEndpoint",
    "eni": "NetworkInterface",
    "vpc": "Vpc",
}


def findings(tx: Transaction, path: NetworkInsightsPath, examined: Examined) -> dict[str, Any]:
    """Return the members that say what was found: the way there and back, or explanations."""
    return _Findings(tx, path, examined).members()


class _Findings:
    def __init__(self, tx: Transaction, path: NetworkInsightsPath, examined: Examined) -> None:
        self._tx = tx
        self._path = path
        self._examined = examined
        network = examined.network
        self._rules = {
            rule.id: rule
            for vpc in network.vpcs
            for group in vpc.security_groups
            for rule in (*group.ingress, *group.egress)
        }
        self._acls = {acl.id: acl for vpc in network.vpcs for acl in vpc.network_acls}
        self._interfaces = {each.id: (vpc, each) for vpc in network.vpcs for each in vpc.interfaces}

    def members(self) -> dict[str, Any]:
        if not self._examined.found:
            return {"Explanations": [self._explanation(hop) for hop in self._examined.refused]}
        there = [hop for hop in self._examined.hops if hop.packet is not None and not hop.packet.answer]
        back = [hop for hop in self._examined.hops if hop.packet is not None and hop.packet.answer]
        return {
            "ForwardPathComponents": _numbered(self._forward(there)),
            "ReturnPathComponents": _numbered(self._return(there, back)),
        }

    # The way.

    def _forward(self, hops: Sequence[Hop]) -> Iterable[dict[str, Any]]:
        first, last = hops[0].packet, _leaving(hops[-1])
        if self._path.source.id.startswith("eni-"):
            yield {**self._interface(self._path.source.id), "OutboundHeader": self._header(first)}
        for hop in _in_order(hops):
            yield self._component(hop)
        arrived = _arrived_at(hops)
        if arrived:
            yield {**self._interface(arrived), "InboundHeader": self._header(last)}

    def _return(self, there: Sequence[Hop], back: Sequence[Hop]) -> Iterable[dict[str, Any]]:
        """Yield the components of the way back. Groups let answers pass without a rule."""
        if not back:
            return
        arrived = _arrived_at(there)
        if arrived:
            yield {**self._interface(arrived), "OutboundHeader": self._header(back[0].packet)}
            yield self._group(there[-1].at)
        elif self._path.destination.id:
            yield {**self._named(there[-1].at), "OutboundHeader": self._header(back[0].packet)}
        for hop in _in_order(back):
            yield self._component(hop)
        if self._path.source.id.startswith("eni-"):
            yield self._group(there[0].at)
            yield {
                **self._interface(self._path.source.id),
                "InboundHeader": self._header(_leaving(back[-1])),
            }

    def _component(self, hop: Hop) -> dict[str, Any]:
        if hop.rule:
            return {
                **self._group(hop.at),
                "SecurityGroupRule": _rule(self._rules[hop.rule], egress=hop.egress),
            }
        if hop.at.startswith("acl-"):
            return {**self._named(hop.at), "AclRule": self._entry(hop)}
        if hop.at.startswith("rtb-"):
            return {**self._named(hop.at), "RouteTableRoute": self._route(hop)}
        shown = self._named(hop.at)
        if hop.vpc:
            shown["Vpc"] = self._part(hop.vpc)
        if hop.at.startswith("pcx-"):
            shown |= {"SourceVpc": self._part(hop.vpc), "DestinationVpc": self._part(hop.target)}
            del shown["Vpc"]
        if hop.subnet:
            shown["Subnet"] = self._part(hop.subnet)
        if hop.leaving is not None and hop.packet is not None:
            shown |= {
                "InboundHeader": self._header(hop.packet),
                "OutboundHeader": self._header(hop.leaving),
            }
        return shown

    def _interface(self, id: str) -> dict[str, Any]:
        vpc, interface = self._interfaces[id]
        return {**self._named(id), "Subnet": self._part(interface.subnet), "Vpc": self._part(vpc.id)}

    def _group(self, id: str) -> dict[str, Any]:
        return self._named(id)

    def _named(self, id: str) -> dict[str, Any]:
        return {"Component": self._part(id), "AdditionalDetails": [], "Explanations": []}

    def _part(self, id: str) -> dict[str, str]:
        """Return an id with its ARN, and the name that it is tagged with."""
        kind = _KINDS.get(prefix_of(id))
        if kind is None:
            return {"Id": id}
        record = kind.identified(self._tx, id) if kind.identified is not None else None
        account, region = (self._path.account, self._path.region)
        name = ""
        if record is not None:
            account, region, name = record.account, record.region, kind.tags(record).get("Name", "")
        shown = {"Id": id, "Arn": ec2(region, account, f"{kind.name}/{id}")}
        return {**shown, "Name": name} if name else shown

    def _entry(self, hop: Hop) -> dict[str, Any]:
        acl = self._acls[hop.at]
        entries = acl.egress if hop.egress else acl.ingress
        return _entry(next(each for each in entries if each.number == hop.entry), egress=hop.egress)

    def _route(self, hop: Hop) -> dict[str, Any]:
        """Return a route as it stands in its table, which may name a prefix list."""
        held = next(
            (each for each in route_tables.where(self._tx, "vpc", hop.vpc) if each.id == hop.at), None
        )
        origin, state, destination = "createroutetable", "active", hop.route
        target = hop.target
        for route in held.routes if held is not None else ():
            if route.destination == hop.route or (
                route.destination.startswith("pl-") and route.target == hop.target
            ):
                origin, state, destination = route.origin.lower(), route.state, route.destination
                target = route.target
        member = _TARGET_MEMBERS.get(target.partition("-")[0], "GatewayId")
        where = "DestinationPrefixListId" if destination.startswith("pl-") else "DestinationCidr"
        return {where: destination, member: target, "Origin": origin, "State": state}

    def _header(self, packet: Packet | None) -> dict[str, Any] | None:
        if packet is None:
            return None

        def addresses(address: str) -> list[str]:
            for blocks in (self._examined.sources, self._examined.destinations):
                # A range stands for its first address.
                if blocks and blocks[0].partition("/")[0] == address:
                    return list(blocks)
            return [f"{address}/32"]

        return {
            "DestinationAddresses": addresses(packet.destination),
            "DestinationPortRanges": [{"From": packet.first, "To": packet.last}],
            "Protocol": packet.protocol,
            "SourceAddresses": addresses(packet.source),
            "SourcePortRanges": [{"From": packet.sent_from[0], "To": packet.sent_from[1]}],
        }

    # What refuses it.

    def _explanation(self, hop: Hop) -> dict[str, Any]:
        shown: dict[str, Any] = {"ExplanationCode": hop.code}
        if hop.vpc:
            shown["Vpc"] = self._part(hop.vpc)
        if hop.code == "ENI_SG_RULES_MISMATCH":
            shown |= {
                "Direction": "egress" if hop.egress else "ingress",
                "NetworkInterface": self._part(hop.interface),
                "SecurityGroups": [self._part(id) for id in hop.at.split(", ")],
                "Subnet": self._part(hop.subnet),
            }
        elif hop.code == "SUBNET_ACL_RESTRICTION":
            shown |= {
                "Acl": self._part(hop.at),
                "Direction": "egress" if hop.egress else "ingress",
                "Subnet": self._part(hop.subnet),
            }
            if hop.entry:
                shown["AclRule"] = self._entry(hop)
        elif hop.at.startswith("rtb-"):
            shown |= {"RouteTable": self._part(hop.at), **self._led_to(hop)}
        elif hop.code.startswith("COMPONENT_FILTER"):
            shown["Component"] = self._part(hop.at)
        else:
            shown[_ABOUT.get(prefix_of(hop.at), "Component")] = self._part(hop.at)
        return shown

    def _led_to(self, hop: Hop) -> dict[str, Any]:
        """Return what a table of routes did not lead to, and the route that is of no use if there is one."""
        goal = self._path.source if hop.packet is not None and hop.packet.answer else self._path.destination
        shown: dict[str, Any] = {"Destination": self._part(goal.id)} if goal.id else {}
        if hop.packet is not None and not goal.id:
            shown["Address"] = f"{hop.packet.destination}/32"
        if hop.route:
            shown["RouteTableRoute"] = self._route(hop)
        return shown


def _leaving(hop: Hop) -> Packet | None:
    return hop.leaving or hop.packet


def _arrived_at(hops: Sequence[Hop]) -> str:
    """Return the interface that a packet arrives at, if its last hop is a group that lets it in."""
    return hops[-1].interface if hops[-1].rule and not hops[-1].egress else ""


def _in_order(hops: Sequence[Hop]) -> list[Hop]:
    """Return hops as AWS tells them: what leaves a subnet passes the network ACL, and then takes a route."""
    ordered = list(hops)
    for place, (hop, following) in enumerate(pairwise(hops)):
        if hop.at.startswith("rtb-") and following.at.startswith("acl-") and following.egress:
            ordered[place], ordered[place + 1] = following, hop
    return ordered


def _numbered(components: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"SequenceNumber": number, **each} for number, each in enumerate(components, 1)]


def _rule(rule: SecurityGroupRule, *, egress: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Direction": "egress" if egress else "ingress",
        "Protocol": _PROTOCOLS.get(rule.protocol, rule.protocol),
    }
    peers = {"Cidr": rule.cidr, "SecurityGroupId": rule.group, "PrefixListId": rule.prefix_list}
    shown |= {member: value for member, value in peers.items() if value}
    if rule.from_port >= 0 and rule.protocol in {TCP, UDP}:
        shown["PortRange"] = {"From": rule.from_port, "To": rule.to_port}
    return shown


def _entry(entry: NetworkAclEntry, *, egress: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Cidr": entry.cidr,
        "Egress": egress,
        "Protocol": _PROTOCOLS.get(entry.protocol, entry.protocol),
        "RuleAction": "allow" if entry.allow else "deny",
        "RuleNumber": entry.number,
    }
    if entry.from_port >= 0 and entry.protocol in {TCP, UDP}:
        shown["PortRange"] = {"From": entry.from_port, "To": entry.to_port}
    return shown
