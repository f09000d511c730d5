"""How a check's findings are worded."""

from __future__ import annotations

import pytest

from understudy_aws.policy.findings.check import MOST_TOLD, listed


@pytest.mark.parametrize(
    ("count", "end"), [(1, "t0"), (MOST_TOLD, f"t{MOST_TOLD - 1}"), (MOST_TOLD + 1, " and 1 more")]
)
def test_a_long_list_ends_with_how_many_more_there_are(count, end):
    told = listed(f"t{number}" for number in range(count))
    assert told.endswith(end)
    assert told.count("t") == min(count, MOST_TOLD)
