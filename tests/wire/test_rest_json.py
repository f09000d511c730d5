"""REST JSON (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html), against what botocore writes and reads."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import random
from datetime import UTC, datetime

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from botocore.awsrequest import HeadersDict
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_requests import rest_request
from rest_samples import as_received, placed_sample, routed
from samples import without_empties
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.model import described, load
from understudy_aws.wire.protocol import RestRoute
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.routing import RoutingError
from understudy_aws.wire.uri_templates import UriTable

REST = PROTOCOLS["rest-json"]
# Among them: greedy labels, constant query strings, maps in the query string and in headers, JSON in headers,
# bodies of bytes and of one member, statuses as members, documents, unions, and timestamps in all formats.
SERVICES = (
    "accessanalyzer", "apigateway", "backup", "batch", "bedrock-runtime", "chime-sdk-messaging", "cleanrooms",
    "cognito-sync", "controltower", "dataexchange", "efs", "eks", "glacier", "iot", "iot-data", "lambda",
    "lex-models", "lex-runtime", "mediastore-data", "pinpoint", "polly", "s3tables", "signer", "workspaces-web", "xray",
)  # fmt: skip
WITHOUT_BODY = (204, 304)
SHAPES = functools.cache(described)


@pytest.fixture(scope="module")
def models():
    session = botocore.session.get_session()
    return {service: session.get_service_model(service) for service in SERVICES}


def one_of(model):
    return lambda name: getattr(model.shape_for(name), "is_tagged_union", False)


@pytest.mark.parametrize("service", SERVICES)
def test_what_botocore_writes_we_read(models, service):
    model, ours, draw = models[service], described(service), random.Random(service)
    table = UriTable(ours.http_bindings())
    serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
    for name in sorted(ours.operation_names):
        shape = ours.operation(name).input
        for _ in range(3 if shape is not None else 1):
            given = placed_sample(shape, draw, unions=one_of(model)) if shape is not None else {}
            params = without_empties(given)
            request = as_received(serializer.serialize_to_request(params, model.operation_model(name)))
            found = routed(request, ours, table)
            assert name == found.operation.name
            if shape is None:
                continue
            read = without_empties(REST.read(found))
            if params.get(shape.payload) == b"" or read.get(shape.payload) == b"":
                # No bytes are as good as none.
                assert params.pop(shape.payload, b"") == read.pop(shape.payload, b"")
            for member, known in shape.members.items():
                if known.location == "querystring" and known.shape.type == "map":
                    # A map is the whole query string, whatever else stands in it.
                    assert params.pop(member, {}).items() <= read.pop(member, {}).items()
                if known.location == "headers":
                    params[member] = {key.lower(): text for key, text in params[member].items()}
            assert without_empties(params) == read, name


@pytest.mark.parametrize("service", SERVICES)
def test_what_we_write_botocore_reads(models, service):
    model, ours, draw = models[service], described(service), random.Random(service)
    parser = botocore.parsers.create_parser("rest-json")
    for name in sorted(ours.operation_names):
        operation = ours.operation(name)
        output = operation.output
        if output is None:
            assert (operation.status, b"") == (REST.render(operation, None, "an-id").status, b"")
            continue
        for _ in range(3):
            answer = without_empties(placed_sample(output, draw, unions=one_of(model)))
            response = REST.render(operation, answer, "an-id")
            as_read = {
                "status_code": response.status,
                "headers": HeadersDict(dict(response.headers)),
                "body": response.body,
            }
            payload = output.members.get(output.payload)
            if payload is not None and payload.shape.is_event_stream:
                continue
            if payload is not None and payload.shape.type == "blob":
                assert answer.pop(output.payload, b"") == response.body
                as_read["body"] = b""
            if response.status in WITHOUT_BODY:
                answer = {key: value for key, value in answer.items() if output.members[key].location}
            read = parser.parse(as_read, model.operation_model(name).output_shape)
            assert "an-id" == read.pop("ResponseMetadata")["RequestId"]
            for key, member in output.members.items():
                if member.location == "statusCode":
                    assert answer.pop(key, operation.status) == read.pop(key)
                elif member.location == "headers":
                    # Where they have no prefix these are all headers there are.
                    assert answer.pop(key, {}).items() <= read.pop(key, {}).items()
                elif member.location_name.lower() == "content-type":
                    # An answer has one, whether it was given or not.
                    assert answer.pop(key, read[key]) == read.pop(key)
            assert said(answer, output.payload) == said(read, output.payload), name


def said(answer, payload):
    """What an answer says; a body of no letters says nothing."""
    return {key: item for key, item in without_empties(answer).items() if item or key != payload}


# What is read, by a service whose operations have members in all places.


def read(service: str, method: str, path: str, query: str = "", body: bytes = b"", **headers: str):
    ours = described(service)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = HttpRequest(method, path, query, named, body)
    return REST.parse(routed(request, ours, UriTable(ours.http_bindings())))


def refused(*arguments, **headers):
    with pytest.raises(ApiError) as caught:
        read(*arguments, **headers)
    return caught.value.code, caught.value.status, caught.value.message


def test_each_member_is_read_where_it_stands():
    expected = {
        "function_name": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "qualifier": "a",
        "invocation_type": "Event",
        "payload": b"\x00\xff",
    }
    path = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af/invocations"
    asked = ("lambda", "POST", path, "Qualifier=%61", b"\x00\xff")
    assert expected == read(*asked, x_amz_invocation_type="Event")


def test_a_list_in_the_query_string_is_its_name_repeated():
    path = "/tags/arn%3Aaws%3Aaccess-analyzer%3Aus-east-1%3A1%3Aanalyzer%2Fa"
    found = read("accessanalyzer", "DELETE", path, "tagKeys=one&tagKeys=two%20words&other=1")
    arn = "arn:aws:access-analyzer:us-east-1:1:analyzer/a"
    assert {"resource_arn": arn, "tag_keys": ["one", "two words"]} == found


def test_of_a_scalar_given_twice_the_first_counts():
    found = read("accessanalyzer", "GET", "/analyzer", "nextToken=first&nextToken=second")
    assert {"next_token": "first"} == found


def test_an_empty_value_is_a_value():
    assert {"next_token": ""} == read("accessanalyzer", "GET", "/analyzer", "nextToken=")


@pytest.mark.parametrize(
    ("text", "said"),
    [("x", "an Integer"), ("1.5", "an Integer"), ("", "an Integer"), ("2147483648", "an Integer")],
)
def test_text_of_another_type_is_a_serialization_error(text, said):
    expected = ("SerializationException", 400, f"STRING_VALUE can not be converted to {said}")
    assert expected == refused("accessanalyzer", "GET", "/analyzer", f"maxResults={text}")


def test_a_body_of_another_content_type_is_refused():
    code, status, _ = refused(
        "accessanalyzer", "POST", "/policy/validation", "", b"a=1", content_type="text/xml"
    )
    assert ("UnsupportedMediaTypeException", 415) == (code, status)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "", "application/x-amz-json-1.1"])  # fmt: skip
def test_json_is_read_whatever_json_is_called(content_type):
    body = b'{"policyDocument": "{}", "policyType": "IDENTITY_POLICY"}'
    found = read("accessanalyzer", "POST", "/policy/validation", "", body, content_type=content_type)
    assert {"policy_document": "{}", "policy_type": "IDENTITY_POLICY"} == found


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b"1", b'"text"', b"[" * 100_000])
def test_a_body_that_is_no_json_structure_is_a_serialization_error(body):
    assert "SerializationException" == refused("accessanalyzer", "POST", "/policy/validation", "", body)[0]


def test_what_does_not_hold_is_told_by_field():
    """The shape ValidationException of Access Analyzer's API description: reason and fieldList."""
    body = b'{"policyType": "POLICY"}'
    with pytest.raises(ApiError) as caught:
        read("accessanalyzer", "POST", "/policy/validation", "", body)
    error = caught.value
    document = "Value null at 'policyDocument' failed to satisfy constraint: Member must not be null"
    kind = (
        "Value 'POLICY' at 'policyType' failed to satisfy constraint: Member must satisfy enum value set: "
        "[IDENTITY_POLICY, RESOURCE_POLICY, SERVICE_CONTROL_POLICY, RESOURCE_CONTROL_POLICY]"
    )
    assert ("ValidationException", 400) == (error.code, error.status)
    assert f"2 validation errors detected: {document}; {kind}" == error.message
    fields = [{"name": "policyDocument", "message": document}, {"name": "policyType", "message": kind}]
    assert {"reason": "fieldValidationFailed", "fieldList": fields} == error.detail


# What is written.


def body_and_headers(response):
    return json.loads(response.body), {name.lower(): value for name, value in response.headers}


def test_a_refusal_names_its_code_in_body_and_header():
    error = ApiError("ValidationException", "no", detail={"reason": "other", "fieldList": [{"name": "a", "message": "b"}]})  # fmt: skip
    response = REST.render_error(error, load("accessanalyzer"), "the-id")
    body, headers = body_and_headers(response)
    expected = {"__type": "ValidationException", "message": "no", "reason": "other", "fieldList": [{"name": "a", "message": "b"}]}  # fmt: skip
    assert (400, expected) == (response.status, body)
    assert ("ValidationException", "the-id", "application/json") == (
        headers["x-amzn-errortype"],
        headers["x-amzn-requestid"],
        headers["content-type"],
    )


def test_what_a_refusal_says_in_a_header_stands_there():
    error = ApiError("ThrottlingException", "slower", 429, detail={"retryAfterSeconds": 3})
    body, headers = body_and_headers(REST.render_error(error, load("accessanalyzer"), "the-id"))
    assert ({"__type": "ThrottlingException", "message": "slower"}, "3") == (body, headers["retry-after"])


def test_the_message_is_spelled_as_the_service_spells_it():
    error = ApiError("ResourceNotFoundException", "gone", 404)
    body, _ = body_and_headers(REST.render_error(error, described("lambda"), "the-id"))
    assert {"__type": "ResourceNotFoundException", "Message": "gone"} == body


def test_a_code_no_service_describes_is_said_all_the_same():
    error = ApiError("A\r\nSet-Cookie: b", "ü", 501)
    body, headers = body_and_headers(REST.render_error(error, None, "the-id"))
    assert ("ASet-Cookie: b", "ü") == (headers["x-amzn-errortype"], body["message"])


def test_timestamps_are_written_as_the_description_says():
    at = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
    analyzer = load("accessanalyzer").operation("GetAnalyzer")
    said = json.loads(REST.render(analyzer, {"analyzer": {"createdAt": at}}, "id").body)
    assert {"analyzer": {"createdAt": "2026-03-04T05:06:07.089Z"}} == said
    job = described("glacier").operation("GetDataRetrievalPolicy")
    assert {"Policy": {"Rules": []}} == json.loads(REST.render(job, {"Policy": {"Rules": []}}, "id").body)
    signed = described("signer").operation("DescribeSigningJob")
    assert {"createdAt": 1772600767.089} == json.loads(REST.render(signed, {"createdAt": at}, "id").body)


def test_a_member_the_output_has_not_is_our_own_mistake():
    with pytest.raises(KeyError, match="nothing"):
        REST.render(load("accessanalyzer").operation("GetAnalyzer"), {"nothing": 1}, "id")


def test_the_content_type_of_an_answer_may_be_a_member():
    speech = described("polly").operation("SynthesizeSpeech")
    response = REST.render(speech, {"AudioStream": b"\x00", "ContentType": "audio/mpeg"}, "id")
    assert (b"\x00", [("Content-Type", "audio/mpeg")]) == (
        response.body,
        [pair for pair in response.headers if pair[0] == "Content-Type"],
    )


# The way there.


def test_a_path_names_an_operation_of_the_service_that_signed():
    found = route(rest_request("GET", "/analyzer/a%2Fb/archive-rule/c", "x=1&x=2"))
    assert isinstance(found, RestRoute)
    assert ("accessanalyzer", "GetArchiveRule", "eu-west-1") == (
        found.service.id,
        found.operation.name,
        found.region,
    )
    assert {"analyzerName": "a/b", "ruleName": "c"} == found.labels
    assert {"x": ["1", "2"]} == found.query


def test_an_unsigned_request_is_known_by_its_path():
    signed = rest_request("POST", "/policy/validation", body=b"{}")
    headers = {name: value for name, value in signed.headers.items() if name != "authorization"}
    found = route(HttpRequest("POST", signed.path, "", headers, b"{}"))
    assert ("ValidatePolicy", "us-east-1") == (found.operation.name, found.region)


@pytest.mark.parametrize(("method", "path"), [("GET", "/policy/validation"), ("POST", "/nothing"), ("GET", "/analyzer/../x")])  # fmt: skip
def test_a_path_nobody_has_is_answered_404(method, path):
    with pytest.raises(RoutingError) as caught:
        route(rest_request(method, path))
    assert ("rest-json", "UnknownOperationException", 404) == (
        caught.value.protocol.name,
        caught.value.code,
        caught.value.status,
    )


@pytest.mark.parametrize("query", ["a=%", "a=%zz", "%ff=1", "&" * 60_000])
def test_a_query_string_that_is_no_text_is_refused(query):
    with pytest.raises(RoutingError) as caught:
        route(rest_request("GET", "/analyzer", query))
    assert ("rest-json", "SerializationException") == (caught.value.protocol.name, caught.value.code)


def test_a_path_is_nothing_to_services_that_have_none():
    request = rest_request("POST", "/analyzer", service="iam", body=b"Action=ListUsers&Version=2010-05-08")
    headers = {**request.headers, "content-type": "application/x-www-form-urlencoded"}
    assert "ListUsers" == route(HttpRequest("POST", "/analyzer", "", headers, request.body)).operation.name


def test_a_body_beyond_any_request_is_not_read():
    with pytest.raises(RoutingError) as caught:
        route(rest_request("POST", "/policy/validation", body=b"[" + b"0," * 600_000))
    assert ("RequestEntityTooLargeException", 413) == (caught.value.code, caught.value.status)


TEXTS = st.text(max_size=20) | st.sampled_from(
    ["1", "true", "2026-01-01T00:00:00Z", "Wed, 04 Mar 2026 05:06:07 GMT"]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=500, derandomize=True, deadline=None)
@given(st.data())
def test_any_values_in_any_places_are_read_or_refused(data):
    """Of whatever operation: texts of other types, JSON of other shapes, headers and labels of any letters."""
    service = SHAPES(data.draw(st.sampled_from(SERVICES)))
    operation = service.operation(data.draw(st.sampled_from(sorted(service.operation_names))))
    if operation.input is None:
        return
    labels, query, headers, body = {}, {}, {}, {}
    for name, member in operation.input.members.items():
        key = member.location_name or name
        if member.location == "uri":
            labels[key] = data.draw(TEXTS)
        elif member.location == "querystring":
            query[key] = data.draw(st.lists(TEXTS, min_size=1, max_size=2))
        elif member.location:
            headers[key.lower()] = data.draw(TEXTS | st.just(base64.b64encode(b"[]").decode()))
        else:
            body[key] = data.draw(JSON_VALUES)
    document = json.dumps(body.get(operation.input.payload, body)).encode()
    found = RestRoute(
        service, operation, REST, "us-east-1", body=document, labels=labels, query=query, headers=headers
    )
    with contextlib.suppress(ApiError):
        assert isinstance(REST.read(found), dict)
