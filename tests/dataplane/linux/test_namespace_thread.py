"""The thread that enters namespaces, which health checks and ingress share."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError

import pytest

from understudy_aws.dataplane.linux.namespaces import NamespaceThread


@pytest.fixture
def thread():
    thread = NamespaceThread()
    yield thread
    thread.close()


@pytest.mark.parametrize("fails", [False, True], ids=["returns", "raises"])
def test_who_gives_up_waiting_does_not_end_the_thread_for_others(thread, fails):
    """A health check is cancelled when its instance ends, also while the thread has work of it in its queue or in hand."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        assert go_on.wait(10)
        if fails:
            raise OSError

    in_hand, queued = thread.submit(slow), thread.submit(lambda: done.append("queued"))
    assert begun.wait(10)
    in_hand.cancel()
    assert queued.cancel()
    go_on.set()
    assert thread.submit(lambda: "answered").result(10) == "answered"
    with pytest.raises(CancelledError):
        queued.result(0)
    assert done == []
