"""The answer to a request whose changes could not be kept, in the shape its client reads."""

from __future__ import annotations

import json

import pytest
from raw_requests import action, json_request, rest_request


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (action("iam", "CreateUser", UserName="me"), b"<Code>ServiceUnavailable</Code>"),
        (action("sts", "GetCallerIdentity"), b"<Code>ServiceUnavailable</Code>"),
        (action("ec2", "CreateVpc", CidrBlock="10.0.0.0/16"), b"<Response><Errors><Error><Code>Unavailable</Code>"),
        (json_request("AppRunner.CreateVpcConnector", {}), b'"__type":"ServiceUnavailable"'),
        (rest_request("POST", "/policy/validation", body=b"{}"), b'"__type":"ServiceUnavailable"'),
    ],
    ids=["iam", "sts", "ec2", "apprunner", "accessanalyzer"],
)  # fmt: skip
def test_it_is_a_503_that_sdks_try_again(understudy, request_, expected):
    """Without its body, which is not kept while an answer waits."""
    response = understudy.app.not_durable(request_.without_body())
    assert 503 == response.status
    assert expected in response.body


def test_the_administrative_api_says_it_in_json(understudy):
    response = understudy.app.not_durable(rest_request("POST", "/_understudy/accounts"))
    assert (503, ["error"]) == (response.status, list(json.loads(response.body)))
