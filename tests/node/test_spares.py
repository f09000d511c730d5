"""Namespaces that are made ahead: they are taken once, and are what one that is made when it is needed is."""

from __future__ import annotations

from pathlib import Path
from queue import SimpleQueue

import pytest
from drivers import with_namespaces
from nodes import refusal_for

from understudy_aws.dataplane.linux import routing
from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.linux.netlink import NetlinkSocket
from understudy_aws.dataplane.linux.spares import Spares

REFUSED = refusal_for(None)
pytestmark = pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "networks can be made")


def test_a_spare_becomes_a_namespace_and_is_prepared_once():
    def test(directory: Path) -> None:
        namespaces = Namespaces(directory, NamespaceThread())
        ahead, now = SimpleQueue(), SimpleQueue()
        spares = Spares(lambda: ahead.put(Path("/proc/thread-self/ns/net").stat().st_ino))
        assert spares.take() is None
        spares.refill()
        first, second = ahead.get(timeout=20), ahead.get(timeout=20)
        # The second is ready a moment after it was prepared; by the end of another refill both are.
        spares.refill()
        spares.wait()
        for name in ("one", "two", "three"):
            namespaces.create(name, lambda: now.put("prepared"), spares.take)
        assert (namespaces.identity("one"), namespaces.identity("two")) == (first, second)
        assert (now.qsize(), ahead.qsize()) == (1, 0)
        for name in ("one", "three"):
            namespaces.inside(
                name, lambda: NetlinkSocket(routing.NETLINK_ROUTE).request([routing.link_up(1)])
            )
        # There is one already: nothing is taken for it.
        spares.refill()
        spares.wait()
        namespaces.create("one", lambda: None, lambda: pytest.fail("a spare was taken"))
        spares.close()
        assert spares.take() is None

    with_namespaces(test)


def test_where_no_more_can_be_made_there_are_no_spares():
    def test(_directory: Path) -> None:
        def refused() -> None:
            raise OSError(28, "No space left on device")

        spares = Spares(refused)
        spares.refill()
        spares.wait()
        assert spares.take() is None
        spares.close()

    with_namespaces(test)
