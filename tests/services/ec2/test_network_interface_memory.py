"""What a network interface takes in memory: bytes that are allocated and stay, not time, so that load changes nothing."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from understudy_aws.testing import Understudy

COUNT = 200
OURS = [tracemalloc.Filter(True, pattern) for pattern in ("*/understudy_aws/*", "*/sortedcontainers/*")]


@pytest.fixture
def understudy(tmp_path):
    # With a state directory the rows are in a file, so that only what the server itself keeps is counted.
    with Understudy(state=str(tmp_path)) as found:
        yield found


def test_an_interface_and_its_client_token_take_little(ec2, subnet, group):
    """It was 3.9 kB, the largest part of which was the description of an interface that nobody had asked for again."""

    def make(count):
        for _ in range(count):
            ec2.create_network_interface(SubnetId=subnet, Groups=[group])
        gc.collect()

    make(10)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot().filter_traces(OURS)
        make(COUNT)
        after = tracemalloc.take_snapshot().filter_traces(OURS)
    finally:
        tracemalloc.stop()
    grown = sum(each.size_diff for each in after.compare_to(before, "filename"))
    assert grown / COUNT < 2300
