"""Made-up values for operations that are found by path, and the requests botocore makes of them."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import create_request_object, prepare_request_dict
from samples import sample

from understudy_aws.core.http import HttpRequest
from understudy_aws.wire.bodies import repeated
from understudy_aws.wire.model import ServiceShape
from understudy_aws.wire.protocol import RestRoute
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.uri_templates import UriTable

LABELS = [
    "a",
    "plain text",
    "a&b=c%20d+e",
    "übung 漢字 🎈",
    "arn:aws:x::1:role/a b",
    "...",
    "%2F",
    "x;y@z$",
    "?#",
]
HEADERS = ["a", "plain text", "a&b=c%20d+e", '"quoted" \\', "application/octet-stream", "a,b"]
DOCUMENTS: list[Any] = [{"a": [1, 2.5, None, {"b": "ü"}]}, {"deep": {"deeper": {"deepest": True}}}]


def placed_sample(shape: Any, draw: random.Random, *, unions: Any) -> dict[str, Any]:
    """A value for an input or output whose members stand in many places; `unions` tells which shapes have one member."""
    value = {}
    for name, member in shape.members.items():
        if member.shape.is_event_stream or (member.location != "uri" and draw.random() < 0.3):
            continue
        if member.location == "uri":
            text = member.shape.type == "string"
            value[name] = draw.choice(LABELS) if text else sample(member.shape, draw)
        elif member.location == "headers":
            value[name] = {"one": draw.choice(HEADERS), "two-2": draw.choice(HEADERS)}
        elif member.location == "header" and member.shape.type == "string":
            value[name] = draw.choice(DOCUMENTS if member.is_json_value else HEADERS)
        elif member.location == "header" and member.shape.type == "list":
            value[name] = [draw.choice(HEADERS[:3]) for _ in range(draw.randint(1, 3))]
        elif member.location == "statusCode":
            value[name] = draw.choice([200, 202])
        else:
            value[name] = of_one(sample(member.shape, draw), member.shape, draw, unions)
    return value


def of_one(value: Any, shape: Any, draw: random.Random, unions: Any) -> Any:
    """The value with documents filled in, and of each union no more than one member."""
    if shape.is_document:
        return draw.choice(DOCUMENTS)
    if shape.type == "structure":
        names = list(value)
        kept = [draw.choice(names)] if names and unions(shape.name) else names
        return {name: of_one(value[name], shape.members[name].shape, draw, unions) for name in kept}
    if shape.type == "list":
        return [of_one(item, shape.element.shape, draw, unions) for item in value]
    if shape.type == "map":
        return {name: of_one(item, shape.value.shape, draw, unions) for name, item in value.items()}
    return value


def as_received(serialized: dict[str, Any]) -> HttpRequest:
    """What botocore's serializer made, as a server receives it."""
    prepare_request_dict(serialized, "http://127.0.0.1:4566")
    request = create_request_object(serialized).prepare()
    url = urlsplit(request.url)
    body = request.body or b""
    return HttpRequest(
        method=request.method,
        path=url.path,
        query=url.query,
        headers={"host": url.netloc}
        | {
            name.lower(): value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        },
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def routed(request: HttpRequest, service: ServiceShape, table: UriTable) -> RestRoute:
    """Where a request leads in a service that need not be served here."""
    query = repeated(request.query) if request.query else {}
    found = table.find(request.method, request.path, query)
    assert found is not None, (request.method, request.path)
    name, labels = found
    return RestRoute(
        service,
        service.operation(name),
        PROTOCOLS["rest-json"],
        "us-east-1",
        body=request.body,
        labels=labels,
        query=query,
        headers=request.headers,
    )
