"""What is rejected: seen, and not passed although there was time for that (decision 0027)."""

from __future__ import annotations

import asyncio

from networks import group, interface, vpc

from understudy_aws.dataplane.flows import Flow, Total, TotalKey
from understudy_aws.dataplane.wanted import Network
from understudy_aws.node.flow_recorder import FlowRecorder

FLOW = Flow("10.0.1.10", "10.0.2.10", 4000, 53, 17, False)
KEY: TotalKey = ("eni-a", FLOW, 0)
NETWORK = Network(
    vpcs=(
        vpc(
            "vpc-a",
            interface("a", "vpc-a-subnet-1", "10.0.1.10", flow_intervals=(60,)),
            groups=(group("sg-app"),),
        ),
    ),
    flow_seconds=1,
)


class ReadRecorder(FlowRecorder):
    """A recorder that is told packets seen and passed, one reading after another, instead of asking a kernel."""

    def __init__(self, directory, readings: list[tuple[int, int]]) -> None:
        super().__init__(None, directory, "network")
        self.readings = [(0, 0), *readings]
        self.read = 0

    def _totals(self, logged, sets):
        passed = sets[0].passed
        packets = self.readings[0][passed]
        if passed:
            self.read += 1
            self.readings = self.readings[1:]
        return {KEY: Total(packets, packets * 29)} if packets else {}

    def _uncounted(self, logged):
        return {}


def told(directory, *readings: tuple[int, int]) -> tuple[dict[bool, int], int]:
    """Return the packets of each verdict, and how often it was read what has passed."""

    async def story() -> tuple[dict[bool, int], int]:
        recorder = ReadRecorder(directory, list(readings))
        await recorder.want(NETWORK)
        await recorder._stop()
        while recorder.readings:
            await recorder._take()
        await recorder.want(Network())
        found: dict[bool, int] = {}
        for window in recorder.told(0, 100):
            for each in window.flows:
                found[each.accepted] = found.get(each.accepted, 0) + each.packets
        return found, recorder.read

    return asyncio.run(story())


def test_a_packet_on_its_way_is_not_rejected(tmp_path):
    assert told(tmp_path, (3, 2), (3, 3), (4, 4))[0] == {True: 4}


def test_a_flow_that_a_reading_misses_is_not_rejected(tmp_path):
    assert told(tmp_path, (3, 3), (150, 0), (150, 150), (200, 200))[0] == {True: 200}


def test_what_never_passes_is_rejected_and_is_looked_at_twice_only_when_it_is_new(tmp_path):
    found, read = told(tmp_path, (5, 2), (5, 2), (5, 2), (5, 2), (6, 3))
    assert found == {True: 3, False: 3}
    assert read == len([(0, 0), (5, 2), (5, 2), (5, 2), (5, 2), (6, 3)])
