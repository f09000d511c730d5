"""The few things most tests need."""

from __future__ import annotations

import pytest

from understudy.testing import Understudy


@pytest.fixture
def understudy():
    """A whole understudy in this process, strict, in memory."""
    with Understudy() as made:
        yield made
