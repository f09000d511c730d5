"""Whether a connection passes, asked of the records: what packets meet, what refuses them, what would let them pass."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from understudy_aws.admin.api_ends import api_end, endpoint_advice, is_api, with_world
from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import Reach
from understudy_aws.dataplane.changes import AddEntry, AddRule, Change, DeleteRoute, changed
from understudy_aws.dataplane.hops import Outcome
from understudy_aws.dataplane.packets import ICMP, ICMPV6, TCP, UDP, WITH_PORTS
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import Network
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.apprunner.vpc_connectors import VpcConnector, vpc_connectors
from understudy_aws.services.ec2.attached_programs import attached_programs
from understudy_aws.services.ec2.elastic_ip_records import elastic_ips
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.subnets import Subnet, subnets
from understudy_aws.services.ec2.wanted_network import network_of
from understudy_aws.store.database import Transaction

_NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
_NAMES = {number: name for name, number in _NUMBERS.items()}
# So many things can refuse a connection one after another: groups, lists and routes on every side, and back.
_MOST_CHANGES = 12
# Of the same private address in so many VPCs at most.
_MOST_MEANT = 5
_TARGET_OPTIONS = {
    "eigw": "--egress-only-internet-gateway-id",
    "eni": "--network-interface-id",
    "nat": "--nat-gateway-id",
    "pcx": "--vpc-peering-connection-id",
}


def answer(gateway: Gateway, asked: Reach, node: Path) -> dict[str, Any]:
    """Return what comes of a connection, hop by hop. Raises NotFoundError, InvalidRequestError."""
    protocol = _NUMBERS.get(asked.protocol.lower(), asked.protocol)
    if not protocol.isdigit() or int(protocol) > 255:
        raise InvalidRequestError(
            f"The protocol is tcp, udp, icmp, icmpv6 or a number up to 255, not {asked.protocol!r}."
        )
    with gateway.database.transaction() as tx:
        now = gateway.clock.now()
        connector = _connector(tx, asked.source)
        sources = list(_of_connector(tx, connector)) if connector else [_interface(tx, asked.source, None)]
        paths = [
            _path(tx, source, asked, protocol, now, hypothetical=connector is not None) for source in sources
        ]
    return {
        "source": asked.source,
        "target": asked.target,
        "protocol": _NAMES.get(protocol, protocol),
        "port": asked.port if protocol in WITH_PORTS else None,
        "passes": all(path["passes"] for path in paths),
        "paths": paths,
        "node": str(node),
    }


def _path(
    tx: Transaction,
    source: NetworkInterface,
    asked: Reach,
    protocol: str,
    now: datetime,
    *,
    hypothetical: bool,
) -> dict[str, Any]:
    to_api = is_api(asked.target)
    address, target = api_end(tx, asked.target, source, now) if to_api else _target(tx, asked.target, source)
    interfaces = {each.id: each for each in (source, target) if each is not None}
    network = with_world(network_of(tx, list(interfaces.values()), now))
    question = Question(source.id, address, protocol, asked.port)
    outcome = reach(network, question)
    changes, advice = _changes(network, question, outcome)
    if to_api and not outcome.passes and target is None:
        advice = f"{advice} {endpoint_advice(asked.target, source)}".strip()
    attached = target is None or _is_attached(tx, target)
    return {
        "from": source.id,
        "address": next(iter((*source.addresses, *source.ipv6_addresses)), ""),
        "subnet": source.subnet,
        "to": address,
        "interface": target.id if target is not None else "",
        "attached": attached,
        "hypothetical": hypothetical,
        "passes": outcome.passes,
        "hops": [{"at": hop.at, "passes": hop.passes, "why": hop.why} for hop in outcome.hops],
        "changes": changes,
        "advice": advice,
    }


def _changes(network: Network, question: Question, outcome: Outcome) -> tuple[list[str], str]:
    """Return the calls that let a connection pass, in order, and advice where calls alone do not."""
    calls: list[str] = []
    while outcome.change is not None and len(calls) < _MOST_CHANGES:
        calls.append(_call(network, outcome.change))
        network = changed(network, outcome.change)
        outcome = reach(network, question)
    return calls, "" if outcome.passes else outcome.advice


def _call(network: Network, change: Change) -> str:
    """Return a change as a call of the AWS CLI."""
    if isinstance(change, AddRule):
        rule = change.rule
        words = [
            f"aws ec2 authorize-security-group-{'egress' if change.egress else 'ingress'} --group-id {change.group}",
            "--ip-permissions",
            _permission(rule.protocol, rule.from_port, rule.to_port, rule.cidr),
        ]
        return " ".join(words)
    if isinstance(change, AddEntry):
        entry = change.entry
        ports = (
            f" --port-range From={entry.from_port},To={entry.to_port}" if entry.protocol in WITH_PORTS else ""
        )
        icmp = (
            f" --icmp-type-code Type={entry.from_port},Code={entry.to_port}"
            if entry.protocol in {ICMP, ICMPV6}
            else ""
        )
        block = "--ipv6-cidr-block" if ":" in entry.cidr else "--cidr-block"
        return (
            f"aws ec2 create-network-acl-entry --network-acl-id {change.acl} --rule-number {entry.number} "
            f"--protocol {entry.protocol}{ports}{icmp} {block} {entry.cidr} --rule-action allow "
            f"{'--egress' if change.egress else '--ingress'}"
        )
    if isinstance(change, DeleteRoute):
        return f"aws ec2 delete-route --route-table-id {change.table} {_destination(change.destination)}"
    destination = change.route.destination
    tables = (table for vpc in network.vpcs for table in vpc.route_tables if table.id == change.table)
    verb = (
        "replace"
        if any(each.destination == destination for table in tables for each in table.routes)
        else "create"
    )
    option = _TARGET_OPTIONS.get(change.route.target.partition("-")[0], "--gateway-id")
    return (
        f"aws ec2 {verb}-route --route-table-id {change.table} {_destination(destination)} {option} "
        f"{change.route.target}"
    )


def _destination(destination: str) -> str:
    member = "--destination-ipv6-cidr-block" if ":" in destination else "--destination-cidr-block"
    return f"{member} {destination}"


def _permission(protocol: str, first: int, last: int, cidr: str) -> str:
    name = _NAMES.get(protocol, protocol)
    ports = f",FromPort={first},ToPort={last}" if protocol in {*WITH_PORTS, ICMP, ICMPV6} else ""
    ranges = f"Ipv6Ranges=[{{CidrIpv6={cidr}}}]" if ":" in cidr else f"IpRanges=[{{CidrIp={cidr}}}]"
    return f"'IpProtocol={name}{ports},{ranges}'"


def _connector(tx: Transaction, text: str) -> VpcConnector | None:
    found = vpc_connectors.where(tx, "by_arn", text)
    return found[0] if found and found[0].active else None


def _of_connector(tx: Transaction, connector: VpcConnector) -> Iterator[NetworkInterface]:
    """Yield the interfaces that instances of a service with this connector would have, one for each subnet."""
    for id in connector.subnets:
        subnet = subnets.get(tx, connector.account, connector.region, id)
        if subnet is not None and subnet.cidr:
            yield NetworkInterface(
                account=subnet.account, region=subnet.region, id=f"eni-in-{id}", vpc=subnet.vpc, subnet=id,
                zone=subnet.zone, zone_id=subnet.zone_id, description="", requester="", mac="",
                addresses=(_last_address(subnet),),
                groups=tuple((group, "") for group in connector.security_groups),
            )  # fmt: skip


def _last_address(subnet: Subnet) -> str:
    return str(ip_network(subnet.cidr)[-2])


def _target(tx: Transaction, text: str, source: NetworkInterface) -> tuple[str, NetworkInterface | None]:
    """Return the address that is meant, and the interface that has it if there is one."""
    if text.startswith("eni-"):
        interface = _interface(tx, text, source)
        addresses = (*interface.addresses, *interface.ipv6_addresses)
        own6 = bool(source.ipv6_addresses) and not source.addresses
        chosen = next((each for each in addresses if (":" in each) == own6), addresses[0])
        return chosen, interface
    try:
        address = str(ip_address(text))
    except ValueError:
        raise InvalidRequestError(
            f"{text!r} is neither an interface (eni-…) nor an address or API (aws:ec2)."
        ) from None
    for elastic in elastic_ips.where(tx, "ip", address):
        if elastic.interface:
            return address, network_interfaces.get(tx, elastic.account, elastic.region, elastic.interface)
    having = _having(tx, address)
    near = [each for each in having if each.vpc == source.vpc]
    return address, next(iter(near or having), None)


def _interface(tx: Transaction, text: str, source: NetworkInterface | None) -> NetworkInterface:
    """Return the interface of an id or a private address. Raises NotFoundError, InvalidRequestError."""
    if text.startswith("eni-"):
        found = [each for each in network_interfaces.scan(tx) if each.id == text]
    else:
        try:
            found = _having(tx, str(ip_address(text)))
        except ValueError:
            raise InvalidRequestError(
                f"{text!r} is no interface (eni-…), no address and no ARN of an active VPC connector."
            ) from None
    if source is not None:
        found = [each for each in found if each.vpc == source.vpc] or found
    if not found:
        raise NotFoundError(f"There is no interface {text} here, in any account or Region.")
    if len(found) > 1:
        meant = ", ".join(f"{each.id} in {each.vpc}" for each in found[:_MOST_MEANT])
        raise InvalidRequestError(f"Several interfaces have {text}: {meant}. Name one by its id.")
    return found[0]


def _having(tx: Transaction, address: str) -> list[NetworkInterface]:
    return [
        *network_interfaces.where(tx, "address", address),
        *(each for each in network_interfaces.scan(tx) if address in each.ipv6_addresses and ":" in address),
    ]


def _is_attached(tx: Transaction, interface: NetworkInterface) -> bool:
    return interface.kind != "interface" or (
        attached_programs.get(tx, interface.account, interface.region, interface.id) is not None
    )
