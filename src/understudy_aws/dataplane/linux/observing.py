"""What a namespace holds: read whole, or only as far as tells whether it is as it was.

Reading everything costs what there is; whether anything changed is told by the bytes of the kernel's own answers about
links, addresses and routes, and by the number that it gives each state of the packet filter.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from socket import AF_INET, AF_INET6, AF_UNSPEC

from understudy_aws.dataplane.linux import nftables, routing, sysctls
from understudy_aws.dataplane.linux.names import OUTSIDE, RECORDED, TABLE
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.linux.objects import (
    Address,
    BaseChain,
    Chain,
    Element,
    FilterSet,
    IdleTimeout,
    MarkRule,
    Object,
    Route,
    Rule,
    Veth,
)

_HOOK_NAMES = {number: name for name, number in nftables.HOOKS.items()}
_OWN_ADDRESSES = {"127.0.0.1/8", "::1/128"}
_FAMILIES = {AF_INET, AF_INET6}


class Sockets:
    """The sockets to the kernel in one namespace."""

    def __init__(self) -> None:
        self.routing = NetlinkSocket(routing.NETLINK_ROUTE)
        self.filter = NetlinkSocket(nftables.NETLINK_NETFILTER)

    def close(self) -> None:
        """Close both."""
        self.routing.close()
        self.filter.close()


class Look:
    """A look at the namespace in which the calling thread is, and in which the sockets were made.

    `plumbing` tells its links, addresses, routes and settings from others, `filter` the state of its packet filter.
    Both are numbers of this running kernel, and mean nothing to another.
    """

    def __init__(self, sockets: Sockets) -> None:
        ask = sockets.routing.dump_bodies
        # Before anything is read, so that a change meanwhile is seen by the next look.
        self.filter = generation(sockets.filter)
        self._links = ask(routing.get_links())
        self._addresses = ask(routing.get_addresses())
        self._routes = ask(routing.get_routes(AF_UNSPEC))
        self._rules = ask(routing.get_rules(AF_UNSPEC))
        own = next(body for body in self._links if routing.link_index(body) == routing.LOOPBACK)
        self._router = routing.found_link(own).alias == sysctls.ROUTER
        self._settings = sysctls.values(router=self._router)
        bodies = (*self._links, *self._addresses, *self._routes, *self._rules)
        settings = repr(self._settings).encode()
        self.plumbing = blake2b(b"".join(bodies) + settings, digest_size=16).digest()

    def objects(self, namespace: str) -> Iterator[Object]:
        """Yield the links, addresses, routes and rules that are not the kernel's own, and what settings were changed.

        Nor what hangs on the way to the world, with which it is made and goes (`outside.py`).
        """
        links = {link.index: link for link in map(routing.found_link, self._links)}
        yield from sysctls.changed(namespace, self._settings, links.values(), router=self._router)
        for each in links.values():
            # A crash may have left a pair of which an end was not brought up yet: it is made again.
            if each.alias and each.both_up and each.index != routing.LOOPBACK:
                yield _veth(namespace, each)
        for body in self._addresses:
            found = routing.found_address(body)
            link = links[found.index].name
            if found.address not in _OWN_ADDRESSES and link != OUTSIDE:
                yield Address(namespace, link, found.address)
        for body in self._routes:
            if body[0] in _FAMILIES and not routing.is_of_the_kernel(body):
                route = routing.found_route(body)
                through = links[route.index].name if route.index and route.kind == routing.UNICAST else ""
                if through != OUTSIDE:
                    yield Route(namespace, route.table, route.destination, through, route.gateway, route.kind)
        for body in self._rules:
            rule = routing.found_mark_rule(body) if body[0] in _FAMILIES else None
            if rule is not None:
                yield MarkRule(namespace, *rule)


def generation(sockets: NetlinkSocket) -> int:
    """Return the number of the state of a namespace's packet filter, which every change raises by one."""
    return nftables.found_generation(sockets.ask(nftables.get_generation()))


def filter_objects(namespace: str, sockets: NetlinkSocket) -> Iterator[Object]:
    """Yield the chains, sets and elements of a namespace."""
    chains = [nftables.found_chain(each) for each in sockets.dump(nftables.get_chains())]
    if not any(chain.table == TABLE for chain in chains):
        return
    rules: dict[str, list[Rule]] = {}
    for message in sockets.dump(nftables.get_rules(TABLE)):
        chain, comment = nftables.found_rule(message)
        rules.setdefault(chain, []).append(Rule(comment))
    for found in chains:
        if found.table == TABLE:
            base = BaseChain("", _HOOK_NAMES[found.hook], 0, 0) if found.hook is not None else None
            yield Chain(namespace, found.name, tuple(rules.get(found.name, ())), base)
    for protocol, seconds in map(nftables.found_timeout, sockets.dump(nftables.get_timeouts(TABLE))):
        yield IdleTimeout(namespace, protocol, seconds)
    for name in [nftables.found_set(each) for each in sockets.dump(nftables.get_sets(TABLE))]:
        yield FilterSet(namespace, name, None)
        if name.startswith(RECORDED):
            # What rules have put in is nobody's wish.
            continue
        for message in sockets.dump(nftables.get_elements(TABLE, name)):
            for key, value in nftables.found_elements(message):
                yield Element(namespace, name, key, value)


def alias(veth: Veth) -> str:
    """Return what a link says about its other end."""
    return f"{veth.peer_namespace} {veth.peer} {veth.peer_mac}"


def _veth(namespace: str, link: routing.FoundLink) -> Veth:
    peer_namespace, peer, mac = link.alias.split(" ", 2)
    return Veth(namespace, link.name, peer_namespace, peer, mac, link.mtu, link.deaf)
