"""Which connections outlive the rules that let them through: vpcs.md 8.7."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace
from networks import ALL, TCP, group, interface, rule, vpc

from understudy_aws.dataplane.messages import TakeRepairs
from understudy_aws.dataplane.wanted import IdleTimeouts, NatGateway, Network, Route, SecurityGroup

UDP = "17"
SERVER, CLIENT = "10.0.2.10", "10.0.1.10"
ECHO = """
import select, socket
tcp, udp = socket.create_server(("10.0.2.10", 5432)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("10.0.2.10", 5432)); held = []
print("up", flush=True)
while True:
    for each in select.select([tcp, udp, *held], [], [])[0]:
        if each is tcp: held.append(tcp.accept()[0])
        elif each is udp: udp.sendto(*udp.recvfrom(99))
        else:
            data = each.recv(99)
            each.sendall(data) if data else held.remove(each)
"""
TALK = """
import socket, sys
s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1])); s.settimeout(3); s.connect(("10.0.2.10", 5432))
print("up", flush=True)
for line in sys.stdin:
    s.settimeout(0.7)
    try: s.send(b"x"); print("answered" if s.recv(99) else "ended", flush=True)
    except OSError: print("cut", flush=True)
"""


def network(db: SecurityGroup, app: SecurityGroup) -> Network:
    return Network(
        vpcs=(
            vpc(
                "vpc-a",
                interface("app", "vpc-a-subnet-1", CLIENT),
                interface("db", "vpc-a-subnet-2", SERVER, groups=("sg-db",)),
                groups=(app, db),
            ),
        )
    )


def says(client) -> str:
    client.process.stdin.write("more\n")
    client.process.stdin.flush()
    return client.line()


@pytest.fixture
def talk(running):
    """Begin a connection of TCP and one of UDP in a network; returns what comes of them in another one, and back."""
    started = []

    def talk(before: Network, after: Network) -> tuple[dict[str, str], dict[str, str]]:
        running.want(before)
        server = running.python("eni-db", ECHO)
        started.append(server)
        assert server.line() == "up", server.finish().stderr
        clients = {kind: running.python("eni-app", TALK, f"SOCK_{kind}") for kind in ("STREAM", "DGRAM")}
        started.extend(clients.values())
        for client in clients.values():
            assert client.line() == "up"
            assert says(client) == "answered"
        running.want(after)
        changed = {kind: says(client) for kind, client in clients.items()}
        running.want(before)
        return changed, {kind: says(client) for kind, client in clients.items()}

    yield talk
    for each in started:
        each.process.kill()
        each.finish()


OPEN = {"STREAM": "answered", "DGRAM": "answered"}
CUT = {"STREAM": "cut", "DGRAM": "cut"}
PORT = [rule(protocol, 5432) for protocol in (TCP, UDP)]
FROM_GROUP = [rule(protocol, 5432, group="sg-app") for protocol in (TCP, UDP)]
ALL_OUT = (rule(),)
SOME_OUT = (rule(cidr="10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("ingress", "egress", "revoked"),
    [
        # Everyone may connect, and every answer may go out by a rule: not tracked, so it is cut at once.
        (PORT, ALL_OUT, CUT),
        ([rule(ALL)], ALL_OUT, CUT),
        # The rule is not for everyone, or the rules out do not let every answer go: tracked.
        (FROM_GROUP, ALL_OUT, OPEN),
        ([rule(ALL, cidr="10.0.0.0/8")], ALL_OUT, OPEN),
        (PORT, SOME_OUT, OPEN),
        (PORT, (), OPEN),
        # Only TCP's answers may all go out.
        (PORT, (rule(TCP, (0, 65535)),), {"STREAM": "cut", "DGRAM": "answered"}),
        ([rule(TCP, (5000, 6000)), *FROM_GROUP[1:]], ALL_OUT, {"STREAM": "cut", "DGRAM": "answered"}),
    ],
)
def test_a_revoked_rule_cuts_what_was_not_tracked_and_nothing_else(talk, ingress, egress, revoked):
    before = network(group("sg-db", *ingress, egress=egress), group("sg-app"))
    after = network(group("sg-db", egress=egress), group("sg-app"))
    assert talk(before, after) == (revoked, OPEN)


def test_what_is_not_tracked_goes_on_while_another_rule_lets_it(talk):
    """AWS: it is cut when the rule is changed so that the connection would no longer be permitted."""
    before = network(group("sg-db", *PORT, egress=ALL_OUT), group("sg-app"))
    narrower = network(group("sg-db", *FROM_GROUP, egress=ALL_OUT), group("sg-app"))
    assert talk(before, narrower)[0] == OPEN


def test_answers_to_what_is_not_tracked_pass_by_a_rule_of_their_own(talk):
    before = network(group("sg-db", *PORT, egress=ALL_OUT), group("sg-app"))
    no_way_out = network(group("sg-db", *PORT, egress=()), group("sg-app"))
    assert talk(before, no_way_out) == (CUT, OPEN)


def test_who_connects_is_cut_by_its_own_group_likewise(talk):
    open_both_ways = group("sg-app", rule(ALL))
    db = group("sg-db", *FROM_GROUP)
    assert talk(network(db, open_both_ways), network(db, replace(open_both_ways, egress=())))[0] == CUT


def test_who_connects_and_lets_nobody_in_is_tracked(talk):
    db = group("sg-db", *FROM_GROUP)
    assert talk(network(db, group("sg-app")), network(db, group("sg-app", egress=())))[0] == OPEN


def test_an_interface_that_takes_no_connections_is_always_tracked(talk):
    def wanted(app: SecurityGroup) -> Network:
        made = network(group("sg-db", *FROM_GROUP), app)
        client, server = made.vpcs[0].interfaces
        closed = replace(client, accepts_connections=False)
        return replace(made, vpcs=(replace(made.vpcs[0], interfaces=(closed, server)),))

    assert talk(wanted(group("sg-app", rule(ALL))), wanted(group("sg-app", rule(ALL), egress=())))[0] == OPEN


def test_through_a_nat_gateway_everything_is_tracked(running):
    """Only the mark can be seen from within: the router's connections to the gateway have none."""
    wide = group("sg-app", rule(ALL))
    made = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-2", SERVER),
        interface("public", "vpc-a-subnet-1", CLIENT, public=((CLIENT, "198.18.1.10"),)),
        interface("nat", "vpc-a-subnet-1", "10.0.1.250", groups=(), filtered=False, source_dest_check=False,
                  public=(("10.0.1.250", "198.18.1.250"),)),
        groups=(wide,), internet_gateway="igw-a", routes=(Route(destination="0.0.0.0/0", target="igw-a"),),
        nat_gateways=(NatGateway(id="nat-a", interface="eni-nat"),),
        tables=(replace(vpc("x", groups=()).route_tables[0], id="private", routes=(Route(destination="0.0.0.0/0", target="nat-a"),)),),
        subnet_tables={2: "private"},
    )  # fmt: skip
    running.want(Network(vpcs=(made,)))
    running.damage("eni-app", "import socket; socket.socket(2, 2).sendto(b'x', ('198.18.1.10', 80))")
    running.damage(
        "vpc-a",
        "lines = open('/proc/net/nf_conntrack').read().splitlines()\n"
        "to = [line for line in lines if 'src=10.0.2.10 dst=198.18.1.10' in line]\n"
        "from_outside = [line for line in lines if 'src=198.18.1.250 dst=198.18.1.10' in line]\n"
        "assert to and all('mark=0' in line for line in to), lines\n"
        "assert from_outside and all('mark=2' in line for line in from_outside), lines\n",
    )


PUSH = """
import socket, time
tcp, udp = socket.create_server(("10.0.2.10", 5432)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("10.0.2.10", 5432)); print("up", flush=True)
held = tcp.accept()[0]
for _ in range(2):
    held.sendall(held.recv(9)); data, sender = udp.recvfrom(9); udp.sendto(data, sender)
for pause in map(float, input().split()):
    time.sleep(pause); held.sendall(b"p"); udp.sendto(b"p", sender)
time.sleep(60)
"""
LISTEN = """
import select, socket
tcp, udp = socket.create_connection(("10.0.2.10", 5432)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.connect(("10.0.2.10", 5432))
for _ in range(2):
    for each in tcp, udp: each.send(b"x"); each.recv(9)
print("up", flush=True)
for wait in map(float, input().split()):
    came = []
    while ready := select.select([tcp, udp], [], [], wait)[0]:
        for each in ready: each.recv(9); came.append("tcp" if each is tcp else "udp")
        wait = 0.4
    print(*sorted(came), flush=True)
"""


@pytest.mark.parametrize(
    ("app", "db", "pushed"),
    [
        (IdleTimeouts(), IdleTimeouts(), "tcp udp"),
        (IdleTimeouts(tcp_established=1), IdleTimeouts(), "udp"),
        (IdleTimeouts(), IdleTimeouts(udp=1, udp_stream=1), "tcp"),
        # The shortest that is set for either end counts.
        (IdleTimeouts(tcp_established=1, udp=60), IdleTimeouts(tcp_established=60, udp=1, udp_stream=1), ""),
    ],
)  # fmt: skip
def test_idle_connections_are_forgotten_after_the_time_that_interfaces_have_set(running, app, db, pushed):
    """What the server sends then is judged by the client's groups, which let nobody in (network-interfaces.md 9.1)."""
    made = network(group("sg-db", *PORT), group("sg-app"))
    client, server = made.vpcs[0].interfaces
    ends = replace(client, idle_timeouts=app), replace(server, idle_timeouts=db)
    running.want(replace(made, vpcs=(replace(made.vpcs[0], interfaces=ends),)))
    pushing = running.python("eni-db", PUSH)
    assert pushing.line() == "up", pushing.finish().stderr
    listening = running.python("eni-app", LISTEN)
    assert listening.line() == "up", listening.finish().stderr
    # Packets that come earlier keep it.
    for each in pushing, listening:
        each.process.stdin.write("0.2 1.6\n" if each is pushing else "2 3\n")
        each.process.stdin.flush()
    assert listening.line() == "tcp udp"
    assert listening.line() == pushed
    for each in pushing, listening:
        each.process.kill()
        each.finish()


def test_time_outs_come_and_go_with_interfaces_and_are_put_right(running):
    made = network(group("sg-db", *PORT), group("sg-app"))
    client, server = made.vpcs[0].interfaces
    timed = replace(client, idle_timeouts=IdleTimeouts(tcp_established=60, udp=30, udp_stream=60))
    for ends in ((timed, server), (client, server), (timed, server)):
        running.want(replace(made, vpcs=(replace(made.vpcs[0], interfaces=ends),)))
        assert running.status().converged
        assert running.passes("eni-app", SERVER, 5432)
    running.damage(
        "vpc-a", "commit(nft.flush_chain('vpc', 'idle_timeouts'), nft.delete_timeout('vpc', 'tcp_60'))"
    )
    until = time.monotonic() + 10
    while not running.status().untold:
        assert time.monotonic() < until
        time.sleep(0.02)
    [repair] = running.client.ask(TakeRepairs()).repairs
    assert "time-out tcp_60 of connections was gone" in repair.what


def test_without_time_outs_of_their_own_connections_have_those_of_aws(running):
    running.want(network(group("sg-db", *PORT), group("sg-app", egress=(rule(cidr="10.0.0.0/8"),))))
    running.damage(
        "vpc-a",
        "found = {name: open(f'/proc/sys/net/netfilter/nf_conntrack_{name}').read().strip() for name in "
        "('tcp_timeout_established', 'udp_timeout', 'udp_timeout_stream', 'generic_timeout')}\n"
        "assert list(found.values()) == ['432000', '30', '180', '600'], found",
    )
