"""Flows as the fabric sees them: what the groups and network ACLs let through of an interface's packets, and what not.

flow-logs.md 13.3: each direction is a flow of its own, and each interface says what became of a packet at it.
"""

from __future__ import annotations

import os
import signal
import time

from msgspec.structs import replace
from networks import TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.messages import Flows, GetFlows, WatchFlows
from understudy_aws.dataplane.wanted import Network, NetworkAcl, Route

SEND = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
for number in range(int(sys.argv[4])): s.sendto(b"x" * int(sys.argv[3]), (sys.argv[1], int(sys.argv[2]) ))
"""
SCAN = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(1, 1 + int(sys.argv[2])):
    for again in range(50):
        try: s.sendto(b"x", (sys.argv[1], port)); break
        except BlockingIOError: pass
"""
LISTEN = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2]))); print("listening", flush=True)
while True: s.recv(2000)
"""


def site(*, logged: bool = True, acl: NetworkAcl | None = None) -> Network:
    """Two interfaces in two subnets, of which the second lets in port 80 of TCP and port 53 of UDP."""
    more = {"flow_intervals": (60,), "flow_place": "here"} if logged else {}
    return Network(
        vpcs=(
            vpc(
                "vpc-a",
                interface("a", "vpc-a-subnet-1", "10.0.1.10", "fd00:a:0:1::a", **more),
                interface("b", "vpc-a-subnet-2", "10.0.2.10", "fd00:a:0:2::b", groups=("sg-db",), **more),
                cidrs=("10.0.0.0/16", "fd00:a::/56"),
                subnet_cidrs6={1: ("fd00:a:0:1::/64",), 2: ("fd00:a:0:2::/64",)},
                groups=(
                    group("sg-app"),
                    group("sg-db", rule(TCP, 80), rule("17", 53), rule("17", 53, cidr="::/0"), rule("1")),
                ),
                acls=(acl,) if acl is not None else (),
                subnet_acls={2: acl.id} if acl is not None else {},
            ),
        ),
        flow_seconds=1,
    )


class Reader:
    """Fetches windows as a server does."""

    def __init__(self, running) -> None:
        self.running = running
        self.after = GetFlows()
        self.windows = []

    def fetch(self) -> None:
        answer = self.running.client.ask(self.after)
        assert isinstance(answer, Flows)
        assert answer.node == self.after.node or not self.after.node, (
            "a new node goes on where the last one was"
        )
        self.windows += answer.windows
        if answer.windows:
            self.after = GetFlows(answer.node, answer.windows[-1].number)

    def flows(
        self, interface: str, port: int, packets: int = 1
    ) -> dict[tuple[bool, bool], tuple[int, int, int]]:
        """Packets, bytes and flags of the flows from or to a port, by direction and whether they were accepted.

        Waits until the interface has told so many packets.
        """
        until = time.monotonic() + 15
        while True:
            self.fetch()
            found: dict[tuple[bool, bool], tuple[int, int, int]] = {}
            for window in self.windows:
                assert window.place == "here"
                for each in window.flows if window.interface == interface else ():
                    if port in {each.flow.source_port, each.flow.destination_port}:
                        key = (each.flow.incoming, each.accepted)
                        known = found.get(key, (0, 0, 0))
                        found[key] = (known[0] + each.packets, known[1] + each.bytes, known[2] | each.flags)
            if sum(each[0] for each in found.values()) >= packets or time.monotonic() > until:
                return found
            time.sleep(0.1)


IN, OUT = True, False
ACCEPTED, REJECTED = True, False


def test_each_interface_tells_what_became_of_a_packet_at_it(running):
    running.want(site())
    assert running.passes("eni-a", "10.0.2.10", 80), "answered with a reset, since nothing listens"
    assert running.drops("eni-a", "10.0.2.10", 81)
    reader = Reader(running)
    passed = {(OUT, ACCEPTED): (1, 60, 2), (IN, ACCEPTED): (1, 40, 4)}
    assert passed == reader.flows("eni-a", 80, 2)
    assert {(not incoming, let): each for (incoming, let), each in passed.items()} == reader.flows(
        "eni-b", 80, 2
    )
    rejected = reader.flows("eni-b", 81)
    assert {(IN, REJECTED)} == rejected.keys(), "the group of the second interface lets nobody in there"
    assert {(OUT, ACCEPTED)} == reader.flows("eni-a", 81).keys(), (
        "the group of the first one lets everything out"
    )


def test_a_network_acl_that_drops_answers_is_told_as_that(running):
    """The request is accepted and its answer rejected, as in AWS's example of stateless network ACLs."""
    acl = NetworkAcl(id="acl-one-way", ingress=(entry(100),), egress=(entry(100, allow=False),))
    running.want(site(acl=acl))
    assert running.drops("eni-a", "10.0.2.10", 80)
    found = Reader(running).flows("eni-b", 80, 2)
    assert {(IN, ACCEPTED), (OUT, REJECTED)} == found.keys()


def test_packets_and_bytes_are_exact_in_both_families(running):
    running.want(site())
    reader = Reader(running)
    for address, header in (("10.0.2.10", 28), ("fd00:a:0:2::b", 48)):
        listening = running.python("eni-b", LISTEN, address, "53")
        assert listening.line() == "listening", listening.finish().stderr
        assert running.python("eni-a", SEND, address, "53", "100", "250").finish().returncode == 0
        found = reader.flows("eni-b", 53, 250)
        assert {(IN, ACCEPTED): (250, 250 * (100 + header), 0)} == found
        listening.process.kill()
        listening.finish()
        reader.windows.clear()


def test_nothing_counts_packets_where_nothing_is_logged(running):
    running.want(site(logged=False))
    count = "print(*[chain.name for chain in map(nft.found_chain, filters.dump(nft.get_chains()))], file=open('/dev/stderr', 'w'))"
    unlogged = chains(running, count)
    running.want(site())
    added = chains(running, count) - unlogged
    assert {name.partition("_")[0] for name in added} == {"record"}
    running.want(site(logged=False))
    assert unlogged == chains(running, count)
    assert running.passes("eni-a", "10.0.2.10", 80)
    reader = Reader(running)
    reader.fetch()
    assert [] == reader.windows


def chains(running, code: str) -> set[str]:
    """The chains of the router."""
    place = running.directory / "chains"
    running.damage("vpc-a", code.replace("'/dev/stderr'", repr(str(place))))
    found = set(place.read_text().split())
    place.unlink()
    return found


def test_what_is_told_is_not_put_right(running):
    """Flows in the sets are no drift."""
    running.want(site())
    for port in range(80, 90):
        running.drops("eni-a", "10.0.2.10", port)
    # Several looks at the network.
    time.sleep(1)
    assert 0 == running.status().repaired


def test_a_flood_is_bounded_and_what_is_in_no_flow_is_counted(running):
    """A scan of more ports than a set holds flows: some are flows, and the others are told as skipped."""
    running.want(site())
    ports = 20_000
    done = running.python("eni-a", SCAN, "10.0.2.10", str(ports)).finish(60)
    assert done.returncode == 0, done.stderr
    reader = Reader(running)
    until = time.monotonic() + 20
    told = skipped = 0
    while told + skipped < ports and time.monotonic() < until:
        reader.fetch()
        mine = [window for window in reader.windows if window.interface == "eni-a"]
        told = sum(each.packets for window in mine for each in window.flows if each.flow.protocol == 17)
        skipped = sum(window.skipped for window in mine)
        time.sleep(0.2)
    assert told > 10_000
    assert skipped > 0
    assert ports == told + skipped


def test_an_interface_that_goes_has_its_last_packets_told(running):
    running.want(site())
    assert running.passes("eni-a", "10.0.2.10", 80)
    running.want(Network())
    reader = Reader(running)
    reader.fetch()
    told = {(window.interface, each.flow.incoming) for window in reader.windows for each in window.flows}
    assert {("eni-a", IN), ("eni-a", OUT), ("eni-b", IN), ("eni-b", OUT)} == told


def test_a_new_node_goes_on_and_tells_nothing_twice(running):
    running.want(site())
    assert running.passes("eni-a", "10.0.2.10", 80)
    reader = Reader(running)
    assert 2 == sum(each[0] for each in reader.flows("eni-a", 80, 2).values())
    reader.windows.clear()
    running.kill()
    running.start_again()
    assert running.drops("eni-a", "10.0.2.10", 81)
    assert {(OUT, ACCEPTED)} == reader.flows("eni-a", 81).keys()
    assert {} == reader.flows("eni-a", 80, 0)


SLOWLY = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((sys.argv[1], int(sys.argv[2])))
number = 0
while not sys.stdin.closed and number < int(sys.argv[3]):
    try: s.send(b"x"); number += 1
    except ConnectionRefusedError: pass
    time.sleep(0.002)
print(number)
"""


def test_a_node_that_is_killed_again_and_again_loses_no_packet_and_tells_none_twice(running):
    """The counters are the kernel's; what they were when a window began is kept.

    As one user within windows of a minute, as the other one with windows that end meanwhile.
    """
    seconds = 0 if running.user is None else 1
    running.want(replace(site(), flow_seconds=seconds))
    listening = running.python("eni-b", LISTEN, "10.0.2.10", "53")
    assert listening.line() == "listening", listening.finish().stderr
    reader, packets = Reader(running), 1_200
    sending = running.python("eni-a", SLOWLY, "10.0.2.10", "53", str(packets))
    deaths = 0
    while sending.process.poll() is None:
        reader.fetch()
        running.kill()
        running.start_again()
        deaths += 1
        time.sleep(0.3)
    assert sending.finish().stdout == f"{packets}\n"
    assert deaths >= 3
    if not seconds:
        # The windows, of a minute, end with what is logged.
        running.want(site(logged=False))
    assert {(OUT, ACCEPTED): (packets, packets * 29, 0)} == reader.flows("eni-a", 53, packets)
    assert {(IN, ACCEPTED): (packets, packets * 29, 0)} == reader.flows("eni-b", 53, packets)
    listening.process.kill()
    listening.finish()


def test_what_was_recorded_outlives_the_network(running):
    """Whoever kills the holder ends the network; what was counted until a moment before is told by the next node."""
    running.want(replace(site(), flow_seconds=0))
    assert running.passes("eni-a", "10.0.2.10", 80)
    # It is kept each five seconds, and before that when what is wanted changes.
    time.sleep(1.5)
    running.want(site())
    os.kill(running.status().holder, signal.SIGKILL)
    running.process.wait(20)
    running.kill()
    running.start_again()
    reader = Reader(running)
    assert {(OUT, ACCEPTED), (IN, ACCEPTED)} == reader.flows("eni-a", 80, 2).keys()
    kept = running.directory / "flows"
    running.want(Network())
    reader.fetch()
    reader.fetch()
    assert not kept.exists(), "all of it was told, and nothing more is recorded"


def test_flows_that_can_not_be_kept_are_told_all_the_same_and_that_is_said(running):
    # Where a file is there is no folder.
    (running.directory / "flows").write_text("")
    running.want(site())
    assert running.passes("eni-a", "10.0.2.10", 80)
    assert 2 == sum(each[0] for each in Reader(running).flows("eni-a", 80, 2).values())
    assert "They are not kept" in running.status().services["flow logs"]
    (running.directory / "flows").unlink()
    until = time.monotonic() + 15
    while "flow logs" in running.status().services:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert {each.name for each in (running.directory / "flows").iterdir()} == {"counted", "windows.jsonl"}


def test_an_interface_can_be_logged_and_another_not(running):
    network = site()
    (only,) = network.vpcs
    first, second = only.interfaces
    running.want(
        replace(network, vpcs=(replace(only, interfaces=(replace(first, flow_intervals=()), second)),))
    )
    assert running.passes("eni-a", "10.0.2.10", 80)
    reader = Reader(running)
    assert 2 == sum(each[0] for each in reader.flows("eni-b", 80, 2).values())
    assert {"eni-b"} == {window.interface for window in reader.windows}


def counts(running) -> bool:
    """Whether packets are counted in the VPC."""
    damaging = running.start_damage(
        "vpc-a", "sys.exit(b'recorded_' in b''.join(each.body for each in filters.dump(nft.get_sets('vpc'))))"
    )
    return damaging.wait(30) == 1


def watched(
    running, seconds: float, since: Flows | None = None, interface: str = "eni-b"
) -> tuple[set, Flows]:
    """What became of TCP at an interface, as who watches is told within some seconds."""
    found, until = set(), time.monotonic() + seconds
    said = since or Flows("", ())
    after = 0
    while time.monotonic() < until:
        said = running.client.ask(WatchFlows(said.node, after))
        after = said.windows[-1].number if said.windows else after
        for window in said.windows:
            if window.interface == interface:
                found |= {
                    (each.flow.destination_port, each.accepted)
                    for each in window.flows
                    if each.flow.incoming and each.flow.protocol == 6
                }
        if found and len(found) >= 2:
            break
        time.sleep(0.2)
    return found, said


def test_flows_are_told_on_demand_and_are_counted_as_long_as_somebody_asks(running):
    running.want(site(logged=False))
    assert running.passes("eni-a", "10.0.2.10", 80)
    first = running.client.ask(WatchFlows())
    assert first.windows == (), "what was before is not told"
    assert running.passes("eni-a", "10.0.2.10", 80)
    assert running.drops("eni-a", "10.0.2.10", 81)
    found, _ = watched(running, 10)
    assert found == {(80, True), (81, False)}
    # Also of what comes while it is watched; and the server, which has no flow log, is told nothing.
    more = site(logged=False)
    extra = interface("c", "vpc-a-subnet-2", "10.0.2.30", groups=("sg-db",))
    running.want(replace(more, vpcs=(replace(more.vpcs[0], interfaces=(*more.vpcs[0].interfaces, extra)),)))
    assert running.passes("eni-a", "10.0.2.30", 80)
    assert running.drops("eni-a", "10.0.2.30", 82)
    found, _ = watched(running, 10, interface="eni-c")
    assert found == {(80, True), (82, False)}
    assert running.client.ask(GetFlows()).windows == ()
    status = running.status()
    assert (status.converged, status.repaired) == (True, 0)
    assert counts(running)
    if running.user is None:
        # It takes its time, and is the same for every user.
        until = time.monotonic() + 30
        while counts(running):
            assert time.monotonic() < until, "nobody asks any more"
            time.sleep(0.5)
        # It is taken away in a change of the network, which may still be under way.
        while not (status := running.status()).converged:
            assert time.monotonic() < until, "the change ends"
            time.sleep(0.05)
        assert status.repaired == 0


def test_flow_logs_miss_nothing_while_somebody_watches(running):
    running.want(site())
    assert running.passes("eni-a", "10.0.2.10", 80)
    running.client.ask(WatchFlows())
    assert running.drops("eni-a", "10.0.2.10", 81)
    running.want(site(logged=False))
    told = {
        (each.flow.destination_port, each.accepted)
        for window in running.client.ask(GetFlows()).windows
        if window.interface == "eni-b"
        for each in window.flows
        if each.flow.incoming
    }
    assert told >= {(80, True), (81, False)}


def test_what_no_route_leads_on_was_accepted_if_groups_and_acl_let_it(running):
    """A record says what the groups and the network ACL decided at the interface, not where a route led (flow-logs.md 13.3).

    Nowhere lead an address of the VPC that nobody has, one that the table of routes does not know, and a blackhole.
    """
    acl = NetworkAcl(
        id="acl-out", ingress=(entry(100),),
        egress=(entry(90, "203.0.113.0/24", allow=False), entry(100), entry(101, "::/0")),
    )  # fmt: skip
    network = site(acl=acl)
    only = replace(
        network.vpcs[0],
        route_tables=tuple(
            replace(each, routes=(Route(destination="192.0.2.0/24"),))
            for each in network.vpcs[0].route_tables
        ),
    )
    unlogged = site(logged=False, acl=acl)
    running.want(replace(network, vpcs=(only,)))
    reader = Reader(running)
    nowhere = {81: "10.0.9.9", 82: "198.51.100.1", 83: "192.0.2.1", 84: "2001:db8::1"}
    for port, address in {**nowhere, 85: "203.0.113.1"}.items():
        assert running.drops("eni-b", address, port)
    assert running.python("eni-b", SEND, "198.51.100.1", "86", "8900", "20").finish().returncode == 0
    assert {(OUT, ACCEPTED): (20, 20 * 8928, 0)} == reader.flows("eni-b", 86, 20)
    for port, address in nowhere.items():
        assert {(OUT, ACCEPTED)} == reader.flows("eni-b", port).keys(), address
    assert {(OUT, REJECTED)} == reader.flows("eni-b", 85).keys()
    # Nothing answers, also not that there is no way, and a link that somebody deletes is made again.
    running.damage("vpc-a", "request(rt.delete_link('nowhere'))")
    until = time.monotonic() + 15
    while not running.status().repaired:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert running.drops("eni-b", "198.51.100.1", 87)
    assert {(OUT, ACCEPTED)} == reader.flows("eni-b", 87).keys()
    running.want(unlogged)
    assert running.drops("eni-b", "198.51.100.1", 88)
    assert running.passes("eni-a", "10.0.2.10", 80)
    assert (running.status().converged, running.status().error) == (True, "")


def test_what_counts_for_who_watches_is_no_repair_of_the_next_node(running):
    """A node that is killed while somebody watches leaves what counts; the next one goes on, or takes it away."""
    running.want(site(logged=False))
    running.client.ask(WatchFlows())
    assert counts(running)
    running.kill()
    running.start_again()
    assert running.passes("eni-a", "10.0.2.10", 80)
    running.client.ask(WatchFlows())
    assert running.passes("eni-a", "10.0.2.10", 80)
    assert running.drops("eni-a", "10.0.2.10", 81)
    found, _ = watched(running, 10)
    assert found == {(80, True), (81, False)}
    running.kill()
    running.start_again()
    until = time.monotonic() + 20
    while counts(running):
        assert time.monotonic() < until
        time.sleep(0.2)
    # Several looks at the network.
    time.sleep(1)
    status = running.status()
    assert (status.converged, status.repaired, status.untold) == (True, 0, 0)
