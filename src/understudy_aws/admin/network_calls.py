"""Changes of a network as calls of the AWS CLI."""

from __future__ import annotations

from understudy_aws.dataplane.changes import AddEntry, AddRule, Change, DeleteRoute
from understudy_aws.dataplane.packets import ICMP, ICMPV6, TCP, UDP, WITH_PORTS
from understudy_aws.dataplane.wanted import Network, SecurityGroupRule

NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "icmpv6": ICMPV6}
NAMES = {number: name for name, number in NUMBERS.items()}
_TARGET_OPTIONS = {
    "eigw": "--egress-only-internet-gateway-id",
    "eni": "--network-interface-id",
    "nat": "--nat-gateway-id",
    "pcx": "--vpc-peering-connection-id",
}


def call_of(network: Network, change: Change) -> str:
    """Return a change as a call of the AWS CLI."""
    if isinstance(change, AddRule):
        rule = change.rule
        words = [
            f"aws ec2 authorize-security-group-{'egress' if change.egress else 'ingress'} --group-id {change.group}",
            "--ip-permissions",
            _permission(rule),
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


def _permission(rule: SecurityGroupRule) -> str:
    name = NAMES.get(rule.protocol, rule.protocol)
    ports = (
        f",FromPort={rule.from_port},ToPort={rule.to_port}"
        if rule.protocol in {*WITH_PORTS, ICMP, ICMPV6}
        else ""
    )
    if rule.group:
        peer = f"UserIdGroupPairs=[{{GroupId={rule.group}}}]"
    elif ":" in rule.cidr:
        peer = f"Ipv6Ranges=[{{CidrIpv6={rule.cidr}}}]"
    else:
        peer = f"IpRanges=[{{CidrIp={rule.cidr}}}]"
    return f"'IpProtocol={name}{ports},{peer}'"
