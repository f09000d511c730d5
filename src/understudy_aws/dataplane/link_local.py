"""What an interface finds without a route: itself, its VPC's resolver, the time, an instance's credentials, or nobody.

Packets for these addresses go to the machine they come from or to the router behind its link, which filters them by
nothing but protocol and port. No router leads them on.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from understudy_aws.dataplane.edge import CREDENTIALS_ADDRESS, CREDENTIALS_PORT
from understudy_aws.dataplane.hops import Hop, Refusal
from understudy_aws.dataplane.packets import TCP, UDP, Packet, within
from understudy_aws.dataplane.wanted import Interface, Vpc

RESOLVER, RESOLVER6 = "169.254.169.253", "fd00:ec2::253"
"""Where every VPC has its resolver, besides an address of its primary block (vpc-dns.md 19.1)."""

TIME_SERVICE = ("169.254.169.123", "fd00:ec2::123")
"""The addresses at which a router tells the time (EC2 User Guide, "Set the time reference")."""

METADATA = ("169.254.169.254", "fd00:ec2::254")
"""Where machines of EC2 have their metadata, which nothing here serves."""

LINK_LOCAL = "169.254.0.0/16"
"""The IPv4 block that no router leads packets of to another link (RFC 3927, section 7)."""

DNS, NTP = 53, 123
"""The ports of the two services."""

_OWN_MACHINE = ("127.0.0.0/8", "::1/128", "0.0.0.0/32", "::/128")
_OF_ONE_LINK = (LINK_LOCAL, "224.0.0.0/4", "255.255.255.255/32", "fe80::/10", "fd00:ec2::/32", "ff00::/8")


def resolvers(vpc: Vpc) -> tuple[str, ...]:
    """Return the addresses at which a VPC's router answers DNS: VPC+2, and those of one link (vpc-dns.md 19.1)."""
    return (str(ip_network(vpc.cidrs[0])[2]), RESOLVER, RESOLVER6)


def gateways(vpc: Vpc) -> dict[str, str]:
    """Return the addresses that a VPC's router has in its subnets, with the subnets."""
    blocks = ((ip_network(cidr), subnet.id) for subnet in vpc.subnets for cidr in subnet.cidrs)
    return {str(block[1]): subnet for block, subnet in blocks if block.version == 4}


def is_of_its_machine(interface: Interface, address: str) -> bool:
    """Whether packets from an interface to an address never leave its machine, which answers itself."""
    found = ip_address(address)
    return address in (*interface.addresses, *interface.local) or any(
        within(found, block) for block in _OWN_MACHINE
    )


def at_hand(vpc: Vpc, interface: Interface, packet: Packet) -> Hop | None:
    """Return what answers a packet before any route is asked; None where routes are. Raises Refusal."""
    address = packet.destination
    if is_of_its_machine(interface, address):
        return _itself(vpc, interface, packet)
    if address in resolvers(vpc):
        return _resolver(vpc, packet)
    if address in TIME_SERVICE:
        return _clock(vpc, packet)
    if address in gateways(vpc):
        why = f"{address} is its router in {gateways(vpc)[address]}, which takes no connections"
        raise _refusal(vpc, packet, why, "Connect to what is behind it.")
    if not any(within(ip_address(address), block) for block in _OF_ONE_LINK):
        return None
    if address == CREDENTIALS_ADDRESS:
        why = "only an instance of a service has its role's credentials there"
        raise _refusal(vpc, packet, why, f"{interface.id} is not that of an instance.")
    if address in METADATA:
        why = "no instance metadata is served here, and App Runner's instances have none"
        advice = f"An instance of a service has its role's credentials at {CREDENTIALS_ADDRESS}."
        raise _refusal(vpc, packet, why, advice)
    why = f"{address} is of one link, and no router leads packets for it on"
    raise _refusal(vpc, packet, why, "Connect to an address that is reached by routes.")


def _itself(vpc: Vpc, interface: Interface, packet: Packet) -> Hop:
    """Return the hop of a packet that no network sees: a machine answers itself."""
    why = "it is its own address, for which packets never leave it"
    if packet.destination in interface.local:
        port = f"TCP {CREDENTIALS_PORT}"
        why = f"its own: the credentials of its role are there at {port}, and nothing else"
        if (packet.protocol, packet.first, packet.last) == (TCP, CREDENTIALS_PORT, CREDENTIALS_PORT):
            why = "its own: the credentials of its role are there"
    elif packet.destination not in interface.addresses:
        why = f"{packet.destination} is each machine's own, and packets for it never leave it"
    return Hop(
        interface.id, passes=True, why=why, vpc=vpc.id, subnet=interface.subnet, interface=interface.id,
        packet=packet,
    )  # fmt: skip


def _resolver(vpc: Vpc, packet: Packet) -> Hop:
    if not vpc.dns.support:
        advice = f"aws ec2 modify-vpc-attribute --vpc-id {vpc.id} --enable-dns-support"
        raise _refusal(vpc, packet, "its EnableDnsSupport is off, so that it has no resolver", advice)
    if packet.protocol not in {TCP, UDP} or (packet.first, packet.last) != (DNS, DNS):
        why = f"its resolver answers at port {DNS} of UDP and TCP, and to nothing else"
        raise _refusal(vpc, packet, why, f"Ask for port {DNS} of {packet.destination}.")
    return _served(vpc, packet, "its resolver")


def _clock(vpc: Vpc, packet: Packet) -> Hop:
    if (packet.protocol, packet.first, packet.last) != (UDP, NTP, NTP):
        why = f"its time service answers at port {NTP} of UDP, and to nothing else"
        raise _refusal(vpc, packet, why, f"Ask for port {NTP} of {packet.destination} by UDP.")
    return _served(vpc, packet, "its time service")


def _served(vpc: Vpc, packet: Packet, what: str) -> Hop:
    why = f"{what} answers, which neither groups nor network ACLs filter"
    return Hop(vpc.id, passes=True, why=why, vpc=vpc.id, packet=packet)


def _refusal(vpc: Vpc, packet: Packet, why: str, advice: str) -> Refusal:
    hop = Hop(vpc.id, passes=False, why=why, code="NO_POSSIBLE_DESTINATION", vpc=vpc.id, packet=packet)
    return Refusal(hop, advice=advice)
