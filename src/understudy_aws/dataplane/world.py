"""What becomes of a packet on the internet that is for no VPC here: AWS's APIs, the real internet, or nobody."""

from __future__ import annotations

from ipaddress import ip_address

from understudy_aws.dataplane.edge import API_ADDRESSES, API_PORTS, KEPT_FROM_THE_WORLD, PUBLIC_BLOCKS
from understudy_aws.dataplane.hops import Hop, Refusal
from understudy_aws.dataplane.packets import TCP, Packet, within
from understudy_aws.dataplane.wanted import Network

_APIS, _INTERNET = "AWS's APIs", "internet"


def arrival_in_the_world(packet: Packet, network: Network) -> Hop:
    """Return the last hop of a packet that leaves the VPCs. Raises Refusal."""
    address = ip_address(packet.destination)
    if packet.destination in API_ADDRESSES.values():
        heard = packet.protocol == TCP and packet.first in API_PORTS and packet.last in API_PORTS
        ports = " and ".join(map(str, API_PORTS))
        why = "this server's" if heard else f"this server's, which listens at TCP {ports} alone"
        return Hop(_APIS, passes=True, why=f"{why}, seen from {packet.source}", packet=packet)
    if any(within(address, block) for block in PUBLIC_BLOCKS):
        why = f"{packet.destination} is nobody's here"
        advice = "Public addresses of this machine's VPCs are of this block, and nobody has this one."
    elif any(within(address, block) for block in (*KEPT_FROM_THE_WORLD, *network.machine)):
        why = f"{packet.destination} is of one link or one machine, and no packet for it gets out"
        advice = "Connect to an address that is reached by routes."
    elif not network.world:
        why = "nothing carries packets to the real internet"
        advice = "`understudy doctor` says what would reach the real internet from here."
    else:
        why = f"{packet.destination} through this machine, which the world sees instead of {packet.source}"
        return Hop(_INTERNET, passes=True, why=why, packet=packet)
    code = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    raise Refusal(Hop(_INTERNET, passes=False, why=why, code=code, packet=packet), advice=advice)
