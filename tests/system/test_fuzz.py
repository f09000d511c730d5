"""Whatever is sent, the answer is a refusal in the service's words or a success, and a refusal leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import queue
import random
import re
import socket
import threading
from typing import Any
from urllib.parse import urlencode

import botocore.serialize
import botocore.session
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from raw_requests import action, form_request, json_request, rest_request, signed, wire_bytes
from rest_samples import as_received
from situations import EVERYTHING, NASTY, TRUST, estate, likely

from understudy_aws.server.http import Server
from understudy_aws.services import SERVICES
from understudy_aws.store.table_cache import TableCache
from understudy_aws.store.tables import Table
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.routing import LARGEST_JSON

ROUNDS = 4
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
LARGE = 10 * 1024 * 1024 - 1000
# They need instances, load balancers, an offer to this account, trails, a session or the code that a device shows now,
# which nobody has here.
NOBODY_CAN = {
    f"ec2:{name}"
    for name in (
        "AcceptAddressTransfer", "AcceptVpcEndpointConnections", "AttachNetworkInterface",
        "CreateVpcEndpointConnectionNotification", "CreateVpcEndpointServiceConfiguration",
        "DescribeVpcEndpointServicePermissions", "DetachNetworkInterface",
        "ModifyVpcEndpointConnectionNotification", "ModifyVpcEndpointServiceConfiguration",
        "ModifyVpcEndpointServicePayerResponsibility", "ModifyVpcEndpointServicePermissions",
        "RejectVpcEndpointConnections", "StartVpcEndpointServicePrivateDnsVerification",
    )
} | {
    "cloudtrail:GetEventSelectors", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "iam:DeactivateMFADevice",
    "iam:EnableMFADevice", "iam:ResyncMFADevice", "organizations:AcceptHandshake", "organizations:DeclineHandshake",
    "organizations:LeaveOrganization", "sts:DecodeAuthorizationMessage",
    "sts:GetScopedCredentials",
}  # fmt: skip
DESTROYS = ("Delete", "Remove", "Detach", "Revoke", "Unassign", "Untag")
TABLES = {
    table.name: table
    for service in SERVICES
    for module in service.modules()
    for table in vars(module).values()
    if isinstance(table, Table)
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
        self.app.database.flush()
        store = self.app.database.store
        return {(name, key): body for name in store.tables() for key, body in store.load(name)}

    def ask(self, request: Any, service: str) -> int:
        """Send a request, signed by the administrator; answers the status."""
        name = next((each.prefix for each in SERVICES if each.id == service), service)
        sent = signed(request, self.understudy.administrator, name)
        response = self.app.handle(sent)
        after = self.kept()
        assert response.status < 500 or response.status == 501, response.body
        if response.status >= 400:
            assert self.before == after, (response.status, response.body)
        self.before = after
        return response.status

    def is_whole(self) -> None:
        """What is in memory is what a server started now would read."""
        for table in TABLES.values():
            mine = self.app.database.cache(table)
            read = TableCache.read(table, self.app.database.store.load(table.name))
            assert mine.records == read.records
            assert {name: index.keys() for name, index in mine.indexes.items()} == {
                name: index.keys() for name, index in read.indexes.items()
            }
            assert mine.bitmaps == read.bitmaps


@pytest.fixture(scope="module")
def serializers():
    session = botocore.session.get_session()
    made = {}
    for service in (each.id for each in SERVICES):
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
    made = serializer.serialize_to_request(params, model.operation_model(name))
    if model.metadata["protocol"] == "rest-json":
        return as_received(made)
    if model.metadata["protocol"] != "json":
        return form_request(service, urlencode(made["body"]))
    content_type = f"application/x-amz-json-{model.metadata['jsonVersion']}"
    body = made["body"] if isinstance(made["body"], bytes) else made["body"].encode()
    return json_request(f"{model.metadata['targetPrefix']}.{name}", body, content_type=content_type)


ON_A_SERVICE = re.compile(
    r"apprunner:(\w+Service|\w+CustomDomains?|\w+VpcIngressConnection|StartDeployment|ListOperations)"
)


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
    possible = {operation.action for operation in operations} - NOBODY_CAN
    assert succeeded <= possible
    # Some of EC2's take exactly one of many optional members, which are rarely drawn.
    # Without a service, which no source is drawn for, nothing can be done with one.
    failed = possible - succeeded - {each for each in possible if ON_A_SERVICE.match(each)}
    assert len(failed) < len(possible) * 0.23, f"what never succeeds tests only refusals: {sorted(failed)}"


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
    watched.ask(action(service, name, *fields), service)


@FUZZ
@given(
    st.sampled_from(["iam", "sts", "ec2"]),
    st.sampled_from(ACTIONS),
    st.lists(st.tuples(NAMES, VALUES), max_size=6),
)
def test_any_names_and_values_in_a_query_string(watched, service, name, fields):
    request = form_request(service, b"")
    watched.ask(replace(request, method="GET", query=action(service, name, *fields).body.decode()), service)


@FUZZ
@given(st.sampled_from(TARGETS), st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES))
def test_any_json_in_any_member(watched, target, document):
    watched.ask(json_request(target, document), "apprunner")


PATHS = [uri for _, _, uri in load("accessanalyzer").http_bindings()]
PARTS = ["policy", "validation", "analyzer", "archive-rule", "tags", "a", "", ".", "..", "%2F", "%", "%zz", "%ff", "%00",
         "arn%3Aaws%3Aaccess-analyzer%3Aus-east-1%3A1%3Aanalyzer%2Fa", "{analyzerName}", "+", "x" * 300, "\xe9", ";"]  # fmt: skip
QUERIES = ["maxResults=1", "maxResults=x", "maxResults=", "nextToken=WyJhIl0", "nextToken", "tagKeys=a&tagKeys=b", "type=ACCOUNT",
           "=", "%", "a=%zz", "a=%ff", "&&", "locale=EN", "X-Amz-Credential=a", "maxResults=99999999999999999999"]  # fmt: skip
DOCUMENTS = st.dictionaries(
    st.sampled_from(
        [
            "policyDocument",
            "policyType",
            "validatePolicyResourceType",
            "locale",
            "analyzerName",
            "filter",
            "a",
        ]
    ),
    JSON_VALUES | st.sampled_from(["IDENTITY_POLICY", "RESOURCE_POLICY", "AWS::S3::Bucket", "EN", *NASTY]),
)


@FUZZ
@given(
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"]),
    st.sampled_from(PATHS)
    | st.lists(st.sampled_from(PARTS), max_size=5).map(lambda parts: "/" + "/".join(parts)),
    st.lists(st.sampled_from(QUERIES), max_size=3).map("&".join),
    st.one_of(
        DOCUMENTS.map(lambda value: json.dumps(value).encode()), st.binary(max_size=20), st.just(b"[" * 9000)
    ),
    st.sampled_from(["application/json", *CONTENT_TYPES]),
)
def test_anything_at_any_path(watched, method, path, query, body, content_type):
    """Of the service that is found by path: labels, query strings and bodies of any kind."""
    request = rest_request(method, path, query, body=body, content_type=content_type)
    watched.ask(request, "accessanalyzer")


@FUZZ
@given(
    st.sampled_from([*(kind for kind in load("accessanalyzer").shape("PolicyType").enum), "POLICY"]),
    JSON_VALUES.map(json.dumps) | st.text(max_size=30) | st.sampled_from([*NASTY, EVERYTHING, TRUST]),
    st.sampled_from([None, *load("accessanalyzer").shape("ValidatePolicyResourceType").enum, "AWS::X::Y"]),
)
def test_any_document_is_validated_or_refused(watched, kind, document, resource_type):
    body = {"policyDocument": document, "policyType": kind}
    if resource_type is not None:
        body["validatePolicyResourceType"] = resource_type
    request = rest_request("POST", "/policy/validation", body=json.dumps(body).encode())
    watched.ask(request, "accessanalyzer")


@FUZZ
@given(
    st.sampled_from(["iam", "sts", "ec2", "apprunner", "accessanalyzer", "s3", ""]),
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


@pytest.mark.parametrize(
    "body",
    [
        b"&" * LARGE,
        b"a=" + b"%41" * (LARGE // 3),
        b"a=1&" * (LARGE // 4),
        b"Action=CreateUser&Version=2010-05-08&UserName=" + b"a" * LARGE,
        b"Action=CreateUser&Version=2010-05-08&" + b"a." * (LARGE // 2) + b"=1",
        b"Action=TagUser&Version=2010-05-08&" + b"".join(b"Tags.member.%d.Key=a&" % n for n in range(49_000)),
        gzip.compress(bytes(LARGE * 20)),
    ],
    ids=["ampersands", "escapes", "repeated", "value", "dots", "list", "bomb"],
)
def test_a_body_of_ten_megabytes_in_a_form(watched, body):
    encoding = {"content_encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {}
    assert 400 <= watched.ask(form_request("iam", body, **encoding), "iam") < 500


@pytest.mark.parametrize(
    "body",
    [
        b"[" * LARGE,
        b'{"VpcConnectorName":"' + b"a" * LARGE + b'"}',
        b'{"MaxResults":' + b"9" * LARGE + b"}",
        b'{"Tags":[' + b"{},          " * (LARGE // 13) + b"{}]}",
        b'{"VpcConnectorName":"abcd","Subnets":[' + b'"a",         ' * (LARGE // 13) + b'"a"]}',
    ],
    ids=["brackets", "value", "number", "list", "subnets"],
)
def test_a_body_of_ten_megabytes_in_json(watched, body):
    assert 413 == watched.ask(json_request("AppRunner.CreateVpcConnector", body), "apprunner")
    # As much as is read at all, and closed however it ends.
    just_read = body[: LARGEST_JSON - 2] + body[-2:]
    assert 400 == watched.ask(json_request("AppRunner.CreateVpcConnector", just_read), "apprunner")


def test_a_call_cannot_fill_the_trail(watched):
    """However much is sent, an entry stays small."""
    many = [(f"Filter.1.Value.{number}", "x" * 1000) for number in range(2000)]
    watched.ask(action("ec2", "DescribeVpcs", ("Filter.1.Name", "vpc-id"), *many), "ec2")
    (entry,) = watched.app.database.log(limit=1)
    assert len(entry.body) < 300_000


@pytest.fixture(scope="module")
def port(watched):
    """The same application behind a real socket, in a thread of its own."""
    bound, stop = queue.Queue(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve():
        server = Server(watched.app)
        bound.put(await server.listen("127.0.0.1", 0))
        await stop.wait()
        await server.close(patience=1)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield bound.get(timeout=10)
    loop.call_soon_threadsafe(stop.set)
    thread.join(timeout=20)
    assert not thread.is_alive()
    loop.close()


def exchanged(port: int, sent: bytes) -> bytes:
    """Send bytes and close our side; answers everything that came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@settings(FUZZ, max_examples=100)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [b"GET / HTTP/1.1\r\n", b"POST /?Action=ListUsers HTTP/1.1\r\n", b"Host: h\r\n", b"\r\n",
                 b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n",
                 b"Authorization: AWS4-HMAC-SHA256 Credential=a/b/c/iam/e\r\n", b"5\r\nabcde\r\n0\r\n\r\n",
                 b"X-Amz-Target: AppRunner.\xff\r\n", b"Expect: 100-continue\r\n", b"GET /_understudy/\xff HTTP/1.1\r\n",
                 b"Content-Type: application/x-www-form-urlencoded\r\n", b"abcde", b"POST /policy/validation HTTP/1.1\r\n",
                 b"GET /tags/%zz?maxResults=x HTTP/1.1\r\n", b"\x00", b"Content-Encoding: gzip\r\n"]
            ),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_any_bytes_on_a_socket(port, pieces):
    """There is an answer or none, never a 5xx but one that says what is not served, and the next client is served."""
    answered = exchanged(port, b"".join(pieces))
    statuses = STATUS.findall(answered)
    assert not [status for status in statuses if status[:1] == b"5" and status != b"501"], answered
    assert exchanged(port, b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 4")


def test_what_is_signed_is_answered_over_a_socket(watched, port, serializers):
    """The same calls as in this process, every byte of them over the wire, many in a row on one connection."""
    draw, sent, count = random.Random(7), [], 0
    for operation in watched.app.gateway.registry:
        shape = load(operation.service).operation(operation.name).input
        params = likely(operation, shape, draw, watched.known) if shape is not None else {}
        request = serialized(serializers, operation.service, operation.name, params)
        sent.append(
            wire_bytes(
                signed(request, watched.understudy.administrator, load(operation.service).signing_name)
            )
        )
        count += 1
    answered = exchanged(port, b"".join(sent))
    statuses = [int(status) for status in STATUS.findall(answered)]
    assert count == len(statuses)
    assert {200, 400} <= set(statuses) <= {200, 400, 403, 404, 409, 412, 501}
    watched.before = watched.kept()


def test_wildcards_without_end_are_refused(watched):
    """Matching them would take minutes, in which nobody else is answered."""
    filters = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", "*?" * 100_000)]
    assert 400 == watched.ask(action("ec2", "DescribeVpcs", *filters), "ec2")


@pytest.mark.parametrize("name", ["DescribeRegions", "DescribeAvailabilityZones"])
@pytest.mark.parametrize("by", ["tag:team", "tag-key"])
def test_what_has_no_tags_matches_no_tag(watched, name, by):
    filters = [("Filter.1.Name", by), ("Filter.1.Value.1", "*")]
    assert 200 == watched.ask(action("ec2", name, *filters), "ec2")
