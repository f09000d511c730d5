"""How each protocol words a refused signature."""

from typing import get_args

import pytest

from understudy_aws.authn import errors
from understudy_aws.authn.errors import Dialect, Kind, answer

# Reference signatures.md 6.3; for JSON the statuses of apprunner.md 1.1.
TABLE = [
    ("query", "missing", "MissingAuthenticationToken", 403),
    ("query", "incomplete", "IncompleteSignature", 400),
    ("query", "scope", "SignatureDoesNotMatch", 403),
    ("query", "unknown-key", "InvalidClientTokenId", 403),
    ("query", "mismatch", "SignatureDoesNotMatch", 403),
    ("query", "skew", "SignatureDoesNotMatch", 403),
    ("query", "token", "InvalidClientTokenId", 403),
    ("query", "expired", "ExpiredToken", 403),
    ("json", "missing", "MissingAuthenticationTokenException", 403),
    ("json", "incomplete", "IncompleteSignature", 403),
    ("json", "scope", "InvalidSignatureException", 403),
    ("json", "unknown-key", "UnrecognizedClientException", 403),
    ("json", "mismatch", "InvalidSignatureException", 403),
    ("json", "skew", "InvalidSignatureException", 403),
    ("json", "token", "UnrecognizedClientException", 403),
    ("json", "expired", "ExpiredTokenException", 403),
    ("json-1.1", "missing", "MissingAuthenticationTokenException", 400),
    ("json-1.1", "incomplete", "IncompleteSignatureException", 400),
    ("json-1.1", "scope", "InvalidSignatureException", 400),
    ("json-1.1", "unknown-key", "UnrecognizedClientException", 400),
    ("json-1.1", "mismatch", "InvalidSignatureException", 400),
    ("json-1.1", "skew", "InvalidSignatureException", 400),
    ("json-1.1", "token", "UnrecognizedClientException", 400),
    ("json-1.1", "expired", "ExpiredTokenException", 400),
    ("ec2", "missing", "MissingParameter", 400),
    ("ec2", "incomplete", "IncompleteSignature", 400),
    ("ec2", "scope", "AuthFailure", 401),
    ("ec2", "unknown-key", "AuthFailure", 401),
    ("ec2", "mismatch", "AuthFailure", 401),
    ("ec2", "skew", "RequestExpired", 400),
    ("ec2", "token", "AuthFailure", 401),
    ("ec2", "expired", "RequestExpired", 400),
]


# A REST service sits on the same kind of gateway.
TABLE += [("rest-json", *row[1:]) for row in TABLE if row[0] == "json"]


@pytest.mark.parametrize(("dialect", "kind", "code", "status"), TABLE)
def test_each_dialect_has_its_code_and_status(dialect, kind, code, status):
    error = answer(kind, "the text", dialect)
    assert (code, status) == (error.code, error.status)


def test_the_table_covers_every_kind_in_every_dialect():
    expected = {(dialect, kind) for dialect in get_args(Dialect) for kind in get_args(Kind)}
    assert expected == {(dialect, kind) for dialect, kind, _, _ in TABLE}


def test_query_services_give_the_text_as_it_is():
    assert answer("missing", errors.MISSING, "query").message == "Request is missing Authentication Token"


def test_json_services_have_a_text_of_their_own_for_missing_credentials():
    """Reference signatures.md 6.2."""
    assert answer("missing", errors.MISSING, "json").message == "Missing Authentication Token"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("missing", "The request must contain the parameter AWSAccessKeyId"),
        ("unknown-key", "AWS was not able to validate the provided access credentials"),
        ("mismatch", "AWS was not able to validate the provided access credentials"),
        ("token", "AWS was not able to validate the provided access credentials"),
        ("skew", "Request has expired."),
        ("expired", "Request has expired."),
    ],
)
def test_ec2_says_less(kind, text):
    """Reference signatures.md 6.3."""
    assert answer(kind, "more than EC2 tells", "ec2").message == text
