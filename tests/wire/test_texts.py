"""Characters that no text can hold are refused where requests are read, in the words of each protocol."""

from __future__ import annotations

import pytest
from raw_requests import action, form_request, json_request, rest_request
from served import route

from understudy_aws.core.errors import ApiError


def refused(request) -> tuple[str, int]:
    found = route(request)
    with pytest.raises(ApiError) as caught:
        found.protocol.parse(found)
    # A refusal must be a text itself.
    assert found.protocol.render_error(caught.value, found.service, "id").body
    return caught.value.code, caught.value.status


HALF_PAIRS = [r"\ud800", r"\uDBFF", r"\udc00", r"\uDFFFx", r"\ud800\ud800", r"\ude00\ud83d"]


@pytest.mark.parametrize("text", HALF_PAIRS)
@pytest.mark.parametrize(
    "body", ['{"VpcConnectorName":"%"}', '{"Tags":[{"Key":"%"}]}', '{"%":1}', '{"Subnets":["%"]}']
)
def test_half_a_pair_in_json(text, body):
    sent = body.replace("%", text).encode()
    assert ("SerializationException", 400) == refused(json_request("AppRunner.CreateVpcConnector", sent))


@pytest.mark.parametrize("text", [r"\u0000", r"a\u0000b"])
def test_a_nul_in_json(text):
    """In a list, where no pattern asks for anything, and in a name, where the pattern has its own words."""
    sent = b'{"VpcConnectorName":"name","Subnets":["%s"]}' % text.encode()
    assert ("SerializationException", 400) == refused(json_request("AppRunner.CreateVpcConnector", sent))
    sent = b'{"VpcConnectorName":"%s","Subnets":["s"]}' % text.encode()
    assert 400 == refused(json_request("AppRunner.CreateVpcConnector", sent))[1]


@pytest.mark.parametrize("text", [*HALF_PAIRS, r"\u0000"])
def test_in_rest_json(text):
    sent = f'{{"policyDocument":"{text}","policyType":"IDENTITY_POLICY"}}'.encode()
    assert ("SerializationException", 400) == refused(rest_request("POST", "/policy/validation", body=sent))


def test_a_whole_pair_is_a_text():
    sent = rb'{"policyDocument":"\ud83d\ude00","policyType":"IDENTITY_POLICY"}'
    found = route(rest_request("POST", "/policy/validation", body=sent))
    assert "😀" == found.protocol.parse(found)["policy_document"]


def test_a_backslash_before_the_escape_is_a_text():
    """As in a policy document that is carried as text: what it means is for its own reader to say."""
    sent = rb'{"policyDocument":"\\ud800","policyType":"IDENTITY_POLICY"}'
    found = route(rest_request("POST", "/policy/validation", body=sent))
    assert r"\ud800" == found.protocol.parse(found)["policy_document"]


@pytest.mark.parametrize("escaped", ["%00", "\0"])
def test_a_nul_in_a_form(escaped):
    """Where a pattern forbids it, its own words come first."""
    body = f"Action=GetRole&Version=2010-05-08&RoleName=a{escaped}"
    assert ("ValidationError", 400) == refused(form_request("iam", body))
    body = f"Action=ListUsers&Version=2010-05-08&Marker=a{escaped}"
    assert 400 == refused(form_request("iam", body))[1]
    body = f"Action=DescribeVpcs&Version=2016-11-15&NextToken=a{escaped}"
    assert ("InvalidParameterValue", 400) == refused(form_request("ec2", body))


@pytest.mark.parametrize("escaped", ["%FF", "%C3", "%ED%A0%80", "%F4%90%80%80", "%C0%80"])
def test_bytes_that_are_no_utf_8_in_a_form(escaped):
    """Half a surrogate pair, a character beyond the last, an overlong form: all are no UTF-8."""
    body = f"Action=GetRole&Version=2010-05-08&RoleName={escaped}"
    assert ("MalformedQueryString", 400) == refused(form_request("iam", body))


@pytest.mark.parametrize("raw", [b"\xff", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf_8_in_json(raw):
    sent = b'{"VpcConnectorName":"%s"}' % raw
    assert ("SerializationException", 400) == refused(json_request("AppRunner.CreateVpcConnector", sent))


def test_a_text_without_any_of_it_is_read():
    found = route(action("iam", "GetRole", RoleName="a"))
    assert {"role_name": "a"} == found.protocol.parse(found)
