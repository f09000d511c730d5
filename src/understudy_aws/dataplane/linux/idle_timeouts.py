"""After how long idle connections are forgotten, where interfaces have time-outs of their own.

On AWS each end of a connection forgets it by itself. A router has one entry for both ends: the shortest time-out counts
that is set for either of them, and where none is set, AWS's own (network-interfaces.md 9.1). A connection has the one
that counted when it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux.names import link_of
from understudy_aws.dataplane.linux.nftables import INTERFACE_NAME
from understudy_aws.dataplane.linux.objects import (
    BaseChain,
    Chain,
    Element,
    FilterSet,
    IdleTimeout,
    Object,
    Rule,
)
from understudy_aws.dataplane.wanted import IdleTimeouts, Interface

UDP_STREAM_SECONDS = 180
"""AWS's own for UDP with more than one answer, where Linux has 120; that of other UDP is 30 for both, of TCP 5 days."""

_UDP_SECONDS = 30
_TCP, _UDP = 6, 17


def idle_timeout_objects(namespace: str, wanted: Iterable[IdleTimeouts]) -> Iterator[Object]:
    """Yield what forgets idle connections of interfaces with these time-outs; nothing where there are none."""
    timeouts = {each for given in wanted for each in _timeouts(namespace, given)}
    if not timeouts:
        return
    rules = [Rule("established accept", x.connection_tracked() + x.verdict(x.ACCEPT))]
    # The last one that is set counts.
    for each in sorted(timeouts, key=lambda each: each.seconds[::-1], reverse=True):
        yield each
        yield FilterSet(namespace, _links(each), INTERFACE_NAME)
        for way, match in (("from", x.input_link_in), ("to", x.output_link_in)):
            rules.append(
                Rule(
                    f"{each.name} {way}",
                    x.protocol_is(each.protocol) + match(_links(each)) + x.forget_connection_after(each.name),
                )
            )
    yield Chain(namespace, "idle_timeouts", tuple(rules), BaseChain("filter", "forward", 30, x.ACCEPT))


def interface_idle_timeouts(namespace: str, interface: Interface) -> Iterator[Element]:
    """Yield what gives connections of an interface its time-outs."""
    for each in _timeouts(namespace, interface.idle_timeouts):
        yield Element(namespace, _links(each), x.interface_name(link_of(interface.id)))


def _timeouts(namespace: str, given: IdleTimeouts) -> Iterator[IdleTimeout]:
    if given.tcp_established:
        yield IdleTimeout(namespace, _TCP, (given.tcp_established,))
    if given.udp or given.udp_stream:
        seconds = given.udp or _UDP_SECONDS, given.udp_stream or UDP_STREAM_SECONDS
        yield IdleTimeout(namespace, _UDP, seconds)


def _links(timeout: IdleTimeout) -> str:
    return f"idle_{timeout.name}"
