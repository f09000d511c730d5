"""What is left when a node or its holder is killed, and what becomes of changes that somebody else makes."""

from __future__ import annotations

import os
import resource
import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc
from nodes import findings, node

from understudy_aws.dataplane.linux.idle_timeouts import UDP_STREAM_SECONDS
from understudy_aws.dataplane.messages import Refused, TakeRepairs, Want
from understudy_aws.dataplane.wanted import Network


def small(*rules) -> Network:
    return Network(
        vpcs=(
            vpc(
                "vpc-a",
                interface("app", "vpc-a-subnet-1", "10.0.1.10"),
                interface("db", "vpc-a-subnet-2", "10.0.2.10", groups=("sg-db",)),
                groups=(group("sg-app"), group("sg-db", *rules)),
            ),
        )
    )


def test_a_killed_node_leaves_the_network_and_what_runs_in_it_to_the_next(running):
    running.want(small(rule(TCP, 80, group="sg-app")))
    sleeper = running.start("eni-app", "sh", "-c", "echo asleep; exec sleep 100")
    assert sleeper.line() == "asleep"
    before = running.status()
    running.kill()
    assert sleeper.process.poll() is None
    running.start_again()
    after = running.status()
    assert (after.holder, after.interfaces, after.repaired) == (before.holder, before.interfaces, 0)
    assert after.pid != before.pid
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.drops("eni-app", "10.0.2.10", 81)
    running.want(small())
    assert running.drops("eni-app", "10.0.2.10", 80)
    sleeper.process.kill()
    sleeper.finish()


def test_what_is_changed_while_no_node_runs_is_put_right_by_the_next(running):
    running.want(small(rule(TCP, 80, group="sg-app")))
    running.kill()
    running.damage("eni-app", "request(rt.route(ip_network('0.0.0.0/0'), rt.MAIN_TABLE, change=rt.DELETE))")
    running.damage("vpc-a", "commit(nft.flush_chain('vpc', 'groups_egress'))")
    running.start_again()
    _until(lambda: running.status().repaired >= 2, seconds=15)
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert not running.passes("eni-app", "10.0.2.10", 81)


def test_a_node_that_was_killed_before_it_had_made_what_is_wanted_makes_it(running):
    running.want(small(rule(TCP, 80, group="sg-app")))
    running.kill()
    # As a node leaves it that is killed right after it kept what is wanted.
    kept = running.directory / "wanted.json"
    first = kept.read_bytes().split(b"\n")[0]
    kept.write_bytes(first.replace(b'"10.0.2.10"', b'"10.0.2.11"') + b"\n")
    running.start_again()
    assert running.status().converged
    assert running.passes("eni-app", "10.0.2.11", 80)
    assert running.status().repaired == 0, "no address went with another one of its block"
    assert not running.passes("eni-app", "10.0.2.10", 80)


def test_with_the_holder_everything_goes(running):
    running.want(small())
    sleeper = running.start("eni-app", "sh", "-c", "echo asleep; exec sleep 100")
    assert sleeper.line() == "asleep"
    os.kill(running.status().holder, signal.SIGKILL)
    assert running.process.wait(20) == 0
    done = sleeper.finish()
    assert done.returncode == 128 + signal.SIGKILL
    assert done.stderr == "The network was taken down, and with it eni-app; sh was ended.\n"
    _until(lambda: not Path(f"/proc/{running.process.pid}").exists())
    assert list((running.directory / "namespaces").iterdir()) == []


DAMAGE = {
    "commit(nft.delete_table('vpc'))": "chain groups_egress of the filter was gone",
    "commit(nft.flush_chain('vpc', 'groups_egress'))": "chain groups_egress of the filter was changed",
    "commit(*nft.delete_elements('vpc', 'egress', [nft.element(interface_name('eeni-app'))]))": (
        "1 element of set egress gone"
    ),
    "commit(nft.new_rule('vpc', 'groups_ingress', 'let all in', verdict(1)))": (
        "chain groups_ingress of the filter was changed"
    ),
    "request(rt.delete_link('eeni-app'))": "link eeni-app to eni-app was gone",
    "request(rt.route(ip_network('10.0.2.10/32'), rt.MAIN_TABLE, change=rt.DELETE))": (
        "the route to 10.0.2.10/32 through eeni-db was gone"
    ),
    "request(rt.route(ip_network('203.0.113.0/24'), rt.MAIN_TABLE, index=1))": (
        "the route to 203.0.113.0/24 through lo is nobody's"
    ),
    "request(rt.mark_rule(2, 0, rt.MAIN_TABLE, delete=True))": "the rule for packets of mark 0 was gone",
    "commit(*nft.new_elements('vpc', 'members4_sg-app', [nft.element(bytes([10, 0, 2, 10]))]))": (
        "1 element of set members4_sg-app nobody's"
    ),
    "syscalls.unmount(str(holder.namespaces_directory(directory) / 'eni-db'))": (
        "in eni-db its namespace was gone"
    ),
    "syscalls.unmount(str(holder.namespaces_directory(directory) / 'vpc-a'))": "its namespace was gone",
}


SETTINGS = {
    "ipv4/ip_forward": ("0", "setting ipv4/ip_forward was 0 instead of 1"),
    "ipv6/conf/all/forwarding": ("0", "setting ipv6/conf/all/forwarding was 0 instead of 1"),
    "ipv4/conf/all/rp_filter": ("1", "setting ipv4/conf/all/rp_filter was 1 instead of 0"),
    "ipv4/conf/default/rp_filter": ("1", "setting ipv4/conf/default/rp_filter was 1 instead of 0"),
    "ipv4/conf/eeni-app/forwarding": ("0", "setting forwarding of link eeni-app was 0 instead of 1"),
    "ipv4/conf/eeni-db/rp_filter": ("2", "setting rp_filter of link eeni-db was 2 instead of 0"),
}
DAMAGE |= {
    f"Path('/proc/sys/net/{name}').write_text('{value}')": told for name, (value, told) in SETTINGS.items()
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_somebody_else_changes_is_put_right_and_told(running, damage):
    running.want(small(rule(TCP, 80, group="sg-app")))
    running.damage("vpc-a", damage)
    _until(lambda: running.status().untold > 0, seconds=15)
    assert running.status().converged
    assert running.passes("eni-app", "10.0.2.10", 80)
    assert running.drops("eni-app", "10.0.2.10", 81)
    assert running.drops("eni-db", "10.0.1.10", 80)
    [repair] = running.client.ask(TakeRepairs()).repairs
    assert repair.vpc == "vpc-a"
    assert DAMAGE[damage] in repair.what
    if "/proc/sys" in damage:
        assert len(repair.what) == 1, "what follows from another is not told again"
    assert repair.count == running.status().repaired


def test_what_the_kernel_tells_nobody_is_put_right_in_its_turn(running):
    running.want(small(rule(TCP, 80, group="sg-app")))
    name = "netfilter/nf_conntrack_udp_timeout_stream"
    running.damage("vpc-a", f"Path('/proc/sys/net/{name}').write_text('7')")
    running.damage("eni-db", "Path('/proc/sys/net/ipv4/ip_unprivileged_port_start').write_text('1024')")
    _until(lambda: running.status().repaired == 2, seconds=40)
    told = {clause for each in running.client.ask(TakeRepairs()).repairs for clause in each.what}
    assert told == {
        f"setting {name} was 7 instead of {UDP_STREAM_SECONDS}",
        "in eni-db setting ipv4/ip_unprivileged_port_start was 1024 instead of 0",
    }


def test_repairs_wait_for_who_notes_them_also_when_the_node_is_killed(running):
    running.want(small())
    running.damage("vpc-a", "request(rt.delete_link('eeni-app'))")
    _until(lambda: running.status().untold > 0, seconds=15)
    told = running.client.ask(TakeRepairs()).repairs
    running.kill()
    running.start_again()
    assert running.client.ask(TakeRepairs()).repairs == told
    assert running.client.ask(TakeRepairs(noted=tuple(each.id for each in told))).repairs == ()
    running.kill()
    running.start_again()
    assert running.status().untold == 0


def test_a_node_without_open_files_says_so_to_doctor_too_and_makes_nothing_by_half(running):
    """At each number of them: what can't be made is told, and made as soon as there are enough again."""
    if running.user is not None:
        pytest.skip("the node answers its own user alone")
    running.want(small())
    assert "are as they should be" in findings(running)["network"]
    node = running.process.pid
    before = resource.prlimit(node, resource.RLIMIT_NOFILE)
    failed = 0
    for spare in range(6):
        # In another VPC, whose namespaces, links and sockets must all be made anew.
        more = replace(
            small().vpcs[0], id="vpc-b", interfaces=(interface("new", "vpc-a-subnet-1", "10.0.1.30"),)
        )
        wanted = Network(vpcs=(*small().vpcs, more))
        resource.prlimit(node, resource.RLIMIT_NOFILE, (running.descriptors() + spare, before[1]))
        answer = running.client.ask(Want(wanted))
        if isinstance(answer, Refused):
            failed += 1
            assert "open files" in answer.reason
            resource.prlimit(node, resource.RLIMIT_NOFILE, (running.descriptors() + 4, before[1]))
            status = running.status()
            assert status.missing == ("eni-new",) or status.converged
        resource.prlimit(node, resource.RLIMIT_NOFILE, before)
        _until(lambda: running.status().converged, seconds=15)
        assert running.status().error == ""
        assert set(running.status().interfaces) == {"eni-app", "eni-db", "eni-new"}
        running.want(small())
        _until(lambda: running.status().converged, seconds=15)
    assert failed


def test_a_value_that_is_no_network_is_refused_and_changes_nothing(running):
    running.want(small(rule(TCP, 80, group="sg-app")))
    bad = Network(vpcs=(vpc("vpc-a", groups=(), cidrs=("10.0.0.0/99",)),))
    answer = running.client.ask(Want(bad))
    assert isinstance(answer, Refused)
    assert "10.0.0.0/99" in answer.reason
    assert running.status().converged
    assert running.passes("eni-app", "10.0.2.10", 80)
    running.kill()
    running.start_again()
    assert running.passes("eni-app", "10.0.2.10", 80)


def test_what_outlives_its_program_keeps_no_way_out(running):
    running.want(small())
    sleeper = running.start("eni-app", "sh", "-c", "echo asleep; exec sleep 100")
    assert sleeper.line() == "asleep"
    both = small()
    alone = replace(both.vpcs[0], interfaces=both.vpcs[0].interfaces[1:])
    running.want(Network(vpcs=(alone,)))
    links = Path(f"/proc/{_child_of(sleeper.process.pid)}/net/dev").read_text()
    assert "lo:" in links
    assert "eth0:" not in links
    running.want(both)
    assert running.status().converged
    assert running.run("eni-app", "cat", "/proc/net/dev").stdout.count("eth0:") == 1
    sleeper.process.kill()
    sleeper.finish()


def test_the_path_of_its_directory_may_be_longer_than_that_of_a_socket(running):
    directory = running.directory.parent / ("long" * 40) / "node"
    directory.parent.mkdir()
    with node(directory) as another:
        another.want(small())
        assert another.status().converged


def _child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def _until(condition, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)
