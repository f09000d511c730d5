"""Whatever is sent, the answer is a refusal in the service's words or a success, and a refusal leaves nothing."""

from __future__ import annotations

import random
import socket
import threading
from collections import Counter
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import botocore.serialize
import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_requests import action, form_request, json_request, signed, wire_bytes
from situations import NASTY, estate, likely

from understudy.services import MODULES
from understudy.store.database import Database
from understudy.store.tables import Table
from understudy.testing import Understudy
from understudy.wire.model import load

ROUNDS = 4
DESTROYS = ("Delete", "Remove", "Detach", "Revoke", "Unassign", "Untag")
TABLES = {
    table.name: table for module in MODULES for table in vars(module).values() if isinstance(table, Table)
}
FUZZ = settings(max_examples=250, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


class Watched:
    """An understudy of which every answer is looked at."""

    def __init__(self) -> None:
        self.understudy = Understudy(ids_seed=1)
        self.app = self.understudy.app
        self.known = estate(self.understudy)
        self.before = self.kept()

    def kept(self) -> dict[tuple[str, str], bytes]:
        self.app.make_durable()
        store = self.app.database.store
        return {(name, key): body for name in store.tables() for key, body in store.load(name)}

    def ask(self, request: Any, service: str) -> int:
        """Send a request, signed by the administrator; answers the status."""
        sent = signed(request, self.understudy.administrator, service)
        response = self.app.handle(sent)
        after = self.kept()
        assert response.status < 500 or response.status == 501, response.body
        if response.status >= 400:
            assert self.before == after, (response.status, response.body)
        self.before = after
        return response.status

    def is_whole(self) -> None:
        """What is in memory is what a server started now would read."""
        again = Database(self.app.database.store)
        for table in TABLES.values():
            mine, read = self.app.database.mirror(table), again.mirror(table)
            assert mine.records == read.records
            assert {name: index.keys() for name, index in mine.indexes.items()} == {
                name: index.keys() for name, index in read.indexes.items()
            }


@pytest.fixture(scope="module")
def serializers():
    session = botocore.session.get_session()
    made = {}
    for service in ("iam", "sts", "ec2", "apprunner"):
        model = session.get_service_model(service)
        made[service] = (
            model,
            botocore.serialize.create_serializer(model.metadata["protocol"], include_validation=False),
        )
    return made


@pytest.fixture(scope="module")
def watched():
    made = Watched()
    yield made
    made.is_whole()
    assert 200 == made.ask(action("sts", "GetCallerIdentity"), "sts")


def serialized(serializers: Any, service: str, name: str, params: dict[str, Any]) -> Any:
    model, serializer = serializers[service]
    body = serializer.serialize_to_request(params, model.operation_model(name))["body"]
    if service == "apprunner":
        return json_request(f"AppRunner.{name}", body if isinstance(body, bytes) else body.encode())
    return form_request(service, urlencode(body))


def test_every_operation_bears_what_it_is_sent(serializers):
    succeeded, operations = set(), list(Watched().app.gateway.registry)
    operations.sort(key=lambda operation: operation.name.startswith(DESTROYS))
    for round_ in range(ROUNDS):
        watched = Watched()
        for operation in operations:
            shape = load(operation.service).operation(operation.name).input
            draw = random.Random(f"{operation.action} {round_}")
            for _ in range(20):
                params = likely(operation, shape, draw, watched.known) if shape is not None else {}
                request = serialized(serializers, operation.service, operation.name, params)
                if watched.ask(request, operation.service) == 200:
                    succeeded.add(operation.action)
        watched.is_whole()
        assert 200 == watched.ask(action("sts", "GetCallerIdentity"), "sts")
    failed = {operation.action for operation in operations} - succeeded
    assert len(failed) < len(operations) * 0.15, "what never succeeds tests only refusals"


TARGETS = ["AppRunner.CreateVpcConnector", "AppRunner.ListVpcConnectors", "AppRunner.TagResource", "AppRunner.Nothing",
           "apprunner.ListVpcConnectors", "IAM.CreateUser", "AppRunner", ".", "", "\xff", "A" * 5000]  # fmt: skip
CONTENT_TYPES = ["application/x-amz-json-1.0", "application/x-amz-json-1.1", "application/json", "text/xml", "",
                 "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\xe9;", ";"]  # fmt: skip
ACTIONS = ["CreateUser", "TagUser", "PutUserPolicy", "CreateRole", "GetCallerIdentity", "AssumeRole", "DescribeVpcs",
           "CreateTags", "CreateVpc", "AuthorizeSecurityGroupIngress", "CreateNetworkInterface", "Nothing", "", "\x00",
           "createuser", "ListUsers&", "DescribeNetworkInterfaces"]  # fmt: skip
PIECES = ["Tags", "member", "1", "2", "01", "+1", "-1", "0", "1.5", "", " ", "Key", "Value", "key", "entry", "Filter",
          "Tag", "TagSpecification", "ResourceType", "UserName", "ResourceId", "99999999999999999999", "IpPermissions",
          "IpRanges", "CidrIp", "PolicyArns", "arn", "MaxItems", "MaxResults", "DryRun", "VpcId", "CidrBlock", "\x00", "é",
          "x" * 300]  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(".".join)
VALUES = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=20), st.sampled_from(["1", "true", "somebody", "5", "a"])
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from(["abcd", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Key", "Value", "a"]), inner)
    ),
    max_leaves=6,
)
MEMBERS = [
    "VpcConnectorName",
    "Subnets",
    "SecurityGroups",
    "Tags",
    "MaxResults",
    "NextToken",
    "ResourceArn",
    "Nothing",
]


@FUZZ
@given(
    st.sampled_from(["iam", "sts", "ec2"]),
    st.sampled_from(ACTIONS),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
)
def test_any_names_and_values_in_a_form(watched, service, name, fields):
    """Indexes out of order, twice, negative and absurd; NUL bytes; members that are not there; huge policies."""
    watched.ask(form_request(service, [("Action", name), *fields]), service)


@FUZZ
@given(
    st.sampled_from(["iam", "sts", "ec2"]),
    st.sampled_from(ACTIONS),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
)
def test_any_names_and_values_in_a_query_string(watched, service, name, fields):
    request = form_request(service, b"")
    watched.ask(replace(request, method="GET", query=urlencode([("Action", name), *fields])), service)


@FUZZ
@given(st.sampled_from(TARGETS), st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES))
def test_any_json_in_any_member(watched, target, document):
    watched.ask(json_request(target, document), "apprunner")


@FUZZ
@given(
    st.sampled_from(["iam", "sts", "ec2", "apprunner", "s3", ""]),
    st.sampled_from(["POST", "GET", "PUT", "DELETE", "OPTIONS", "HEAD"]),
    st.sampled_from(CONTENT_TYPES),
    st.sampled_from([None, *TARGETS]),
    st.sampled_from([None, "gzip", "identity", "br", "GZIP", "\xff"]),
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"{}", b"Action=ListUsers", b"{", b"\xff\xfe", b"%", b"a=%zz"]),
    ),
)
def test_any_body_under_any_headers(watched, service, method, content_type, target, encoding, body):
    headers = {"x-amz-target": target, "content-encoding": encoding, "content-type": content_type}
    request = form_request("iam", body)
    kept = {name: value for name, value in headers.items() if value is not None}
    watched.ask(replace(request, method=method, headers={**request.headers, **kept}), service)


@FUZZ
@given(st.data())
def test_bytes_changed_in_a_good_body(watched, serializers, data):
    """A few bytes of what an SDK sends are taken out, put in or replaced."""
    operation = data.draw(
        st.sampled_from(sorted(watched.app.gateway.registry, key=lambda known: known.action))
    )
    shape = load(operation.service).operation(operation.name).input
    draw = random.Random(data.draw(st.integers(0, 10**6)))
    params = likely(operation, shape, draw, watched.known) if shape is not None else {}
    request = serialized(serializers, operation.service, operation.name, params)
    body = bytearray(request.body)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(body)))
        body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    watched.ask(replace(request, body=bytes(body)), operation.service)
