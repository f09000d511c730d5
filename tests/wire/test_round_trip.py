"""What botocore writes we read, and what we write botocore reads: every operation, several samples each."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlencode

import botocore.parsers
import botocore.serialize
import botocore.session
import pytest
from samples import sample, without_empties, without_empty_texts
from served import IDS, route

from understudy_aws.core.answers import Description
from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake
from understudy_aws.wire.protocols import PROTOCOLS

SAMPLES = {
    "ec2": 2,
    "iam": 6,
    "sts": 10,
    "apprunner": 10,
    "organizations": 6,
    "logs": 6,
    "secretsmanager": 6,
    "ssm": 3,
    "ecr": 6,
    "cloudtrail": 6,
}


# What is found by path goes another way (test_rest_json.py).
BY_NAME = tuple(service for service in IDS if load(service).protocol != "rest-json")


@pytest.fixture(scope="module")
def models():
    session = botocore.session.get_session()
    return {service: session.get_service_model(service) for service in IDS}


def received(serialized: dict[str, Any], service: str) -> HttpRequest:
    body = serialized["body"]
    if isinstance(body, dict):
        body = urlencode(body).encode()
    elif isinstance(body, str):
        body = body.encode()
    headers = {name.lower(): value for name, value in serialized["headers"].items()}
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential=AKIA/20260101/eu-west-1/{service}/aws4_request, x=y"
    )
    return HttpRequest("POST", "/", "", headers, body)


def with_one_of_each_union(value: Any, shape: Any) -> Any:
    """A value whose unions have one member each, which botocore insists on."""
    if shape.type_name == "list":
        return [with_one_of_each_union(each, shape.member) for each in value]
    if shape.type_name == "map":
        return {key: with_one_of_each_union(each, shape.value) for key, each in value.items()}
    if shape.type_name != "structure":
        return value
    kept = list(value)[:1] if shape.is_tagged_union else value
    return {name: with_one_of_each_union(value[name], shape.members[name]) for name in kept}


@pytest.mark.parametrize("service", BY_NAME)
def test_what_botocore_writes_we_read(models, service):
    model, ours, draw = models[service], load(service), random.Random(service)
    serializer = botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False)
    for name in sorted(ours.operation_names):
        shape = ours.operation(name).input
        if shape is None:
            continue
        for _ in range(SAMPLES[service]):
            params = without_empties(sample(shape, draw))
            if service == "ec2":
                # An empty text counts as absent (tests/wire/test_ec2_empty_texts.py).
                params = without_empties(without_empty_texts(params))
            request = received(serializer.serialize_to_request(params, model.operation_model(name)), service)
            found = route(request)
            read = found.protocol.read(found)
            assert (name, "eu-west-1") == (found.operation.name, found.region)
            assert params == without_empties(read), name


@pytest.mark.parametrize("viewed", [False, True])
@pytest.mark.parametrize("service", BY_NAME)
def test_what_we_write_botocore_reads(models, service, viewed):
    model, ours, draw = models[service], load(service), random.Random(service)
    parser = botocore.parsers.create_parser(model.metadata["protocol"])
    for name in sorted(ours.operation_names):
        operation = ours.operation(name)
        if operation.output is None or model.operation_model(name).has_event_stream_output:
            continue
        for _ in range(SAMPLES[service]):
            answer = without_empties(sample(operation.output, draw))
            answer = with_one_of_each_union(answer, model.operation_model(name).output_shape)
            given = views(answer) if viewed else answer
            protocol = PROTOCOLS[ours.protocol]
            first = protocol.render(operation, given, "request-id")
            assert first == protocol.render(operation, given, "request-id"), "a view renders as it did before"
            response = {
                "status_code": 200,
                "headers": {key.lower(): value for key, value in first.headers},
                "body": first.body,
            }
            read = parser.parse(response, model.operation_model(name).output_shape)
            assert "request-id" == read.pop("ResponseMetadata")["RequestId"]
            assert answer == without_empties(read), name


def views(value: Any) -> Any:
    """The same, every structure a view."""
    if isinstance(value, dict):
        return Description({name: views(item) for name, item in value.items()})
    return [views(item) for item in value] if isinstance(value, list) else value


def test_names_are_spelled_as_botocore_spells_them():
    for service in IDS:
        ours = load(service)
        for name in ours.operation_names:
            operation = ours.operation(name)
            assert botocore.xform_name(name) == snake(name)
            for shape in (operation.input, operation.output):
                for member in shape.members if shape else ():
                    assert botocore.xform_name(member) == snake(member)


def test_error_codes_and_statuses_are_botocores(models):
    for service in IDS:
        for name in load(service).operation_names:
            ours = load(service).operation(name).errors
            theirs = {
                error.error_code: error.metadata.get("error", {}).get("httpStatusCode")
                for error in models[service].operation_model(name).error_shapes
            }
            assert set(theirs) == set(ours), name
            for code, status in theirs.items():
                assert status in (None, ours[code])
