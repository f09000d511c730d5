"""What IAM and STS read and say (iam.md 2.4, 2.8)."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_requests import action
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import load
from understudy_aws.wire.protocols import PROTOCOLS

QUERY = PROTOCOLS["query"]
UNHOLDABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
IAM = "{https://iam.amazonaws.com/doc/2010-05-08/}"


def read(service, name, *pairs):
    found = route(action(service, name, *pairs))
    return found.protocol.read(found)


def refusal(*pairs, service="iam", name="TagUser"):
    with pytest.raises(ApiError) as refused:
        read(service, name, *pairs)
    return refused.value.code, refused.value.status


def test_indexes_out_of_order_are_put_in_order():
    pairs = [("Tags.member.2.Key", "b"), ("Tags.member.1.Key", "a"), ("Tags.member.2.Value", "2")]
    assert [{"Key": "a"}, {"Key": "b", "Value": "2"}] == read("iam", "TagUser", *pairs)["Tags"]


def test_members_aws_does_not_know_are_ignored_at_every_depth():
    pairs = [
        ("Nothing", "x"),
        ("Tags.member.1.Nothing.a", "x"),
        ("Tags.member.1.Key", "a"),
        ("Not.member.1", "x"),
    ]
    assert {"Tags": [{"Key": "a"}]} == read("iam", "TagUser", *pairs)


@pytest.mark.parametrize(
    "name",
    ["Tags.member.0.Key", "Tags.member.-1.Key", "Tags.member.1.1.Key", "Tags.member.one.Key", "Tags.member..Key",
     "Tags.member. 1.Key", "Tags.member.1.5", "Tags.1.Key", "Tags.Key", f"Tags.member.{'9' * 30}.Key",
     f"Tags.{'a.' * 40}b"],
)  # fmt: skip
def test_a_path_that_leads_to_no_element_is_malformed(name):
    assert ("MalformedInput", 400) == refusal((name, "a"))


@pytest.mark.parametrize(
    "pairs",
    [
        [("Tags.member.1", "text"), ("Tags.member.1.Key", "a")],
        [("Tags.member.1.Key", "a"), ("Tags.member.1", "text")],
        [("Tags", "text")],
        [("UserName.a", "text")],
        [("UserName", "a"), ("UserName.member.1", "b")],
    ],
)
def test_a_text_and_a_structure_at_one_place_are_malformed(pairs):
    assert ("MalformedInput", 400) == refusal(*pairs)


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet=st.characters(codec="utf-8")))
def test_any_refusal_is_xml_that_can_be_read(code, message):
    """Whatever a client put in comes back, but for the characters that XML cannot hold. IAM leaves empty texts out."""
    for protocol in (QUERY, PROTOCOLS["ec2"]):
        root = ET.fromstring(protocol.render_error(ApiError(code, message), None, "the-id").body)
        told = [root.findtext(f".//{name}", "") for name in ("Code", "Message")]
        assert [UNHOLDABLE.sub("\ufffd", text) for text in (code, message)] == told
    root = ET.fromstring(QUERY.render_error(ApiError(code, message), None, "the-id").body)
    assert bool(message) == (root.find(".//Message") is not None)


@pytest.mark.parametrize(
    ("status", "whose"), [(400, "Sender"), (404, "Sender"), (500, "Receiver"), (501, "Receiver")]
)
def test_a_refusal_says_whose_fault_it_is(status, whose):
    response = QUERY.render_error(ApiError("Code", "a < b & \x00\x1b", status), load("iam"), "the-id")
    root = ET.fromstring(response.body)
    assert [
        f"{IAM}ErrorResponse", whose, "Code", "a < b & \ufffd\ufffd", "the-id"
    ] == [root.tag, *(root.find(f".//{IAM}{name}").text for name in ("Type", "Code", "Message", "RequestId"))]  # fmt: skip
    assert status == response.status
    assert {"Content-Type": "text/xml", "x-amzn-RequestId": "the-id"} == dict(response.headers)


def test_an_operation_without_output_answers_its_metadata_only():
    response = QUERY.render(load("iam").operation("TagUser"), None, "the-id")
    assert (
        '<TagUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata>'
        "<RequestId>the-id</RequestId></ResponseMetadata></TagUserResponse>"
    ) == response.body.decode()


def test_an_answer_stands_in_its_result():
    answer = {"Account": "000000000000", "UserId": None, "Arn": "a<b"}
    response = QUERY.render(load("sts").operation("GetCallerIdentity"), answer, "the-id")
    assert (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        "<Account>000000000000</Account><Arn>a&lt;b</Arn></GetCallerIdentityResult><ResponseMetadata>"
        "<RequestId>the-id</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    ) == response.body.decode()
