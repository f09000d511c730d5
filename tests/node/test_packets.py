"""Packets between interfaces: what security groups, network ACLs, routes and gateways let through.

A packet "passes" when the host answers that nothing listens; what is filtered is dropped silently, as on AWS.
"""

from __future__ import annotations

from msgspec.structs import replace
from networks import ALL, TCP, entry, group, interface, rule, vpc

from understudy_aws.dataplane.wanted import (
    NatGateway,
    Network,
    NetworkAcl,
    Peering,
    Route,
    RouteTable,
)

ECHO_PEER = """
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((sys.argv[1], int(sys.argv[2]))); s.listen(); print("listening", flush=True)
while True:
    c, a = s.accept(); c.sendall(a[0].encode() + b"\\n")
    while data := c.recv(100): c.sendall(data)
"""
ASK = """
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); print(s.makefile().readline().strip(), flush=True)
for line in sys.stdin: s.sendall(line.encode()); s.settimeout(3); print(s.recv(100).decode().strip(), flush=True)
"""


def app_and_database(id: str, *rules) -> Network:
    return vpc(
        id,
        interface(f"app-{id}", f"{id}-subnet-1", "10.0.1.10"),
        interface(f"two-{id}", f"{id}-subnet-1", "10.0.1.11"),
        interface(f"db-{id}", f"{id}-subnet-2", "10.0.2.10", groups=("sg-db",)),
        interface(f"out-{id}", f"{id}-subnet-1", "10.0.1.12", groups=("sg-other",)),
        groups=(group("sg-app"), group("sg-db", *rules), group("sg-other")),
    )


def test_a_group_admits_its_members_and_nobody_else(running):
    running.want(Network(vpcs=(app_and_database("vpc-a", rule(TCP, 5432, group="sg-app")),)))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 5432)
    assert running.passes("eni-two-vpc-a", "10.0.2.10", 5432)
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 5433), "no rule for the port"
    assert running.drops("eni-out-vpc-a", "10.0.2.10", 5432), "not a member"
    assert running.drops("eni-db-vpc-a", "10.0.1.10", 5432), "only answers go the other way"
    assert running.drops("eni-app-vpc-a", "10.0.1.11", 80), "a subnet is no way around the groups"


def test_two_vpcs_with_the_same_blocks_do_not_see_each_other(running):
    running.want(
        Network(
            vpcs=(
                app_and_database("vpc-a", rule(TCP, 5432, group="sg-app")),
                app_and_database("vpc-b", rule(TCP, 6000, cidr="10.0.1.0/24")),
            )
        )
    )
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 5432)
    assert running.drops("eni-app-vpc-b", "10.0.2.10", 5432)
    assert running.passes("eni-app-vpc-b", "10.0.2.10", 6000)
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 6000)


def test_rules_come_and_go_and_connections_that_stand_are_kept(running):
    """EC2 tracks connections: what a rule admitted goes on when the rule is revoked (User Guide, connection tracking)."""
    admitting = app_and_database("vpc-a", rule(TCP, 5432, group="sg-app"))
    running.want(Network(vpcs=(admitting,)))
    server = running.python("eni-db-vpc-a", ECHO_PEER, "10.0.2.10", "5432")
    assert server.line() == "listening", server.finish().stderr
    client = running.python("eni-app-vpc-a", ASK, "10.0.2.10", "5432")
    assert client.line() == "10.0.1.10", "the database sees the address of the interface"
    running.want(Network(vpcs=(app_and_database("vpc-a"),)))
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 5432)
    client.process.stdin.write("still there\n")
    client.process.stdin.flush()
    assert client.line() == "still there"
    running.want(Network(vpcs=(admitting,)))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 5432)
    for each in (client, server):
        each.process.kill()
        each.finish()


def test_only_what_groups_let_out_goes_out(running):
    limited = group("sg-app", egress=(rule(TCP, (5000, 5999), group="sg-db"),))
    network = app_and_database("vpc-a", rule())
    running.want(Network(vpcs=(replace(network, security_groups=(limited, *network.security_groups[1:])),)))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 5432)
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 6000)
    assert running.passes("eni-out-vpc-a", "10.0.2.10", 6000)


def test_rules_of_several_groups_and_of_prefix_lists_add_up(running):
    both = interface("both", "vpc-a-subnet-2", "10.0.2.20", groups=("sg-x", "sg-y"))
    network = app_and_database("vpc-a")
    groups = (
        *network.security_groups,
        group("sg-x", rule(TCP, 80, prefix_list="pl-1")),
        group("sg-y", rule(TCP, 81, cidr="10.0.1.10/32")),
    )
    network = replace(network, security_groups=groups, interfaces=(*network.interfaces, both))
    running.want(Network(vpcs=(network,), prefix_lists={"pl-1": ("10.0.1.11/32", "10.0.1.12/31")}))
    asked = {
        (who, port): not running.drops(f"eni-{who}-vpc-a", "10.0.2.20", port)
        for who in ("app", "two", "out")
        for port in (80, 81)
    }
    assert {each for each, passed in asked.items() if passed} == {("app", 81), ("two", 80), ("out", 80)}


def test_an_interface_that_takes_no_connections_gets_answers_alone(running):
    """Nothing can be initiated towards an instance of App Runner through its VPC connector (apprunner.md)."""
    network = app_and_database("vpc-a", rule())
    closed = replace(network.interfaces[0], accepts_connections=False, groups=("sg-db",))
    running.want(Network(vpcs=(replace(network, interfaces=(closed, *network.interfaces[1:])),)))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 80)
    assert running.drops("eni-db-vpc-a", "10.0.1.10", 80)


def test_a_network_acl_is_stateless_and_spares_what_stays_in_the_subnet(running):
    closed = NetworkAcl(
        id="acl-db",
        ingress=(entry(90, "10.0.1.11/32", allow=False), entry(100, protocol=TCP, ports=(5432, 5440))),
        egress=(entry(100, "10.0.1.0/24", protocol=TCP, ports=(1024, 65535)),),
    )
    network = app_and_database("vpc-a", rule())
    near = interface("near", "vpc-a-subnet-2", "10.0.2.11")

    def wanted(acl: NetworkAcl) -> Network:
        subnets = (network.subnets[0], replace(network.subnets[1], network_acl="acl-db"))
        changed = replace(
            network,
            subnets=subnets,
            network_acls=(*network.network_acls, acl),
            interfaces=(*network.interfaces, near),
        )
        return Network(vpcs=(changed,))

    running.want(wanted(closed))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 5432)
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 5441)
    assert running.drops("eni-two-vpc-a", "10.0.2.10", 5432), "the lower number decides"
    assert running.passes("eni-near", "10.0.2.10", 80), "in the same subnet"
    running.want(wanted(replace(closed, egress=())))
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 5432), "the answer has no entry"


def test_nobody_sends_with_the_address_of_another(running):
    network = app_and_database("vpc-a", rule(cidr="10.0.1.10/32"))
    running.want(Network(vpcs=(network,)))
    spoof = (
        "import socket, sys\n"
        "s = socket.socket(); s.setsockopt(0, 15, 1); s.settimeout(0.5)\n"  # IP_FREEBIND
        "s.bind((sys.argv[1], 0))\n"
        "try: s.connect(('10.0.2.10', 80))\n"
        "except ConnectionRefusedError: print('passed')\n"
        "except OSError: print('silent')\n"
    )
    assert running.python("eni-app-vpc-a", spoof, "10.0.1.10").finish().stdout == "passed\n"
    assert running.python("eni-out-vpc-a", spoof, "10.0.1.10").finish().stdout == "silent\n"


def test_ipv6_is_filtered_as_ipv4_is(running):
    cidrs = {1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)}
    network = vpc(
        "vpc-a",
        interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:db8:0:1::10"),
        interface("six", "vpc-a-subnet-1", "2600:db8:0:1::11", groups=("sg-other",)),
        interface("db", "vpc-a-subnet-2", "10.0.2.10", "2600:db8:0:2::10", groups=("sg-db",)),
        groups=(group("sg-app"), group("sg-other"), group("sg-db", rule(TCP, 80, group="sg-app"), rule(TCP, 81, cidr="2600:db8::/32"))),
        cidrs=("10.0.0.0/16", "2600:db8::/56"), subnet_cidrs6=cidrs,
    )  # fmt: skip
    running.want(Network(vpcs=(network,)))
    assert running.passes("eni-app", "2600:db8:0:2::10", 80)
    assert running.passes("eni-app", "2600:db8:0:2::10", 81)
    assert running.passes("eni-six", "2600:db8:0:2::10", 81)
    assert running.drops("eni-six", "2600:db8:0:2::10", 80)
    assert running.drops("eni-app", "10.0.2.10", 81), "the rule is for IPv6"
    assert running.drops("eni-db", "2600:db8:0:1::10", 80)


INTERNET_ROUTE = Route(destination="0.0.0.0/0", target="igw-a")


def with_internet(id: str, number: int, **more) -> Network:
    """A VPC whose subnet-1 is public and whose subnet-2 has the table `private`."""
    return vpc(
        id,
        interface(f"public-{id}", f"{id}-subnet-1", "10.0.1.10", public=(("10.0.1.10", f"198.18.{number}.10"),)),
        interface(f"plain-{id}", f"{id}-subnet-1", "10.0.1.11"),
        interface(f"private-{id}", f"{id}-subnet-2", "10.0.2.10"),
        interface(
            f"nat-{id}", f"{id}-subnet-1", "10.0.1.20", groups=(), filtered=False, source_dest_check=False,
            public=(("10.0.1.20", f"198.18.{number}.20"),),
        ),
        groups=(group("sg-app", *more.pop("rules", ())),),
        routes=(Route(destination="0.0.0.0/0", target=f"igw-{id}"),),
        internet_gateway=f"igw-{id}",
        nat_gateways=(NatGateway(id=f"nat-{id}", interface=f"eni-nat-{id}"),),
        tables=(RouteTable(id="private", routes=more.pop("private", ())),),
        subnet_tables={2: "private"},
    )  # fmt: skip


def test_a_public_address_is_the_way_in_and_out(running):
    running.want(Network(vpcs=(with_internet("vpc-a", 1), with_internet("vpc-b", 2, rules=(rule(TCP, 80),)))))
    assert running.passes("eni-public-vpc-a", "198.18.2.10", 80)
    assert running.drops("eni-public-vpc-a", "198.18.2.10", 81), "the group decides"
    assert running.drops("eni-plain-vpc-a", "198.18.2.10", 80), "a public subnet alone gives no internet"
    assert running.drops("eni-private-vpc-a", "198.18.2.10", 80), "no route"
    assert running.drops("eni-public-vpc-b", "198.18.1.10", 80)
    server = running.python("eni-public-vpc-b", ECHO_PEER, "10.0.1.10", "80")
    assert server.line() == "listening"
    client = running.python("eni-public-vpc-a", ASK, "198.18.2.10", "80")
    assert client.line() == "198.18.1.10", "the other side sees the public address"
    for each in (client, server):
        each.process.kill()
        each.finish()


def test_a_nat_gateway_is_the_way_out_alone(running):
    through_nat = (Route(destination="0.0.0.0/0", target="nat-vpc-a"),)
    running.want(
        Network(
            vpcs=(
                with_internet("vpc-a", 1, private=through_nat, rules=(rule(ALL),)),
                with_internet("vpc-b", 2, rules=(rule(TCP, 80, cidr="198.18.1.20/32"),)),
            )
        )
    )
    assert running.passes("eni-private-vpc-a", "198.18.2.10", 80), "comes from the address of the gateway"
    assert running.drops("eni-public-vpc-a", "198.18.2.10", 80)
    assert running.drops("eni-public-vpc-b", "198.18.1.20", 80), "nothing comes in through it"


def test_peered_vpcs_reach_each_other_where_routes_and_groups_say_so(running):
    a = vpc(
        "vpc-a", interface("a", "vpc-a-subnet-1", "10.0.1.10"), groups=(group("sg-app"),),
        routes=(Route(destination="10.1.0.0/16", target="pcx-1"),),
    )  # fmt: skip
    b = vpc(
        "vpc-b",
        interface("b", "vpc-b-subnet-1", "10.1.1.10", groups=("sg-b",)),
        groups=(group("sg-b", rule(TCP, 80, group="sg-app")),), cidrs=("10.1.0.0/16",),
        routes=(Route(destination="10.0.0.0/16", target="pcx-1"),),
    )  # fmt: skip
    peering = Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b")
    running.want(Network(vpcs=(a, b), peerings=(peering,)))
    assert running.passes("eni-a", "10.1.1.10", 80)
    assert running.drops("eni-a", "10.1.1.10", 81)
    one_way = replace(b, route_tables=(replace(b.route_tables[0], routes=()),))
    running.want(Network(vpcs=(a, one_way), peerings=(peering,)))
    assert running.drops("eni-a", "10.1.1.10", 80), "no route back"
    running.want(Network(vpcs=(a, b)))
    assert running.drops("eni-a", "10.1.1.10", 80)


def test_peered_vpcs_reach_each_other_by_ipv6_too(running):
    blocks = {"vpc-a": "2600:db8:0:100::/56", "vpc-b": "2600:db8:0:200::/56"}
    a, b = (
        vpc(
            id, interface(id[-1], f"{id}-subnet-1", f"{cidr}.1.10", block.replace("00::/56", "01::10")),
            groups=(group("sg-app", rule(TCP, 80, cidr="2600:db8::/32")),), cidrs=(f"{cidr}.0.0/16", block),
            subnet_cidrs6={1: (block.replace("00::/56", "01::/64"),)},
            routes=tuple(Route(destination=each, target="pcx-1") for each in blocks.values() if each != block),
        )
        for (id, block), cidr in zip(blocks.items(), ("10.0", "10.1"), strict=True)
    )  # fmt: skip
    peering = Peering(id="pcx-1", requester="vpc-a", accepter="vpc-b")
    running.want(Network(vpcs=(a, b), peerings=(peering,)))
    assert running.passes("eni-a", "2600:db8:0:201::10", 80)
    assert running.passes("eni-b", "2600:db8:0:101::10", 80)
    assert running.drops("eni-a", "2600:db8:0:201::10", 81)


def test_the_more_specific_route_wins_over_the_local_one(running):
    network = app_and_database("vpc-a", rule())
    around = RouteTable(id="vpc-a-rtb", routes=(Route(destination="10.0.2.0/24", target=""),))
    running.want(Network(vpcs=(network,)))
    assert running.passes("eni-app-vpc-a", "10.0.2.10", 80)
    running.want(Network(vpcs=(replace(network, route_tables=(around,)),)))
    assert running.drops("eni-app-vpc-a", "10.0.2.10", 80)


def test_a_network_acl_that_lets_everything_pass_takes_denials_and_gives_them_up_again(running):
    """Connections that stand are no exception: network ACLs are stateless (User Guide, network ACL basics)."""
    blocks = {"cidrs": ("10.0.0.0/16", "2600:db8::/56"), "subnet_acls": {2: "acl-db"}}
    blocks["subnet_cidrs6"] = {1: ("2600:db8:0:1::/64",), 2: ("2600:db8:0:2::/64",)}

    def wanted(*denials) -> Network:
        acl = NetworkAcl(
            id="acl-db",
            ingress=(*denials, entry(100), entry(101, "::/0")),
            egress=(entry(100), entry(101, "::/0")),
        )
        return Network(
            vpcs=(
                vpc(
                    "vpc-a",
                    interface("app", "vpc-a-subnet-1", "10.0.1.10", "2600:db8:0:1::10"),
                    interface("db", "vpc-a-subnet-2", "10.0.2.10", "2600:db8:0:2::10", groups=("sg-db",)),
                    groups=(group("sg-app"), group("sg-db", rule(), rule(cidr="::/0"))),
                    acls=(acl,), **blocks,
                ),
            )
        )  # fmt: skip

    running.want(wanted())
    server = running.python("eni-db", ECHO_PEER, "10.0.2.10", "5432")
    assert server.line() == "listening", server.finish().stderr
    client = running.python("eni-app", ASK, "10.0.2.10", "5432")
    assert client.line() == "10.0.1.10"
    for four, six in ((False, True), (True, False), (False, False)):
        denials = [entry(90, cidr, allow=False) for cidr, no in (("0.0.0.0/0", four), ("::/0", six)) if no]
        running.want(wanted(*denials))
        assert running.status().converged
        for address, shut in (("10.0.2.10", four), ("2600:db8:0:2::10", six)):
            assert (running.drops if shut else running.passes)("eni-app", address, 80), (denials, address)
        if not six:
            continue
        client.process.stdin.write("asked\n")
        client.process.stdin.flush()
        assert client.line() == "asked", "what is denied of IPv6 is no matter of IPv4"
        running.want(wanted(entry(90, allow=False)))
        client.process.stdin.write("asked\n")
        client.process.stdin.flush()
        assert client.line() == "", "no answer came, and the client gave up"
        client.finish()
    server.process.kill()
    server.finish()


def test_an_interface_takes_only_what_is_for_it_while_its_destination_is_checked(running):
    """EC2 drops what a route leads to an interface that is not its destination (User Guide, route table, middleboxes)."""

    def wanted(*, checked: bool) -> Network:
        box = interface(
            "box",
            "vpc-a-subnet-2",
            "10.0.2.20",
            groups=("sg-db",),
            local=("192.0.2.10",),
            source_dest_check=checked,
        )
        app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
        routes = (Route(destination="192.0.2.0/24", target="eni-box"),)
        return Network(
            vpcs=(vpc("vpc-a", app, box, groups=(group("sg-app"), group("sg-db", rule())), routes=routes),)
        )

    for checked in (True, False, True):
        running.want(wanted(checked=checked))
        assert running.passes("eni-app", "10.0.2.20", 80)
        assert (running.drops if checked else running.passes)("eni-app", "192.0.2.10", 80), checked
