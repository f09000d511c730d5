"""A full table of connections is told, with what would make room."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from networks import group, interface, rule, vpc
from nodes import node, refusal_for

from understudy_aws.dataplane.wanted import Network
from understudy_aws.node import full_tables
from understudy_aws.node.full_tables import TOLD_SECONDS, FullTables, lost_connections

# As a machine with two processors has it; the columns are those of Linux 5.10 and of 6.x alike.
HEAD = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop "
    "icmp_error  expect_new expect_create expect_delete search_restart\n"
)
LINE = "0003ffff  00000000 00000000 00000000 00000002 00000000 00000000 00000000 00000000 00000000 {} {} 00000000  00000000 00000000 00000000 00000000\n"  # fmt: skip


def counters(*losses: tuple[int, int]) -> str:
    return HEAD + "".join(LINE.format(f"{drop:08x}", f"{early:08x}") for drop, early in losses)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        (counters((0, 0), (0, 0)), 0),
        (counters((1, 0x10), (0xA, 0)), 27),
        ("entries  searched found drop\n00000001  00000000 00000000 00000003\n", 3),
        (HEAD, 0),
        ("", 0),
    ],
)
def test_what_was_dropped_and_given_up_is_summed_over_processors(tmp_path, text, lost):
    file = tmp_path / "nf_conntrack"
    file.write_text(text)
    assert lost_connections(file) == lost
    assert lost_connections(tmp_path / "none") == 0


def test_it_is_told_for_a_while_after_connections_were_lost(monkeypatch):
    """Each VPC for itself; what was lost before this node began is not told, nor what was in a former namespace."""
    lost, identities, now = {"vpc-a": 5, "vpc-b": 0}, {"vpc-a": 1, "vpc-b": 2}, [100.0]
    entered = SimpleNamespace(identity=identities.get, inside=lambda name, _: lost[name])
    tables = FullTables(entered, lambda: now[0])
    network = Network(vpcs=(vpc("vpc-a", groups=()), vpc("vpc-b", groups=())))
    monkeypatch.setattr(full_tables, "_most", lambda: 1000)

    def look() -> str:
        try:
            asyncio.run(tables.want(network))
        except OSError as error:
            return str(error)
        return ""

    assert look() == ""
    lost["vpc-b"] = 7
    assert "is full in vpc-b (7 lost): unanswered ones" in look()
    assert "nf_conntrack_max=2000" in look()
    now[0] += TOLD_SECONDS - 1
    assert "vpc-b" in look()
    now[0] += 2
    assert look() == ""
    identities["vpc-b"], lost["vpc-b"] = 3, 0
    assert look() == ""
    lost["vpc-b"] = 1
    assert "vpc-b (1 lost)" in look()


def test_a_router_with_room_has_lost_nothing(running):
    running.want(
        Network(
            vpcs=(
                vpc("vpc-a", interface("app", "vpc-a-subnet-1", "10.0.1.10"), groups=(group("sg-app", rule()),)),
            )
        )
    )  # fmt: skip
    running.damage(
        "vpc-a",
        "from understudy_aws.node.full_tables import _COUNTERS, lost_connections\n"
        "assert 'early_drop' in _COUNTERS.read_text()\n"
        "assert lost_connections() == 0",
    )
    assert "new connections" not in running.status().services


# Connections nobody answers, a hundred thousand to each line that comes in.
FLOOD = """
import socket, sys
for _ in sys.stdin:
    for _ in range(2):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.0.1.10", 0))
        for port in range(1, 50001): s.sendto(b"", ("10.0.2.10", port))
        s.close()
    print("sent", flush=True)
"""
TALK = """
import socket, sys
server = socket.create_server(("10.0.2.10", 5432)); print("listens", flush=True)
taken, _ = server.accept()
while data := taken.recv(100): taken.sendall(data)
"""
ASK = """
import socket, sys
s = socket.create_connection(("10.0.2.10", 5432), 20)
for line in sys.stdin: s.sendall(line.encode()); print(s.recv(100).decode().strip(), flush=True)
"""


def test_a_table_that_is_full_is_told_and_neither_ends_connections_nor_keeps_others_from_beginning(tmp_path):
    """Also those of other VPCs go on; what is dropped by a rule is dropped still."""
    if refused := refusal_for(None):
        pytest.skip(refused)
    if full_tables._most() > 300_000:
        pytest.skip("to fill the table of this machine takes too long")
    rules = (rule("17", (1, 65535), group="sg-app"), rule("6", 5432, group="sg-app"))
    made = [
        vpc(
            id,
            interface(f"app-{id}", f"{id}-subnet-1", "10.0.1.10"),
            interface(f"two-{id}", f"{id}-subnet-1", "10.0.1.11"),
            interface(f"db-{id}", f"{id}-subnet-2", "10.0.2.10", groups=("sg-db",)),
            groups=(group("sg-app"), group("sg-db", *rules)),
        )
        for id in ("vpc-a", "vpc-b")
    ]
    with node(tmp_path / "node") as running:
        running.want(Network(vpcs=tuple(made)))
        talking = running.python("eni-db-vpc-a", TALK)
        assert talking.line() == "listens"
        asking = running.python("eni-two-vpc-a", ASK)
        flooding = running.python("eni-app-vpc-a", FLOOD)

        def answer(command) -> str:
            command.process.stdin.write("hello\n")
            command.process.stdin.flush()
            return command.line()

        assert answer(asking) == "hello"
        for _ in range(10):
            assert answer(flooding) == "sent"
            if "new connections" in running.status().services:
                break
        else:
            # They are forgotten after half a minute, and there are never so many at once.
            pytest.skip("this machine is too busy to fill its table")
        said = running.status().services["new connections"]
        assert "is full in vpc-a (" in said
        assert "vpc-b" not in said
        assert "sysctl net.netfilter.nf_conntrack_max=" in said
        assert answer(asking) == "hello", "a connection that was answered is not given up"
        assert running.passes("eni-two-vpc-a", "10.0.2.10", 5432)
        assert running.drops("eni-two-vpc-a", "10.0.2.10", 5433)
        assert running.passes("eni-two-vpc-b", "10.0.2.10", 5432)
        for each in (flooding, asking, talking):
            each.process.kill()
            each.finish()
