"""Which operation a request is for; and that nothing a client can send is answered with our own failure."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.model import load
from understudy_aws.wire.routing import RoutingError

FORM = "application/x-www-form-urlencoded"
JSON = "application/x-amz-json-1.0"


def scope(service: str, region: str = "eu-west-1") -> str:
    return f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


def form(body: str | bytes, service: str | None = "iam", **headers: str) -> HttpRequest:
    signed = {"authorization": scope(service)} if service else {}
    raw = body.encode() if isinstance(body, str) else body
    return HttpRequest("POST", "/", "", {"content-type": FORM, **signed, **headers}, raw)


def refusal(request: HttpRequest) -> RoutingError:
    with pytest.raises(RoutingError) as refused:
        route(request)
    return refused.value


def told(request: HttpRequest) -> tuple[str, str, int, str]:
    error = refusal(request)
    return error.protocol.name, error.code, error.status, error.message


@pytest.mark.parametrize("service,protocol", [("iam", "query"), ("sts", "query"), ("ec2", "ec2")])
def test_the_signature_names_service_and_region(service, protocol):
    action = {"iam": "GetRole", "sts": "GetCallerIdentity", "ec2": "DescribeVpcs"}[service]
    version = load(service).api_version
    found = route(form(f"Action={action}&Version={version}", service))
    assert (service, action, protocol, "eu-west-1") == (
        found.service.id,
        found.operation.name,
        found.protocol.name,
        found.region,
    )


def test_a_target_names_a_json_operation_whoever_signed():
    request = HttpRequest(
        "POST", "/", "", {"content-type": JSON, "x-amz-target": "AppRunner.ListVpcConnectors"}, b"{}"
    )
    assert ("ListVpcConnectors", "json") == (route(request).operation.name, route(request).protocol.name)


def test_a_presigned_request_names_its_scope_in_the_query():
    query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Credential=AKIA%2F20260101%2Feu-west-3%2Fsts%2Faws4_request"
    found = route(HttpRequest("GET", "/", query, {}, b""))
    assert ("GetCallerIdentity", "eu-west-3") == (found.operation.name, found.region)


@pytest.mark.parametrize(
    "version,service", [("2010-05-08", "iam"), ("2011-06-15", "sts"), ("2016-11-15", "ec2")]
)
def test_the_version_decides_for_an_unsigned_request(version, service):
    action = {"iam": "GetUser", "sts": "AssumeRoleWithSAML", "ec2": "DescribeVpcs"}[service]
    found = route(form(f"Action={action}&Version={version}", None))
    assert (service, "us-east-1") == (found.service.id, found.region)


def test_the_host_decides_for_an_unsigned_request_without_a_known_version():
    text = "Could not find operation GetUser for version NO_VERSION_SPECIFIED"
    assert ("query", "InvalidAction", 400, text) == told(
        form("Action=GetUser", None, host="iam.amazonaws.com")
    )


def test_a_query_service_answers_to_its_own_version_only():
    text = "Could not find operation GetUser for version 2020-01-01"
    assert ("query", "InvalidAction", 400, text) == told(form("Action=GetUser&Version=2020-01-01"))


def test_an_unknown_action_of_a_query_service_is_named_with_its_version():
    text = "Could not find operation GetNothing for version 2010-05-08"
    assert ("query", "InvalidAction", 400, text) == told(form("Action=GetNothing&Version=2010-05-08"))


def test_an_unknown_action_of_ec2_is_named():
    text = "The action GetNothing is not valid for this web service."
    assert ("ec2", "InvalidAction", 400, text) == told(form("Action=GetNothing&Version=2016-11-15", "ec2"))


def test_an_unknown_target_is_answered_404():
    """Reference apprunner.md 1.1."""
    for target in ("AppRunner.GetNothing", "Elsewhere.ListServices", "", "AppRunner"):
        error = refusal(HttpRequest("POST", "/", "", {"content-type": JSON, "x-amz-target": target}, b"{}"))
        assert ("json", "UnknownOperationException", 404) == (error.protocol.name, error.code, error.status)


def test_a_missing_action_is_refused():
    assert "MissingAction" == refusal(form("Version=2010-05-08")).code


def test_another_content_type_is_refused():
    assert 400 == refusal(form("{}", **{"content-type": "text/plain"})).status
    headers = {"content-type": "text/plain", "x-amz-target": "AppRunner.ListVpcConnectors"}
    assert 400 == refusal(HttpRequest("POST", "/", "", headers, b"{}")).status


@pytest.mark.parametrize("body", [b"Action=%zz", b"Action=%", b"Action=%ff", b"\xff\xfe", b"%"])
def test_a_broken_form_is_refused(body):
    assert 400 == refusal(form(body)).status


@pytest.mark.parametrize("rest", [b"%zz=1", b"a=%ff", b"\xff\xfe", b"a=%ED%A0%80"])
def test_a_form_that_is_no_text_is_refused_when_it_is_read(rest):
    """`%ED%A0%80` would be half a surrogate pair."""
    found = route(form(b"Action=ListRoles&Version=2010-05-08&" + rest))
    with pytest.raises(ApiError) as refused:
        found.protocol.parse(found)
    assert ("MalformedQueryString", 400) == (refused.value.code, refused.value.status)


def test_of_a_scalar_given_twice_post_takes_the_last_and_get_the_first():
    """Reference ec2.md 7.2."""
    pairs = "Action=DescribeVpcs&Version=2016-11-15&NextToken=first&NextToken=last"
    assert "last" == route(form(pairs, "ec2")).form.read()["NextToken"]
    got = route(HttpRequest("GET", "/", pairs, {"authorization": scope("ec2")}, b""))
    assert "first" == got.form.read()["NextToken"]


PIECES = st.sampled_from(
    [
        "Action=GetRole", "Action=TagRole", "Action=DescribeVpcs", "Action=CreateTags", "Action=", "Version=2010-05-08",
        "Version=2016-11-15", "RoleName=a%00b", "RoleName", "Tags.member.1.Key=%EF%BF%BF", "Tags.member.0.Key=a",
        "Tags.member.-1=a", "Tags=", "Tags.member=a", "Tags.member.9.Key=a", "Filter.1.Name=a", "Filter.1=a",
        "Filter.x.Name=a", "VpcId.9=a", "MaxResults=%2B05", "MaxResults=1e3", "DryRun=maybe", "..=a", "=", "%", "%C3",
    ]
)  # fmt: skip
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from([FORM, JSON, "text/plain", ""]) | st.text(max_size=20),
        "authorization": st.sampled_from([scope("iam"), scope("ec2"), scope("sts"), scope("apprunner")])
        | st.text(max_size=60),
        "x-amz-target": st.sampled_from(["AppRunner.CreateVpcConnector", "AppRunner.CreateService", "."])
        | st.text(max_size=30),
        "host": st.text(max_size=20),
        "content-encoding": st.sampled_from(["gzip", "br", "identity", ""]),
    },
)
MEMBERS = st.sampled_from(
    ["VpcConnectorName", "Subnets", "Tags", "Key", "Value", "SourceConfiguration", "ImageRepository"]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4),
    max_leaves=12,
)


def refuses_or_parses(request: HttpRequest) -> None:
    """Anything but a refusal fails the test by itself."""
    with contextlib.suppress(ApiError):
        found = route(request)
        found.protocol.parse(found)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.sampled_from(["GET", "POST", "PUT"]), st.text(max_size=60), HEADERS, st.binary(max_size=120))
def test_any_bytes_are_parsed_or_refused(method, query, headers, body):
    refuses_or_parses(HttpRequest(method, "/", query, headers, body))


@settings(max_examples=600, derandomize=True, deadline=None)
@given(st.lists(PIECES, max_size=12), st.sampled_from(["iam", "ec2"]), st.booleans())
def test_any_form_is_parsed_or_refused(pieces, service, in_query):
    pairs = "&".join(pieces)
    if in_query:
        refuses_or_parses(HttpRequest("GET", "/", pairs, {"authorization": scope(service)}, b""))
    else:
        refuses_or_parses(form(pairs, service))


@settings(max_examples=400, derandomize=True, deadline=None)
@given(st.dictionaries(MEMBERS, JSON_VALUES, max_size=4) | JSON_VALUES)
def test_any_json_is_parsed_or_refused(document):
    headers = {"content-type": JSON, "x-amz-target": "AppRunner.CreateVpcConnector"}
    refuses_or_parses(HttpRequest("POST", "/", "", headers, json.dumps(document).encode()))
