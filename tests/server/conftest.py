"""Every promise about connections is kept on both event loops."""

from __future__ import annotations

import pytest
from loopback import LOOPS, run


@pytest.fixture(params=LOOPS, ids=["asyncio", "uvloop"])
def both_loops(request):
    """Run the test's coroutines on this loop; a test file asks for it with `usefixtures`."""
    run.loop_factory = request.param
