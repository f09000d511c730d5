"""Network ACLs as chains: packets over the border of a subnet pass the entries of its ACL, each packet by itself.

Each subnet has two chains, for packets out of it and into it, which its links lead to. They let through what stays in
the subnet and hand the rest to the chain of the ACL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from understudy_aws.dataplane.linux.expressions import (
    DROP,
    JUMP,
    RETURN,
    input_link_in,
    interface_name,
    output_link_in,
    verdict,
)
from understudy_aws.dataplane.linux.matches import ALL_PROTOCOLS, block_match, service_match, service_text
from understudy_aws.dataplane.linux.names import link_of, subnet_links
from understudy_aws.dataplane.linux.nftables import INTERFACE_NAME, VERDICT
from understudy_aws.dataplane.linux.objects import Chain, Element, FilterSet, Object, Rule
from understudy_aws.dataplane.wanted import Interface, NetworkAcl, NetworkAclEntry, Vpc

OUT_MAP, IN_MAP = "out_of_subnet", "into_subnet"
_OUT, _IN = "out", "in"
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}


def network_acl_objects(vpc: Vpc) -> Iterator[Object]:
    """Yield the chains, maps and sets that filter the packets over the borders of a VPC's subnets."""
    yield FilterSet(vpc.id, OUT_MAP, INTERFACE_NAME, VERDICT)
    yield FilterSet(vpc.id, IN_MAP, INTERFACE_NAME, VERDICT)
    for acl in vpc.network_acls:
        yield _acl(vpc.id, acl.id, _OUT, acl)
        yield _acl(vpc.id, acl.id, _IN, acl)
    for subnet in vpc.subnets:
        yield FilterSet(vpc.id, subnet_links(subnet.id), INTERFACE_NAME)
        inside = verdict(RETURN)
        for direction, match in ((_OUT, output_link_in), (_IN, input_link_in)):
            acl_chain = f"{direction}_{subnet.network_acl}"
            yield Chain(
                vpc.id,
                f"{direction}_{subnet.id}",
                (
                    Rule("within the subnet", match(subnet_links(subnet.id)) + inside),
                    Rule(f"jump {acl_chain}", verdict(JUMP, acl_chain)),
                ),
            )


def filtered_versions(vpc: Vpc, *, outgoing: bool) -> tuple[int, ...]:
    """Return the versions of IP of which some network ACL of a VPC's subnets may drop packets of a direction."""
    used = {subnet.network_acl for subnet in vpc.subnets}
    acls = [each for each in vpc.network_acls if each.id in used]
    return tuple(
        version
        for version, everywhere in _EVERYWHERE.items()
        if not all(_lets_all_pass(acl.egress if outgoing else acl.ingress, everywhere) for acl in acls)
    )


def _lets_all_pass(entries: Sequence[NetworkAclEntry], everywhere: str) -> bool:
    """Whether the first entry for a version of IP, which is asked before all others of it, is for all its packets."""
    version = ip_network(everywhere).version
    own = [each for each in entries if ip_network(each.cidr).version == version]
    first = min(own, key=lambda each: each.number, default=None)
    return first is not None and first.allow and (first.protocol, first.cidr) == (ALL_PROTOCOLS, everywhere)


def interface_acls(namespace: str, interface: Interface) -> Iterator[Element]:
    """Yield what leads the packets of an interface to the chains of its subnet."""
    link = interface_name(link_of(interface.id))
    yield Element(namespace, subnet_links(interface.subnet), link)
    yield Element(namespace, OUT_MAP, link, f"{_OUT}_{interface.subnet}")
    yield Element(namespace, IN_MAP, link, f"{_IN}_{interface.subnet}")


def _acl(namespace: str, acl: str, direction: str, given: NetworkAcl) -> Chain:
    entries = given.egress if direction == _OUT else given.ingress
    rules = [_rule(entry, source=direction == _IN) for entry in sorted(entries, key=lambda each: each.number)]
    return Chain(namespace, f"{direction}_{acl}", (*rules, Rule("* drop", verdict(DROP))))


def _rule(entry: NetworkAclEntry, *, source: bool) -> Rule:
    end = "return" if entry.allow else "drop"
    return Rule(
        f"{entry.number} {service_text(entry.protocol, entry.from_port, entry.to_port)} {entry.cidr} {end}",
        block_match(entry.cidr, source=source)
        + service_match(entry.protocol, entry.from_port, entry.to_port)
        + verdict(RETURN if entry.allow else DROP),
    )
