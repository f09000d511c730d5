"""The way to the world: who has one, how it is seen there, what stays out of reach, and what becomes of its program."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from boxes import MACHINE, METADATA, PRIVATE, SITES, missing_for
from msgspec.structs import replace
from networks import group, interface, vpc
from nodes import UNPRIVILEGED, Node, node, refusal_for

from understudy_aws.dataplane.edge import API_ADDRESSES, PUBLIC_BLOCKS
from understudy_aws.dataplane.packets import host_block
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.dataplane.wanted import NatGateway, Network, Route, RouteTable

SITE, SITE6 = SITES
# Says for each address and port what is heard there: the first line, `refused`, `silent` or an error.
HEAR = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def hear(place):
    address, port = place.rsplit("/", 1)
    try:
        with socket.create_connection((address, int(port)), 2) as sock:
            return sock.makefile().readline().strip()
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return "silent" if isinstance(error, TimeoutError) else error.strerror
with ThreadPoolExecutor(32) as pool:
    for place, said in zip(sys.argv[1:], pool.map(hear, sys.argv[1:])):
        print(place, said)
"""
ECHO = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); sock.settimeout(5)
sock.sendto(b"hello", (sys.argv[1], 9)); print(sock.recv(100).decode())
"""


@contextmanager
def boxed_node(user: int | None, carrier: str) -> Iterator[Node]:
    """A node in a machine of its own, whose packets a program carries to the world around it."""
    if user is not None and os.geteuid() != 0:
        pytest.skip("the user of the tests is unprivileged already")
    missing = refusal_for(user) or missing_for(carrier, user)
    if missing:
        pytest.skip(missing)
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        with node(place / "node", user, boxed=True, outside=carrier) as started:
            yield started
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(
    scope="module",
    params=[(user, carrier) for user in (None, UNPRIVILEGED) for carrier in ("pasta", "slirp4netns")],
    ids=lambda each: f"{'unprivileged' if each[0] else 'this-user'}-{each[1]}",
)
def boxed(request):
    with boxed_node(*request.param) as started:
        started.want(network())
        assert started.status().outside == request.param[1]
        yield started


@pytest.fixture
def lone():
    """A node for one test, which may end it."""
    with boxed_node(None, "pasta") as started:
        started.want(network())
        started.holder = started.status().holder
        yield started


def network() -> Network:
    """A public subnet with a NAT gateway, of whose interfaces one has a public address, and a private subnet."""
    everywhere = (
        Route(destination="0.0.0.0/0", target="igw-a"),
        Route(destination="::/0", target="igw-a"),
    )
    private = (
        Route(destination="0.0.0.0/0", target="nat-a"),
        Route(destination="::/0", target="eigw-a"),
    )
    return Network(
        vpcs=(
            vpc(
                "vpc-a",
                interface(
                    "public", "vpc-a-subnet-1", "10.0.1.10", "2001:db8:a:1::10",
                    public=(("10.0.1.10", "198.18.1.10"),),
                ),
                interface("plain", "vpc-a-subnet-1", "10.0.1.11"),
                interface("private", "vpc-a-subnet-2", "10.0.2.10", "2001:db8:a:2::10"),
                interface(
                    "nat", "vpc-a-subnet-1", "10.0.1.20", groups=(), filtered=False, source_dest_check=False,
                    public=(("10.0.1.20", "198.18.1.20"),),
                ),
                groups=(group("sg-app"),),
                cidrs=("10.0.0.0/16", "2001:db8:a::/56"),
                subnet_cidrs6={1: ("2001:db8:a:1::/64",), 2: ("2001:db8:a:2::/64",)},
                routes=everywhere,
                tables=(RouteTable(id="rtb-private", routes=private),),
                subnet_tables={2: "rtb-private"},
                internet_gateway="igw-a",
                egress_only_gateway="eigw-a",
                nat_gateways=(NatGateway(id="nat-a", interface="eni-nat"),),
            ),
        )
    )  # fmt: skip


def heard(running, interface_id: str, *places: str) -> dict[str, str]:
    """What an interface hears from each place, an address and a port."""
    found = running.python(interface_id, HEAR, *places).finish(60)
    assert found.returncode == 0, found.stderr
    return dict(line.split(" ", 1) for line in found.stdout.splitlines())


def until(true, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_world_is_reached_by_the_gateways_alone(boxed):
    assert boxed.status().services == {}
    site, site6 = f"{SITE}/80", f"{SITE6}/80"
    # The world sees the machine, as it sees whatever else runs on it.
    assert heard(boxed, "eni-public", site, site6) == {site: MACHINE[0], site6: MACHINE[1]}
    assert heard(boxed, "eni-private", site, site6) == {site: MACHINE[0], site6: MACHINE[1]}
    assert heard(boxed, "eni-plain", site) == {site: "silent"}, "a public subnet alone gives no internet"
    echo = boxed.python("eni-private", ECHO, SITE).finish()
    assert echo.stdout == "hello\n", echo.stderr


def test_what_is_computed_of_the_world_is_what_packets_do(boxed):
    """The computation is told which addresses are the machine's own, and that there is a way out."""
    told = replace(network(), world=True, machine=tuple(host_block(each) for each in MACHINE))
    addresses = (*SITES, *MACHINE, METADATA, "198.18.0.77", *API_ADDRESSES.values())
    for source in ("eni-public", "eni-plain", "eni-private"):
        wanted = {
            f"{address}/80": reach(told, Question(source, address, port=80)).passes for address in addresses
        }
        found = {
            place: said not in {"silent", "No route to host", "Network is unreachable"}
            for place, said in heard(boxed, source, *wanted).items()
        }
        assert found == wanted, source


def test_what_the_machine_is_itself_stays_out_of_reach(boxed):
    there = f"{SITE}/80"
    places = [f"{address}/{PRIVATE}" for address in (*MACHINE, "127.0.0.1", "::1")]
    # The addresses between the node and its carrier, one that means this machine, and IPv4 written as IPv6.
    places += [f"169.254.2.{number}/{PRIVATE}" for number in (1, 2, 100)]
    places += [
        f"{address}/{PRIVATE}" for address in ("0.0.0.0", "::ffff:127.0.0.1", "fd00::2", "fe80::1%eth0")
    ]
    places += [f"{METADATA}/80", "fd00:ec2::254/80"]
    found = heard(boxed, "eni-public", there, *places)
    assert found.pop(there) == MACHINE[0], "the world is there"
    assert set(found) == set(places)
    assert set(found.values()) <= {
        "silent",
        "refused",
        "Network is unreachable",
        "Invalid argument",
        "No route to host",
    }


def test_a_public_address_that_nobody_has_is_refused_and_does_not_get_out(boxed):
    place = f"{PUBLIC_BLOCKS[0].rpartition('.')[0]}.77/80"
    # Who waits in vain is told otherwise.
    assert heard(boxed, "eni-public", place)[place] in {"No route to host", "Network is unreachable"}


def test_a_filter_that_somebody_takes_away_is_back(boxed):
    boxed.damage("internet", "commit(nft.delete_table('outside'))")
    place, site = f"{MACHINE[0]}/{PRIVATE}", f"{SITE}/80"

    def is_back() -> bool:
        return heard(boxed, "eni-public", site, place) == {site: MACHINE[0], place: "silent"}

    until(is_back)


def test_the_program_is_started_again_and_ends_with_the_network(lone):
    first = carriers_of(lone)
    assert len(first) == 1
    os.kill(first[0], signal.SIGKILL)
    site = f"{SITE}/80"
    until(lambda: carriers_of(lone) not in ([], first) and lone.status().outside)
    # The status may still be of the one that was killed, and the next be without its link.
    until(lambda: heard(lone, "eni-public", site) == {site: MACHINE[0]})
    last = carriers_of(lone)
    lone.want(Network())
    until(lambda: not carriers_of(lone))
    assert lone.status().outside == ""
    lone.want(network())
    assert carriers_of(lone) not in ([], last)
    until(lambda: heard(lone, "eni-public", site) == {site: MACHINE[0]})
    running = carriers_of(lone)
    os.kill(lone.status().holder, signal.SIGKILL)
    lone.process.wait(20)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in running))


def test_the_way_out_stays_when_the_node_is_killed(lone):
    before = carriers_of(lone)
    # With its standard input the machine around it would end.
    first = lone.process
    first.kill()
    first.wait()
    lone.client.close()
    site = f"{SITE}/80"
    assert heard(lone, "eni-public", site) == {site: MACHINE[0]}
    assert before == carriers_of(lone)
    lone.start_again()
    until(lambda: lone.status().outside == "pasta")
    assert heard(lone, "eni-public", site) == {site: MACHINE[0]}
    assert before == carriers_of(lone), "the next node goes on with it"
    first.communicate()


def carriers_of(running) -> list[int]:
    """The processes that carry packets for a node's network, found as children of its holder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name = (entry / "comm").read_text().strip()
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if name.startswith(("pasta", "passt", "slirp4netns")) and parent == running.holder:
                found.append(int(entry.name))
    return sorted(found)
