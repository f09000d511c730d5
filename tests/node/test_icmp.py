"""ICMP: what security groups and network ACLs say of it, the errors that belong to connections, and neighbours of IPv6."""

from __future__ import annotations

from networks import ALL, TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import Network, NetworkAcl, Route

ICMP, ICMPV6 = "1", "58"
PING = """
import os, socket, struct
numbers = [os.getpid() * 16]
def total(data): return sum(struct.unpack(f">{len(data) // 2}H", data))
def ping(to, kind, code, answer):
    six = ":" in to
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1); s.settimeout(0.4)
    s.connect((to, 0))
    numbers[0] += 1
    # A number of its own, since the answers to another are let through for a while.
    body = struct.pack(">BBHHHIII", kind, code, 0, numbers[0] & 0xFFFF, 1, 1, 2, 3)
    if not six:
        found = total(body); found = (found & 0xFFFF) + (found >> 16)
        body = body[:2] + struct.pack(">H", 0xFFFF ^ ((found & 0xFFFF) + (found >> 16))) + body[4:]
    s.send(body)
    try:
        while True:
            got = s.recv(999)
            if got[0 if six else 20] == answer: return True
    except TimeoutError: return False
for to, kind, code, answer, passes in ASKED:
    assert ping(to, kind, code, answer) == passes, (to, kind, code)
"""
ECHO, ECHO_ANSWER, ECHO6, ECHO6_ANSWER, TIMESTAMP, TIMESTAMP_ANSWER = 8, 0, 128, 129, 13, 14
APP, DB, APP6, DB6 = "10.0.1.10", "10.0.2.10", "2600:db8:0:1::10", "2600:db8:0:2::10"


def network(*rules, **more) -> Network:
    made = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", APP, APP6),
        interface("db", "vpc-a-subnet-2", DB, DB6, groups=("sg-db",)),
        groups=(group("sg-app"), group("sg-db", *rules, egress=())),
        cidrs=("10.0.0.0/16", "2600:db8::/56"),
        subnet_cidrs6={1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)},
        **more,
    )
    return Network(vpcs=(made,))


def asked(running, *expected) -> None:
    running.damage("eni-app", f"ASKED = {expected!r}\n{PING}")


def test_a_rule_lets_a_type_through_with_its_answer(running):
    echo, echo6 = (DB, ECHO, 0, ECHO_ANSWER), (DB6, ECHO6, 0, ECHO6_ANSWER)
    timestamp = (DB, TIMESTAMP, 0, TIMESTAMP_ANSWER)
    running.want(network(rule(ICMP, (ECHO, -1))))
    asked(running, (*echo, True), (*echo6, False), (*timestamp, False))
    running.want(network(rule(ICMP, (TIMESTAMP, 0)), rule(ICMPV6, (ECHO6, 0), cidr="::/0")))
    asked(running, (*echo, False), (*echo6, True), (*timestamp, True))
    running.want(network(rule(ICMP, (ECHO, 1))))
    asked(running, (*echo, False), (DB, ECHO, 1, ECHO_ANSWER, True))
    running.want(network(rule(ICMP, (-1, -1), group="sg-app"), rule(ICMPV6, cidr=f"{APP6}/128")))
    asked(running, (*echo, True), (*echo6, True), (*timestamp, True))
    running.want(network(rule(TCP), rule("17")))
    asked(running, (*echo, False), (*echo6, False))


def test_a_network_acl_wants_an_entry_for_the_answer(running):
    """A network ACL keeps track of nothing (ec2.md 7.10)."""
    echo = (DB, ECHO, 0, ECHO_ANSWER)

    def wanted(out: int) -> Network:
        acl = NetworkAcl(
            id="acl-db",
            ingress=(entry(100, protocol=ICMP, ports=(ECHO, -1)),),
            egress=(entry(100, protocol=ICMP, ports=(out, -1)),),
        )
        return network(rule(ICMP, -1), acls=(acl,), subnet_acls={2: "acl-db"})

    running.want(wanted(ECHO_ANSWER))
    asked(running, (*echo, True), (DB, TIMESTAMP, 0, TIMESTAMP_ANSWER, False))
    running.want(wanted(TIMESTAMP_ANSWER))
    asked(running, (*echo, False))


def test_what_is_too_long_for_the_internet_is_told_and_what_is_not_for_the_vpc_passes(running):
    """9001 bytes within a VPC, 1500 through an internet gateway; the error needs no rule (vpcs.md 8.7)."""
    made = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", APP, public=((APP, "198.18.1.10"),)),
        interface("db", "vpc-a-subnet-2", DB, groups=("sg-db",)),
        groups=(group("sg-app"), group("sg-db", rule(ALL))),
        routes=(Route(destination="0.0.0.0/0", target="igw-a"),),
        internet_gateway="igw-a",
    )
    running.want(Network(vpcs=(made,)))
    code = (
        "import socket, sys, time\n"
        "for to, size in (('10.0.2.10', 8900), ('192.0.2.1', 5000)):\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(0, 10, 2); s.connect((to, 9))\n"
        "    until = time.monotonic() + 5\n"
        "    while time.monotonic() < until:\n"
        "        try: s.send(bytes(size))\n"
        "        except ConnectionRefusedError: print('arrived'); break\n"
        "        except OSError: print(s.getsockopt(0, 14)); break\n"
        "        time.sleep(0.02)\n"
    )
    done = running.python("eni-app", code).finish()
    assert done.stdout.split() == ["arrived", "1500"], done


def test_neighbours_find_each_other_by_their_link_local_addresses(running):
    """A neighbour is asked again after a while with the address of the link, which is no address of the interface."""
    running.want(network(rule()))
    running.damage(
        "eni-app",
        "import fcntl, socket, struct, time\n"
        "index = socket.if_nametoindex('eth0'); until = time.monotonic() + 10\n"
        "own = ''\n"
        "while not own and time.monotonic() < until:\n"
        "    for line in open('/proc/net/if_inet6'):\n"
        "        digits, *_, flags, name = line.split()\n"
        "        if name == 'eth0' and digits.startswith('fe80') and not int(flags, 16) & 0x40:\n"
        "            own = socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))\n"
        "s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58); s.settimeout(2)\n"
        "s.bind((own, 0, 0, index)); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)\n"
        "mac = fcntl.ioctl(s, 0x8927, struct.pack('256s', b'eth0'))[18:24]\n"
        "asked = socket.inet_pton(socket.AF_INET6, 'fe80::1')\n"
        "s.sendto(struct.pack('>BBHI16sBB6s', 135, 0, 0, 0, asked, 1, 1, mac), ('ff02::1:ff00:1', 0, 0, index))\n"
        "while s.recv(999)[0] != 136: pass\n",
    )


def test_a_group_that_lets_nothing_in_lets_no_ping_in(running):
    running.want(network())
    asked(running, (DB, ECHO, 0, ECHO_ANSWER, False), (DB6, ECHO6, 0, ECHO6_ANSWER, False))
