"""A full table of connections is told, with what would make room."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from networks import group, interface, rule, vpc

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
