"""A namespace in which nothing happens is not looked at again, and one in which anything does is, at the next look."""

from __future__ import annotations

import time
from ipaddress import ip_interface, ip_network
from pathlib import Path

import pytest
from drivers import with_namespaces
from nodes import refusal_for

from understudy_aws.dataplane.linux import nftables, routing, watching
from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.linux.watching import Watch

REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")


def request(namespaces: Namespaces, name: str, *messages) -> None:
    namespaces.inside(name, lambda: NetlinkSocket(routing.NETLINK_ROUTE).request(messages))


def flip(namespaces: Namespaces, name: str, setting: str) -> None:
    def done() -> None:
        file = Path("/proc/sys/net", setting)
        file.write_text(str(int(not int(file.read_text()))))

    namespaces.inside(name, done)


def commit(namespaces: Namespaces, name: str, *messages) -> None:
    def done() -> None:
        sent = NetlinkSocket(nftables.NETLINK_NETFILTER)
        sent.commit(nftables.begin(), list(messages), nftables.end())

    namespaces.inside(name, done)


def added(namespaces: Namespaces, name: str) -> None:
    with namespaces.opened("other") as other:
        request(
            namespaces, name, routing.new_veth("a", 1500, peer="b", peer_namespace=other, peer_mac="02:00:00:00:00:01")
        )  # fmt: skip


LO = routing.LOOPBACK
CHANGES = {
    "a link": added,
    "a link's state": lambda them, name: request(them, name, routing.configure_link(LO, "changed")),
    "an address": lambda them, name: request(them, name, routing.address(LO, ip_interface("10.9.0.1/32"))),
    "an address of IPv6": lambda them, name: request(them, name, routing.address(LO, ip_interface("fd00::9/128"))),
    "a route": lambda them, name: request(them, name, routing.route(ip_network("10.8.0.0/24"), 254, index=LO)),
    "a route of IPv6": lambda them, name: request(them, name, routing.route(ip_network("fd01::/64"), 254, index=LO)),
    "a rule": lambda them, name: request(them, name, routing.mark_rule(2, 7, 70)),
    "a rule of IPv6": lambda them, name: request(them, name, routing.mark_rule(10, 7, 70)),
    "a filter": lambda them, name: commit(them, name, nftables.new_table("somebodys")),
    "forwarding": lambda them, name: flip(them, name, "ipv4/ip_forward"),
    "forwarding of IPv6": lambda them, name: flip(them, name, "ipv6/conf/all/forwarding"),
    "a link's forwarding": lambda them, name: flip(them, name, "ipv4/conf/lo/forwarding"),
    "the way back": lambda them, name: flip(them, name, "ipv4/conf/all/rp_filter"),
    "its end": lambda them, name: them.delete(name),
}  # fmt: skip


@pytest.fixture
def quietly():
    """Runs a test with namespaces of which a watch knows that they are as wanted."""

    def run(test) -> None:
        def with_watch(directory: Path) -> None:
            namespaces = Namespaces(directory, NamespaceThread())
            watch = Watch()
            for name in ("changed", "other", "quiet"):
                namespaces.create(name, lambda: None)
            request(namespaces, "changed", routing.link_up(LO))
            for name in namespaces.names():
                with namespaces.opened(name) as fd:
                    watch.follow(name, fd)
                watch.is_as_wanted(name)
            assert watch.quiet(namespaces.identities()) == {"changed", "other", "quiet"}
            test(namespaces, watch)

        with_namespaces(with_watch)

    return run


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_a_namespace_is_heard(quietly, change):
    def test(namespaces: Namespaces, watch: Watch) -> None:
        CHANGES[change](namespaces, "changed")
        until = time.monotonic() + 2
        while "changed" in (quiet := watch.quiet(namespaces.identities())) and time.monotonic() < until:
            # An address of IPv6 is the kernel's to make, when it has the time.
            time.sleep(0.01)
        assert "changed" not in quiet
        assert "quiet" in quiet
        # Until it was looked at again.
        assert "changed" not in watch.quiet(namespaces.identities())
        if change != "its end":
            watch.is_as_wanted("changed")
            assert "changed" in watch.quiet(namespaces.identities())

    quietly(test)


def test_a_namespace_that_took_anothers_name_is_not_that(quietly):
    def test(namespaces: Namespaces, watch: Watch) -> None:
        with namespaces.opened("changed"):
            namespaces.delete("changed")
            namespaces.create("changed", lambda: None)
            assert "changed" not in watch.quiet(namespaces.identities())
            # It was not followed before it was looked at.
            watch.is_as_wanted("changed")
            assert "changed" not in watch.quiet(namespaces.identities())

    quietly(test)


@pytest.mark.parametrize("lost", ["more than the kernel keeps", "more than is read at once"])
def test_where_more_happened_than_was_told_nothing_is_quiet(quietly, lost, monkeypatch):
    if lost == "more than is read at once":
        monkeypatch.setattr(watching, "_MOST_EVENTS", 10)
    else:
        monkeypatch.setattr(watching, "_BUFFER", 1)

    def test(namespaces: Namespaces, watch: Watch) -> None:
        routes = [routing.route(ip_network(f"10.8.{at}.0/24"), 254, index=LO) for at in range(100)]
        request(namespaces, "changed", *routes)
        assert watch.quiet(namespaces.identities()) == frozenset()

    quietly(test)


def test_where_the_kernel_tells_nothing_nothing_is_quiet(monkeypatch):
    monkeypatch.setattr(watching, "_SOL_NETLINK", 9999)

    def test(directory: Path) -> None:
        namespaces = Namespaces(directory, NamespaceThread())
        watch = Watch()
        namespaces.create("one", lambda: None)
        with namespaces.opened("one") as fd:
            watch.follow("one", fd)
        watch.is_as_wanted("one")
        assert watch.quiet(namespaces.identities()) == frozenset()

    with_namespaces(test)
