"""The words in which each service refuses parameters that do not fit their shape."""

from __future__ import annotations

import json

import pytest
from served import IDS, route

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.model import load
from understudy_aws.wire.validation import python_pattern, validator

VERSIONS = {"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}


def query(service: str, action: str, pairs: str) -> HttpRequest:
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request"}
    body = f"Action={action}&Version={VERSIONS[service]}&{pairs}"
    return HttpRequest("POST", "/", "", headers, body.encode())


def app_runner(action: str, body: object) -> HttpRequest:
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AppRunner.{action}"}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest("POST", "/", "", headers, raw)


def parsed(request: HttpRequest) -> dict:
    found = route(request)
    return found.protocol.parse(found)


def refusal(request: HttpRequest) -> tuple[str, str]:
    with pytest.raises(ApiError) as refused:
        parsed(request)
    assert 400 == refused.value.status
    return refused.value.code, refused.value.message


def iam(pairs: str, action: str = "GetRole") -> tuple[str, str]:
    return refusal(query("iam", action, pairs))


def test_iam_does_not_print_the_value():
    """Reference iam.md 2.4."""
    assert (
        "ValidationError",
        (
            "1 validation error detected: Value at 'roleName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64"
        ),
    ) == iam(f"RoleName={'a' * 65}")


def test_sts_prints_the_value_and_joins_what_it_found():
    """Reference iam.md 2.4."""
    assert (
        "ValidationError",
        (
            "2 validation errors detected: Value 'x' at 'roleArn' failed to satisfy constraint: "
            "Member must have length greater than or equal to 20; Value 'a b' at 'roleSessionName' failed to satisfy "
            r"constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*"
        ),
    ) == refusal(query("sts", "AssumeRole", "RoleArn=x&RoleSessionName=a%20b"))


def test_a_missing_member_is_null():
    text = "1 validation error detected: Value null at 'roleName' failed to satisfy constraint: Member must not be null"
    assert ("ValidationError", text) == iam("")


def test_a_gap_in_a_list_is_a_missing_element():
    """Reference iam.md 2.8."""
    tags = "".join(f"&Tags.member.{n}.Key=k&Tags.member.{n}.Value=v" for n in (1, 3))
    text = "1 validation error detected: Value null at 'tags.2.member' failed to satisfy constraint: Member must not be null"
    assert ("ValidationError", text) == iam(f"RoleName=a{tags}", "TagRole")


def test_indexes_with_leading_zeroes_name_the_same_element():
    """Reference iam.md 2.8."""
    given = parsed(
        query("iam", "TagRole", "RoleName=a&Tags.member.1.Key=k&Tags.member.01.Value=v&Tags.member.1.Odd=x")
    )
    assert [{"Key": "k", "Value": "v"}] == given["tags"]


@pytest.mark.parametrize("index", ["0", "-1", "x"])
def test_an_index_that_is_none_is_malformed(index):
    assert "MalformedInput" == iam(f"RoleName=a&Tags.member.{index}.Key=k", "TagRole")[0]


@pytest.mark.parametrize("number,read", [("5", 5), ("005", 5), ("%2B5", 5)])
def test_integers_may_have_leading_zeroes_and_a_plus(number, read):
    """Reference iam.md 2.8."""
    assert {"max_items": read} == parsed(query("iam", "ListRoles", f"MaxItems={number}"))


@pytest.mark.parametrize("number", ["+5", "5+", "5.0", "1e2", "", "0x5", "%D9%A5"])
def test_other_spellings_of_integers_are_malformed(number):
    assert "MalformedInput" == iam(f"MaxItems={number}", "ListRoles")[0]


@pytest.mark.parametrize("text,read", [("true", True), ("1", True), ("false", False), ("0", False)])
def test_booleans_have_four_spellings(text, read):
    """Reference iam.md 2.8."""
    assert {"only_attached": read} == parsed(query("iam", "ListPolicies", f"OnlyAttached={text}"))
    assert "MalformedInput" == iam("OnlyAttached=True", "ListPolicies")[0]


def test_an_empty_list_is_sent_as_an_empty_value():
    assert [] == parsed(query("iam", "UntagRole", "RoleName=a&TagKeys="))["tag_keys"]


def test_a_nul_in_a_name_is_refused_by_its_pattern():
    assert "ValidationError" == iam("RoleName=a%00b")[0]


@pytest.mark.parametrize("key", ["größe", "键 1", "a.b:c/d=e+f-g@h", "\u00a0", "Ⅳ"])
def test_tag_keys_may_be_letters_separators_and_numbers_of_any_script(key):
    assert python_pattern(load("iam").shape("tagKeyType").pattern).fullmatch(key)


@pytest.mark.parametrize("key", ["a*b", "a#b", "\u0000", "a\nb", "{}"])
def test_tag_keys_may_not_be_anything_else(key):
    assert not python_pattern(load("iam").shape("tagKeyType").pattern).fullmatch(key)


def test_names_of_roles_are_ascii():
    assert not python_pattern(load("iam").shape("roleNameType").pattern).fullmatch("größe")


def test_every_pattern_of_every_service_compiles():
    for service in IDS:
        for name in load(service).operation_names:
            shape = load(service).operation(name).input
            if shape is not None:
                validator(shape)


def test_a_pattern_may_name_any_category_of_unicode():
    """As those of Systems Manager do: punctuation and marks."""
    pattern = python_pattern(r"^([\p{L}\p{P}\p{M}]*)$")
    assert pattern.fullmatch("a-]\\.¿\u0301")
    assert not pattern.fullmatch("a+")


def test_app_runner_names_its_own_error_and_the_value():
    """Reference apprunner.md 1.1: the pattern first, then the length."""
    pattern = r"[A-Za-z0-9][A-Za-z0-9\-_]{3,39}"
    start = "Value 'a' at 'vpcConnectorName' failed to satisfy constraint: Member must"
    text = f"2 validation errors detected: {start} satisfy regular expression pattern: {pattern}; {start} have length greater than or equal to 4"
    given = {"VpcConnectorName": "a", "Subnets": ["subnet-1"]}
    assert ("InvalidRequestException", text) == refusal(app_runner("CreateVpcConnector", given))


def test_app_runner_names_members_below_by_their_path():
    given = {"VpcConnectorName": "abcd", "Subnets": ["subnet-1"], "Tags": [{"Key": "aws:x", "Value": ""}]}
    code, text = refusal(app_runner("CreateVpcConnector", given))
    assert "InvalidRequestException" == code
    assert text.startswith("1 validation error detected: Value 'aws:x' at 'tags.1.member.key' failed")


def test_app_runner_takes_null_as_absent_and_ignores_what_it_does_not_know():
    given = {"MaxResults": None, "NextToken": None, "Colour": "red"}
    assert {} == parsed(app_runner("ListVpcConnectors", given))


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"[" * 100_000, b'{"MaxResults":"5"}', b'{"MaxResults":1.5}', b'{"NextToken":5}', b'"\xff"']
)  # fmt: skip
def test_json_that_is_none_or_of_other_types_is_a_serialization_error(body):
    assert "SerializationException" == refusal(app_runner("ListVpcConnectors", body))[0]


def test_an_absent_json_body_has_no_members():
    assert {} == parsed(app_runner("ListVpcConnectors", b""))


def ec2(action: str, pairs: str) -> tuple[str, str]:
    return refusal(query("ec2", action, pairs))


def test_ec2_names_a_missing_parameter():
    """Reference ec2.md 7.3."""
    text = "The request must contain the parameter dhcpConfigurations"
    assert ("MissingParameter", text) == ec2("CreateDhcpOptions", "")


@pytest.mark.parametrize("name", ["vpcId.1", "VpcIds.1", "Filter.1.name", "VpcId", "Odd"])
def test_ec2_does_not_recognize_other_spellings(name):
    """Reference ec2.md 7.2."""
    assert "UnknownParameter" == ec2("DescribeVpcs", f"{name}=x")[0]


def test_ec2_ignores_what_belongs_to_a_presigned_request():
    assert {} == parsed(query("ec2", "DescribeVpcs", "X-Amz-Date=20260101T000000Z&AWSAccessKeyId=AKIA"))


def test_ec2_lists_may_start_anywhere_and_have_gaps():
    """Reference ec2.md 7.2."""
    assert {"vpc_ids": ["a", "b", "c"]} == parsed(
        query("ec2", "DescribeVpcs", "VpcId.10=c&VpcId.07=b&VpcId.3=a")
    )


@pytest.mark.parametrize(
    "pairs", ["VpcId.-1=x", "MaxResults=4", "MaxResults=1001", "MaxResults=x", "DryRun=maybe"]
)
def test_ec2_refuses_values_that_do_not_fit(pairs):
    """Reference ec2.md 7.2."""
    assert "InvalidParameterValue" == ec2("DescribeVpcs", pairs)[0]


def test_ec2_names_the_value_and_the_parameter():
    assert ec2("DescribeVpcs", "MaxResults=4")[1].startswith("Value (4) for parameter maxResults is invalid.")
