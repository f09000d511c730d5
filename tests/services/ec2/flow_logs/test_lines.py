"""The text of flow log records (flow-logs.md 13.3)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from understudy_aws.dataplane.flows import CountedFlow, Flow, FlowWindow
from understudy_aws.services.ec2.flow_logs.destinations import DEFAULT_FORMAT, FIELDS
from understudy_aws.services.ec2.flow_logs.lines import Place, lines_of, stream_of
from understudy_aws.services.ec2.flow_logs.records import CLOUD_WATCH_LOGS, FlowLog

PLACE = Place(
    account="123456789010", region="us-east-1", zone_id="use1-az1", vpc="vpc-1", subnet="subnet-1",
    interface="eni-1235b8ca123456789", blocks=("172.31.0.0/16", "2001:db8::/56"),
)  # fmt: skip
ACCEPTED = CountedFlow(
    flow=Flow("172.31.16.139", "172.31.16.21", 20641, 22, 6, incoming=True),
    accepted=True, packets=20, bytes=4249, start=1418530010, end=1418530070, flags=3,
)  # fmt: skip
REJECTED = CountedFlow(
    flow=Flow("2001:db8::1", "2001:db9::2", 0, 0, 58, incoming=False),
    accepted=False, packets=1, bytes=104, start=1418530005, end=1418530006,
)  # fmt: skip


def log(format: str = DEFAULT_FORMAT, traffic: str = "ALL") -> FlowLog:
    return FlowLog(
        account="123456789010", region="us-east-1", id="fl-1", resource="vpc-1", created=datetime(2026, 1, 1, tzinfo=UTC),
        traffic=traffic, destination_type=CLOUD_WATCH_LOGS, log_format=format, interval=60, group="g",
    )  # fmt: skip


def window(*flows: CountedFlow, skipped: int = 0) -> FlowWindow:
    return FlowWindow(
        number=1,
        interface=PLACE.interface,
        interval=60,
        start=1418530000,
        end=1418530080,
        flows=flows,
        skipped=skipped,
    )


def lines(log: FlowLog, window: FlowWindow) -> list[str]:
    return [text for _, text in lines_of(log, window, PLACE)]


def test_the_default_format_is_that_of_awss_examples():
    """VPC user guide, "Flow log record examples", accepted and rejected traffic."""
    assert [
        (1418530005, "2 123456789010 eni-1235b8ca123456789 2001:db8::1 2001:db9::2 0 0 58 1 104 1418530005 1418530006 REJECT OK"),
        (1418530010, "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"),
    ] == list(lines_of(log(), window(ACCEPTED, REJECTED), PLACE))  # fmt: skip


def test_without_traffic_and_with_too_much_there_are_records_that_say_so():
    """VPC user guide, "Flow log record examples", no data and skipped records."""
    no_data = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1418530000 1418530080 - NODATA"
    skipped = no_data.replace("NODATA", "SKIPDATA")
    assert [no_data] == lines(log(), window())
    assert [skipped] == lines(log(), window(skipped=3))
    assert [skipped] == lines(log(), window(ACCEPTED, skipped=3))[1:]


@pytest.mark.parametrize(
    ("traffic", "actions"), [("ALL", ["REJECT", "ACCEPT"]), ("ACCEPT", ["ACCEPT"]), ("REJECT", ["REJECT"])]
)
def test_a_flow_log_has_the_traffic_it_is_for(traffic, actions):
    assert actions == [line.split()[12] for line in lines(log(traffic=traffic), window(ACCEPTED, REJECTED))]
    other = ACCEPTED if traffic == "REJECT" else REJECTED
    if traffic != "ALL":
        assert ["NODATA"] == [line.split()[-1] for line in lines(log(traffic=traffic), window(other))]


@pytest.mark.parametrize(
    ("format", "of_accepted", "of_rejected"),
    [
        ("${version} ${srcaddr}", "2 172.31.16.139", "2 2001:db8::1"),
        ("${version} ${type} ${tcp-flags} ${vpc-id} ${subnet-id}", "3 IPv4 3 vpc-1 subnet-1", "3 IPv6 0 vpc-1 subnet-1"),
        ("${version} ${region} ${az-id} ${sublocation-id}", "4 us-east-1 use1-az1 -", "4 us-east-1 use1-az1 -"),
        ("${version} ${flow-direction} ${traffic-path} ${type}", "5 ingress - IPv4", "5 egress - IPv6"),
        ("${pkt-dstaddr} ${instance-id} ${ecs-task-id} ${resource-id}", "172.31.16.21 - - vpc-1", "2001:db9::2 - - vpc-1"),
    ],
)  # fmt: skip
def test_a_format_has_its_fields_in_their_order(format, of_accepted, of_rejected):
    """The version is the highest of the fields; a field that does not apply is `-`."""
    assert [of_rejected, of_accepted] == lines(log(format), window(ACCEPTED, REJECTED))


def test_what_goes_to_the_own_vpc_says_so():
    inside = CountedFlow(
        flow=Flow("172.31.16.21", "172.31.16.139", 22, 20641, 6, incoming=False),
        accepted=True, packets=1, bytes=40, start=1418530010, end=1418530070,
    )  # fmt: skip
    assert ["egress 1"] == lines(log("${flow-direction} ${traffic-path}"), window(inside))


def test_every_field_there_is_has_a_value_or_a_dash():
    fields = sorted(FIELDS)
    (line,) = lines(log(" ".join(f"${{{field}}}" for field in fields)), window(ACCEPTED))
    found = dict(zip(fields, line.split(" "), strict=True))
    assert "10" == found["version"]
    assert {"srcaddr", "bytes", "az-id", "flow-direction"} <= {
        field for field, value in found.items() if value != "-"
    }


def test_the_stream_is_named_after_the_interface_and_the_traffic():
    assert "eni-1-all" == stream_of(log(), "eni-1")
    assert "eni-1-reject" == stream_of(log(traffic="REJECT"), "eni-1")
