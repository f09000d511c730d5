"""Which operation a path is for."""

from __future__ import annotations

import pytest

from understudy_aws.wire.bodies import MalformedBodyError
from understudy_aws.wire.model import load
from understudy_aws.wire.uri_templates import UriTable

TABLE = UriTable(
    [
        ("ListThings", "GET", "/things"),
        ("GetThing", "GET", "/things/{thing-Name}"),
        ("GetNewest", "GET", "/things/newest"),
        ("PutThing", "PUT", "/things/{thing-Name}/"),
        ("GetFile", "GET", "/files/{path+}"),
        ("GetFileTags", "GET", "/files/{path+}/tags"),
        ("GetPart", "GET", "/things/{thing-Name}/parts/{number}"),
        ("SearchThings", "GET", "/things?operation=search"),
        ("EmptyThings", "GET", "/things?empty"),
        ("GetRoot", "GET", "/"),
    ]
)


def found(path, method="GET", **query):
    return TABLE.find(method, path, {name: [value] for name, value in query.items()})


@pytest.mark.parametrize(
    ("path", "operation", "labels"),
    [
        ("/", "GetRoot", {}),
        ("/things", "ListThings", {}),
        ("/things/", "ListThings", {}),
        ("/things/a", "GetThing", {"thing-Name": "a"}),
        ("/things/newest", "GetNewest", {}),
        ("/things/Newest", "GetThing", {"thing-Name": "Newest"}),
        ("/things/a/parts/1", "GetPart", {"thing-Name": "a", "number": "1"}),
        ("/files/a/b/c", "GetFile", {"path": "a/b/c"}),
        ("/files/a/b/", "GetFile", {"path": "a/b/"}),
        ("/files/a/b/tags", "GetFileTags", {"path": "a/b"}),
        ("/files/tags", "GetFile", {"path": "tags"}),
    ],
)
def test_the_most_specific_template_wins(path, operation, labels):
    assert (operation, labels) == found(path)


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/things/arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%2Fb", "arn:aws:iam::1:role/a/b"),
        ("/things/arn:aws:iam::1:role%2fa", "arn:aws:iam::1:role/a"),
        ("/things/a+b%20c%2B", "a+b c+"),
        ("/things/%E6%BC%A2", "漢"),
        ("/things/%252F", "%2F"),
        ("/things/%2E%2E", ".."),
    ],
)
def test_a_label_is_decoded_after_the_path_is_taken_apart(path, label):
    assert ("GetThing", {"thing-Name": label}) == found(path)


def test_the_method_decides_too():
    assert ("PutThing", {"thing-Name": "a"}) == found("/things/a", "PUT")
    assert found("/things/a", "DELETE") is None


def test_what_the_query_string_must_hold_tells_operations_apart():
    assert ("SearchThings", {}) == found("/things", operation="search", other="1")
    assert ("EmptyThings", {}) == found("/things", empty="")
    assert ("ListThings", {}) == found("/things", operation="else")


@pytest.mark.parametrize(
    "path", ["", "things", "/thing", "/things//parts/1", "/things/a/b", "/files", "/files/", "/things/a/../b"]
)
def test_elsewhere_there_is_nothing(path):
    assert found(path) is None or (path, found(path)) == ("", ("GetRoot", {}))


@pytest.mark.parametrize("path", ["/files/a/../b", "/files/..", "/files/./a", "/things/.", "/.."])
def test_a_path_that_is_signed_as_another_is_nobodys(path):
    assert found(path) is None


@pytest.mark.parametrize("path", ["/things/%", "/things/%zz", "/things/%ff", "/files/a/%C3"])
def test_a_label_that_is_no_text_is_refused(path):
    with pytest.raises(MalformedBodyError):
        found(path)


def test_no_two_operations_of_a_service_are_in_one_place():
    table = UriTable(load("accessanalyzer").http_bindings())
    for operation, method, uri in load("accessanalyzer").http_bindings():
        path = uri.replace("{", "").replace("}", "")
        assert operation == table.find(method, path, {})[0]
