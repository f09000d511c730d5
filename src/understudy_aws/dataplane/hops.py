"""What comes of a connection: what its packets meet, what refuses them, and what would let them pass."""

from __future__ import annotations

import msgspec

from understudy_aws.dataplane.changes import Change
from understudy_aws.dataplane.packets import Packet


class Hop(msgspec.Struct, frozen=True):
    """One thing that a packet meets: its id, whether it lets the packet on, and why.

    at         a route table, a network ACL, a gateway; of security groups those of the interface, or the one that has
               the rule
    code       of what refuses: the code that Reachability Analyzer has for it
    egress     of groups and network ACLs: the packet goes out, not in
    rule       the rule of a security group that admits it
    entry      the number of the entry of a network ACL that decides; 0 where none of its entries does
    route      the destination of the route that is taken
    target     where that route leads
    packet     the packet as it arrives there
    leaving    the packet as it goes on, where its addresses are translated
    """

    at: str
    passes: bool
    why: str
    code: str = ""
    vpc: str = ""
    subnet: str = ""
    interface: str = ""
    egress: bool = False
    rule: str = ""
    entry: int = 0
    route: str = ""
    target: str = ""
    packet: Packet | None = None
    leaving: Packet | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What comes of a connection: what its packets meet, up to what refuses them, and a change that gets past that.

    There is no `change` where none of these kinds helps; `advice` then says what would.
    """

    passes: bool
    hops: tuple[Hop, ...]
    change: Change | None = None
    advice: str = ""


class Refusal(Exception):
    """A hop does not let a packet on."""

    def __init__(self, hop: Hop, change: Change | None = None, advice: str = "") -> None:
        super().__init__(hop.why)
        self.hop = hop
        self.change = change
        self.advice = advice
