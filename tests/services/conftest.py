"""How the tests of services expect a refusal."""

from __future__ import annotations

import pytest
import refusals


@pytest.fixture
def refused():
    """Expect a refusal of this code, and of this text and HTTP status if they are given."""
    return refusals.refused
