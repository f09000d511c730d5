"""What App Runner reads and says (apprunner.md 1.1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from raw_requests import json_request
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.model import load
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.routing import RoutingError

JSON = PROTOCOLS["json"]


def read(body, name="CreateVpcConnector"):
    found = route(json_request(f"AppRunner.{name}", body))
    return found.protocol.parse(found)


def refusal(body, name="CreateVpcConnector"):
    with pytest.raises(ApiError) as refused:
        read(body, name)
    return refused.value.code, refused.value.status, refused.value.message


def test_all_violations_are_told_at_once_in_app_runners_own_error():
    name = "Value '!' at 'vpcConnectorName' failed to satisfy constraint: Member must"
    message = (
        "3 validation errors detected: Value null at 'subnets' failed to satisfy constraint: Member must not be "
        f"null; {name} satisfy regular expression pattern: [A-Za-z0-9][A-Za-z0-9\\-_]{{3,39}}; "
        f"{name} have length greater than or equal to 4"
    )
    assert ("InvalidRequestException", 400, message) == refusal({"VpcConnectorName": "!"})


def test_a_null_in_a_list_is_a_missing_element():
    assert "1 validation error detected: Value null at 'subnets.1.member' failed to satisfy constraint: Member must not be null" == refusal({"VpcConnectorName": "abcd", "Subnets": [None]})[2]  # fmt: skip


@pytest.mark.parametrize(
    "body", [b"[" * 1_000_000, b'{"Subnets":' * 90_000, b'{"Subnets":' + b"[" * 900 + b"]" * 900 + b"}"]
)
def test_however_deep_it_is_a_serialization_error(body):
    assert ("SerializationException", 400) == refusal(body)[:2]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (True, "BOOLEAN_VALUE can not be converted to an Integer"),
        ("5", "STRING_VALUE can not be converted to an Integer"),
        (1.5, "DECIMAL_VALUE can not be converted to an Integer"),
        ([], "START_ARRAY can not be converted to an Integer"),
        ({}, "START_OBJECT can not be converted to an Integer"),
    ],
)
def test_another_type_is_named(value, said):
    assert ("SerializationException", 400, said) == refusal({"MaxResults": value}, "ListVpcConnectors")


def test_a_whole_decimal_is_an_integer():
    assert {"max_results": 5} == read({"MaxResults": 5.0}, "ListVpcConnectors")


@pytest.mark.parametrize(
    "body", [b'{"NextToken": "\\ud800"}', b'{"NextToken": "\xff"}', b"{'a': 1}", b"{}{}", b"\x00"]
)
def test_text_that_is_no_json_is_a_serialization_error(body):
    assert "SerializationException" == refusal(body, "ListVpcConnectors")[0]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "application/x-amz-json-1.2", ""])
def test_another_content_type_is_refused(content_type):
    with pytest.raises(RoutingError) as refused:
        route(json_request("AppRunner.ListVpcConnectors", {}, content_type=content_type))
    assert ("json", "SerializationException", 400) == (
        refused.value.protocol.name,
        refused.value.code,
        refused.value.status,
    )


def test_timestamps_are_numbers_and_what_is_none_is_left_out():
    at = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
    connector = {"VpcConnectorName": "abcd", "CreatedAt": at, "DeletedAt": None}
    operation = load("apprunner").operation("CreateVpcConnector")
    response = JSON.render(operation, {"VpcConnector": connector}, "the-id")
    assert {"VpcConnector": {"VpcConnectorName": "abcd", "CreatedAt": 1772600767.089}} == json.loads(
        response.body
    )
    assert {"Content-Type": "application/x-amz-json-1.0", "x-amzn-RequestId": "the-id"} == dict(
        response.headers
    )


def test_a_service_of_json_1_1_is_answered_in_kind():
    operation = load("organizations").operation("DeleteOrganization")
    response = JSON.render(operation, None, "the-id")
    assert (b"{}", "application/x-amz-json-1.1") == (response.body, dict(response.headers)["Content-Type"])
    error = JSON.render_error(ApiError("ServiceException", "late"), load("organizations"), "the-id")
    assert "application/x-amz-json-1.1" == dict(error.headers)["Content-Type"]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "INPUT_REQUIRED"),
        ({"Email": "nobody at all", "AccountName": "a"}, "INVALID_PATTERN"),
        ({"Email": f"{'x' * 64}@example.com", "AccountName": "a"}, "MAX_LENGTH_EXCEEDED"),
        ({"Email": "a@example.com", "AccountName": "a", "IamUserAccessToBilling": "NO"}, "INVALID_ENUM"),
    ],
)
def test_organizations_gives_the_first_constraint_as_a_reason(params, reason):
    """InvalidInputException of its API description; the texts were shown to clients."""
    request = json_request(
        "AWSOrganizationsV20161128.CreateAccount", params, content_type="application/x-amz-json-1.1"
    )
    found = route(request)
    with pytest.raises(ApiError) as caught:
        found.protocol.parse(found)
    assert ("InvalidInputException", 400) == (caught.value.code, caught.value.status)
    assert reason == caught.value.detail["Reason"]


def test_a_refusal_names_its_type_in_body_and_header():
    error = ApiError("ResourceNotFoundException", 'gone: "\x00\x1f\u2028é"', 400)
    response = JSON.render_error(error, load("apprunner"), "the-id")
    body = json.loads(response.body)
    assert ("ResourceNotFoundException", error.message, error.message) == (
        body["__type"],
        body["message"],
        body["Message"],
    )
    assert "ResourceNotFoundException" == dict(response.headers)["x-amzn-ErrorType"]
    assert 400 == response.status


def test_a_code_cannot_break_out_of_its_header():
    response = JSON.render_error(ApiError("A\r\nSet-Cookie: b", ""), None, "the-id")
    assert "ASet-Cookie: b" == dict(response.headers)["x-amzn-ErrorType"]
