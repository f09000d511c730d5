"""The resolver of each VPC, asked with real packets from programs in it."""

from __future__ import annotations

from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
from askers import a_vpc, names
from msgspec.structs import replace
from networks import group
from nodes import memory_of

from understudy_aws.dataplane.wanted import Dns, Network, NetworkAcl, Peering, Route

HOSTS = "ip-10-0-1-10.ec2.internal"


def test_it_answers_at_each_of_its_addresses_whatever_groups_and_acls_say(running, asker):
    """Neither groups nor network ACLs filter what goes to the resolver (vpc-dns.md 19.1)."""
    made = a_vpc(
        "vpc-a", names("10.0.1.11"), "10.0.1.10", six=("2600:db8:0:1::10",),
        cidrs=("10.0.0.0/16", "2600:db8::/56"), subnet_cidrs6={1: ("2600:db8:0:1::/64",)},
    )  # fmt: skip
    running.want(Network(vpcs=(made,), names={"sts.amazonaws.com": ("198.51.100.7",)}))
    ask = asker("eni-vpc-a-0")
    for server in ("10.0.0.2", "169.254.169.253", "fd00:ec2::253"):
        for protocol in ("udp", "tcp"):
            assert ask("ip-10-0-1-11.ec2.internal", "A", server, protocol) == "NOERROR 10.0.1.11"
    assert ask("ip-10-0-1-12.ec2.internal") == "NXDOMAIN"
    assert ask("ip-10-0-1-11.ec2.internal", "AAAA") == "NOERROR"
    assert ask("11.1.0.10.in-addr.arpa", "PTR") == "NOERROR ip-10-0-1-11.ec2.internal."
    assert ask("sts.amazonaws.com") == "NOERROR 198.51.100.7"
    assert ask("example.com") == "REFUSED", "the VPC has no way out"
    assert ask(HOSTS, "A", "10.0.0.1") in {"refused", "silent"}, "nothing else of the router answers"


def test_the_c_library_looks_names_up_and_addresses(running):
    """As the user of the node: the fixture has root's and an ordinary one's."""
    running.want(Network(vpcs=(a_vpc("vpc-a", names(), "10.0.1.10"),)))
    look_up = f"import socket; print(socket.gethostbyname('{HOSTS}'), socket.gethostbyaddr('10.0.1.10')[0])"
    done = running.python("eni-vpc-a-0", look_up).finish()
    assert done.stdout == f"10.0.1.10 {HOSTS}\n", done.stderr
    if Path("/etc/nsswitch.conf").exists():
        seen = running.run("eni-vpc-a-0", "grep", "hosts:", "/etc/nsswitch.conf").stdout
        assert seen == "hosts: files dns\n", "no service of the machine answers"


def test_vpcs_with_the_same_blocks_have_answers_of_their_own(running, asker):
    one = a_vpc("vpc-a", names(), "10.0.1.10")
    other = a_vpc("vpc-b", names(), "10.0.1.11")
    running.want(Network(vpcs=(one, other)))
    from_one, from_other = asker("eni-vpc-a-0"), asker("eni-vpc-b-0")
    assert (from_one(HOSTS), from_other(HOSTS)) == ("NOERROR 10.0.1.10", "NXDOMAIN")
    other_name = "ip-10-0-1-11.ec2.internal"
    assert (from_one(other_name), from_other(other_name)) == ("NXDOMAIN", "NOERROR 10.0.1.11")


def test_names_come_and_go_with_what_is_wanted(running, asker):
    made = a_vpc("vpc-a", names(), "10.0.1.10")
    running.want(Network(vpcs=(made,)))
    ask = asker("eni-vpc-a-0", 1.0)
    for _ in range(3):
        running.want(Network(vpcs=(replace(made, dns=names("10.0.1.77")),)))
        assert ask("ip-10-0-1-77.ec2.internal") == "NOERROR 10.0.1.77"
        running.want(Network(vpcs=(made,)))
        assert ask("ip-10-0-1-77.ec2.internal") == "NXDOMAIN"
    running.want(Network(vpcs=(replace(made, dns=Dns(support=False)),)))
    assert ask(HOSTS) == ask(HOSTS, protocol="tcp") == "refused", "without DNS support there is no resolver"
    running.want(Network(vpcs=(made,)))
    assert ask(HOSTS) == "NOERROR 10.0.1.10"


def test_neither_peers_nor_the_internet_reach_it(running, asker):
    """A VPC's resolver is for who is in the VPC (vpc-dns.md 19.1)."""
    to = {"vpc-a": "10.0.0.0/16", "vpc-b": "10.1.0.0/16"}
    a = a_vpc("vpc-a", names(), "10.0.1.10", routes=(Route(destination=to["vpc-b"], target="pcx-1"),))
    b = a_vpc(
        "vpc-b", names(), "10.1.1.10", cidrs=(to["vpc-b"],),
        routes=(Route(destination=to["vpc-a"], target="pcx-1"),),
    )  # fmt: skip
    open = NetworkAcl(id="acl-closed", ingress=a.network_acls[0].ingress, egress=a.network_acls[0].egress)
    a, b = (
        replace(each, network_acls=(each.network_acls[0], open), security_groups=(group("sg-app"),))
        for each in (a, b)
    )
    running.want(Network(vpcs=(a, b), peerings=(Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b"),)))
    assert asker("eni-vpc-b-0")("ip-10-1-1-10.ec2.internal", server="10.1.0.2") == "NOERROR 10.1.1.10"
    ask = asker("eni-vpc-b-0", 0.5)
    assert ask(HOSTS, server="10.0.0.2") == ask(HOSTS, server="10.0.0.2", protocol="tcp") == "silent"
    assert asker("eni-vpc-a-0")(HOSTS) == "NOERROR 10.0.1.10"


def test_a_namespace_that_was_made_anew_has_its_resolver_again(running, asker):
    """Sockets live in the namespace they were made in, also when that is nobody's any more."""
    made = a_vpc("vpc-a", names(), "10.0.1.10")
    running.want(Network(vpcs=(made,)))
    ask = asker("eni-vpc-a-0")
    assert ask(HOSTS) == "NOERROR 10.0.1.10"
    running.kill()
    running.start_again()
    assert ask(HOSTS) == "NOERROR 10.0.1.10", "a node that starts anew answers at once"
    running.want(Network())
    running.want(Network(vpcs=(made,)))
    assert asker("eni-vpc-a-0")(HOSTS) == "NOERROR 10.0.1.10"


def test_a_flood_neither_stops_the_node_nor_others_questions(running, asker):
    flood = """
import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(("10.0.0.2", 53)); s.setblocking(False)
query, until = bytes.fromhex(sys.argv[1]), time.monotonic() + 1
while time.monotonic() < until:
    for each in (query, os.urandom(40), query[:-3], b"", os.urandom(1200)):
        try: s.send(each)
        except OSError: pass
print("done", flush=True)
"""
    made = a_vpc("vpc-a", names(), "10.0.1.10", "10.0.1.11")
    running.want(Network(vpcs=(made,)))
    ask = asker("eni-vpc-a-1", 1.0)
    assert ask(HOSTS) == "NOERROR 10.0.1.10"
    before = memory_of(running.process.pid)
    query = dns.message.make_query(HOSTS, "A").to_wire().hex()
    flooding = running.python("eni-vpc-a-0", flood, query)
    answers = {ask(HOSTS, protocol="tcp") for _ in range(5)}
    assert (answers, flooding.line()) == ({"NOERROR 10.0.1.10"}, "done")
    # A datagram may be lost in a full buffer; who asks by UDP asks again.
    assert any(ask(HOSTS) == "NOERROR 10.0.1.10" for _ in range(10))
    assert running.status().services == {}
    assert memory_of(running.process.pid) - before < 8 * 1024, "KiB"
    flooding.finish()
