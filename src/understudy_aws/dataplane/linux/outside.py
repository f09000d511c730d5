"""The way to the world: a program that carries packets from the namespace `internet` to sockets of this machine.

pasta and slirp4netns do that for any user, and leave the machine's own links, routes and filters alone, which is why
root has them, too. The program lives in the holder's process namespace, so that it goes on when the node ends, and ends
when the holder does. Its link goes with it: where the link is, it runs.

What it opens are sockets of this machine, which reach what the machine itself is: the filter here lets nothing pass to
addresses of the machine, to those that are valid on one link alone, as the metadata services of clouds are, or to those
that mean another address (an IPv4 address written as IPv6).
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_interface, ip_network
from pathlib import Path
from socket import AF_INET, AF_INET6

import msgspec

from understudy_aws.dataplane.edge import KEPT_FROM_THE_WORLD
from understudy_aws.dataplane.linux import expressions as x
from understudy_aws.dataplane.linux import nftables, routing
from understudy_aws.dataplane.linux.names import OUTSIDE
from understudy_aws.dataplane.linux.netlink import Message, NetlinkError, NetlinkSocket
from understudy_aws.dataplane.processes import start_of

NOT_INSTALLED = (
    "neither pasta nor slirp4netns is installed (`sudo apt install passt`, or `sudo dnf install passt`)"
)
"""Why nothing carries packets where no program can."""

DEVICE = "/dev/net/tun"
"""What a carrier makes its link with; most systems let every user open it."""

Block = IPv4Network | IPv6Network

# The halves of all addresses, which win over the route that says there is no way.
_EVERYWHERE = {4: ("0.0.0.0/1", "128.0.0.0/1"), 6: ("::/1", "8000::/1")}
_ICMPV6, _ROUTER_SOLICITATION, _REDIRECT = 58, 133, 137
_LOG_BYTES = 4096


class Carrier(msgspec.Struct, frozen=True):
    """A program that carries packets; `arguments` makes its arguments from the path of a network namespace.

    `ends` are, by version of IP, the address of our end of its link and the one behind which it takes packets.
    """

    program: str
    arguments: Callable[[str], Sequence[str]]
    ends: Mapping[int, tuple[str, str]]


_PASTA = {4: ("169.254.2.2/24", "169.254.2.1"), 6: ("fd00:a9fe:2::2/64", "fd00:a9fe:2::1")}
# The last number of the second address is not ours to choose, nor is the IPv6 block.
_SLIRP4NETNS = {4: ("169.254.2.100/24", "169.254.2.2"), 6: ("fd00::100/64", "fd00::2")}


def _pasta(namespace: str) -> Sequence[str]:
    # By default the gateway's address means this machine's loopback, and what listens here listens there, too.
    here, here6 = ip_interface(_PASTA[4][0]), ip_interface(_PASTA[6][0])
    return (
        "--foreground", "--quiet", "--stderr", "--ns-ifname", OUTSIDE, "--no-map-gw",
        "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
        "--no-dhcp", "--no-dhcpv6", "--no-ra",
        "--address", str(here.ip), "--netmask", str(here.network.prefixlen), "--gateway", _PASTA[4][1],
        "--address", str(here6.ip), "--netns", namespace,
    )  # fmt: skip


def _slirp4netns(namespace: str) -> Sequence[str]:
    return (
        "--disable-host-loopback", "--disable-dns", "--enable-ipv6",
        "--cidr", str(ip_interface(_SLIRP4NETNS[4][0]).network), "--netns-type=path", namespace, OUTSIDE,
    )  # fmt: skip


CARRIERS = (Carrier("pasta", _pasta, _PASTA), Carrier("slirp4netns", _slirp4netns, _SLIRP4NETNS))


class Running(msgspec.Struct, frozen=True):
    """A carrier that runs: its program, process number, and what tells it from others of that number."""

    program: str
    pid: int
    started: str

    @property
    def runs(self) -> bool:
        """Whether it still runs."""
        return bool(self.started) and start_of(self.pid) == self.started


def installed() -> Iterator[tuple[Carrier, str]]:
    """Yield the carriers that this machine has with their paths, the one to take first."""
    for carrier in CARRIERS:
        # Administrators' folders are not on every user's path.
        path = shutil.which(carrier.program) or shutil.which(carrier.program, path="/usr/bin:/usr/sbin:/sbin")
        if path:
            yield carrier, path


def obstacle() -> str:
    """Return why nothing can carry packets to the world for this user; empty when something can, as far as is seen."""
    carrier = next((carrier.program for carrier, _ in installed()), "")
    if not carrier:
        return NOT_INSTALLED
    if not os.access(DEVICE, os.W_OK):
        return f"{carrier} can't open {DEVICE}; `sudo chmod 666 {DEVICE}` would change that"
    return ""


def start(carrier: Carrier, path: str, namespace: Path, holder: int, log: Path) -> Running:
    """Start a carrier for a network namespace in the process namespace of a holder.

    The caller must have entered the holder's other namespaces.
    """
    words = [path, *carrier.arguments(str(namespace))]
    with log.open("wb") as errors:
        launched = subprocess.run(  # noqa: S603 - a program found by name among a few
            [sys.executable, "-m", "understudy_aws.dataplane.linux.launch", str(holder), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, check=False,
        )  # fmt: skip
    said = launched.stdout.decode().strip()
    pid = int(said) if said.isdigit() else 0
    return Running(carrier.program, pid, start_of(pid) if pid else "")


def last_words(log: Path) -> str:
    """Return the last line of what a carrier said."""
    with suppress(OSError):
        lines = log.read_bytes()[-_LOG_BYTES:].decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""
    return ""


def end(running: Running) -> None:
    """End a carrier, and with it its link."""
    if running.runs:
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)


def remove_link() -> None:
    """Take a carrier's link out of this namespace, if there is one."""
    rtnetlink = NetlinkSocket(routing.NETLINK_ROUTE)
    try:
        rtnetlink.request([routing.delete_link(OUTSIDE)], ignored={errno.ENODEV})
    finally:
        rtnetlink.close()


def link_is_there() -> bool:
    """Whether this namespace has a carrier's link."""
    sockets = NetlinkSocket(routing.NETLINK_ROUTE)
    try:
        sockets.ask(routing.get_link(OUTSIDE))
    except NetlinkError:
        return False
    finally:
        sockets.close()
    return True


def configure_link(carrier: Carrier, versions: Iterable[int]) -> None:
    """Bring the carrier's link in this namespace up, with its addresses and the routes to everywhere."""
    rtnetlink = NetlinkSocket(routing.NETLINK_ROUTE)
    try:
        index = routing.found_link(rtnetlink.ask(routing.get_link(OUTSIDE)).body).index
        rtnetlink.request([routing.configure_link(index, ""), routing.link_up(index)])
        messages = []
        for version in versions:
            here, gateway = carrier.ends[version]
            messages.append(routing.address(index, ip_interface(here)))
            through = ip_address(gateway)
            messages += [
                routing.route(ip_network(each), routing.MAIN_TABLE, index=index, gateway=through)
                for each in _EVERYWHERE[version]
            ]
        rtnetlink.request(messages, ignored={errno.EEXIST})
    finally:
        rtnetlink.close()


def ways_of_this_machine() -> tuple[frozenset[Block], frozenset[int]]:
    """Return the blocks that this machine itself has, and the versions of IP in which it has a way to the world.

    Asked in the machine's own network namespace.
    """
    rtnetlink = NetlinkSocket(routing.NETLINK_ROUTE)
    blocks, versions = set(), set()
    try:
        for family, version in ((AF_INET, 4), (AF_INET6, 6)):
            for message in rtnetlink.dump(routing.get_routes(family)):
                found = routing.found_route(message.body)
                block = ip_network(found.destination)
                if found.is_here:
                    blocks.add(block)
                elif not block.prefixlen and found.kind == routing.UNICAST:
                    versions.add(version)
    finally:
        rtnetlink.close()
    return frozenset(blocks), frozenset(versions)


def filter_messages(own: Iterable[Block]) -> list[Message]:
    """Return one transaction that puts the filter of the carrier's link in the place of the one there was."""
    drop, accept = x.verdict(x.DROP), x.verdict(x.ACCEPT)
    to_world, from_world = x.output_link_is(OUTSIDE), x.input_link_is(OUTSIDE)
    neighbours = x.protocol_is(_ICMPV6) + x.icmp_type_within(_ROUTER_SOLICITATION, _REDIRECT)
    refused = sorted({*map(ip_network, KEPT_FROM_THE_WORLD), *own}, key=lambda block: (block.version, block))
    forward = [
        ("answers accept", from_world + x.connection_tracked() + accept),
        ("from the world drop", from_world + drop),
        *((f"to {block} drop", to_world + _to(block) + drop) for block in refused),
    ]
    chains = (
        ("forward", "filter", "forward", 0, forward),
        (
            "input",
            "filter",
            "input",
            0,
            [("neighbours accept", neighbours + accept), ("from the world drop", from_world + drop)],
        ),
        ("postrouting", "nat", "postrouting", 100, [("one address for all", to_world + x.masquerade())]),
    )
    messages = [nftables.new_table(OUTSIDE), nftables.delete_table(OUTSIDE), nftables.new_table(OUTSIDE)]
    for name, kind, hook, priority, rules in chains:
        messages.append(
            nftables.new_base_chain(
                OUTSIDE, f"world_{name}", kind=kind, hook=hook, priority=priority, policy=x.ACCEPT
            )
        )
        messages += [
            nftables.new_rule(OUTSIDE, f"world_{name}", comment, expressions)
            for comment, expressions in rules
        ]
    return messages


def filter_of_own_messages(own: Iterable[Block]) -> list[Message]:
    """Return the same for a namespace whose own processes go out by the link, of which no packets are forwarded."""
    drop, accept = x.verdict(x.DROP), x.verdict(x.ACCEPT)
    to_world, from_world = x.output_link_is(OUTSIDE), x.input_link_is(OUTSIDE)
    neighbours = x.protocol_is(_ICMPV6) + x.icmp_type_within(_ROUTER_SOLICITATION, _REDIRECT)
    refused = sorted({*map(ip_network, KEPT_FROM_THE_WORLD), *own}, key=lambda block: (block.version, block))
    output = [
        ("neighbours accept", to_world + neighbours + accept),
        *((f"to {block} drop", to_world + _to(block) + drop) for block in refused),
    ]
    inputs = [
        ("answers accept", from_world + x.connection_tracked() + accept),
        ("neighbours accept", from_world + neighbours + accept),
        ("from the world drop", from_world + drop),
    ]
    messages = [nftables.new_table(OUTSIDE)]
    for hook, rules in (("output", output), ("input", inputs)):
        messages.append(
            nftables.new_base_chain(
                OUTSIDE, f"world_{hook}", kind="filter", hook=hook, priority=0, policy=x.ACCEPT
            )
        )
        messages += [nftables.new_rule(OUTSIDE, f"world_{hook}", comment, rule) for comment, rule in rules]
    return messages


def rules_in(messages: Iterable[Message]) -> int:
    """Return how many rules a transaction makes."""
    return sum(1 for message in messages if nftables.is_new_rule(message))


def has_filter(rules: int) -> bool:
    """Whether this namespace has the filter, with so many rules."""
    netfilter = NetlinkSocket(nftables.NETLINK_NETFILTER)
    try:
        return sum(1 for _ in netfilter.dump(nftables.get_rules(OUTSIDE))) == rules
    except NetlinkError:
        return False
    finally:
        netfilter.close()


def commit(messages: Sequence[Message]) -> None:
    """Carry out a transaction in this namespace."""
    netfilter = NetlinkSocket(nftables.NETLINK_NETFILTER)
    try:
        netfilter.commit(nftables.begin(), messages, nftables.end())
    finally:
        netfilter.close()


def _to(block: Block) -> bytes:
    family = x.NFPROTO_IPV4 if block.version == 4 else x.NFPROTO_IPV6
    return x.family_is(family) + x.address_within(block, source=False)
