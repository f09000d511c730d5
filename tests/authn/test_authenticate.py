"""From a request to its caller, or to a refusal in the protocol's words."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from msgspec.structs import replace

from understudy_aws.authn.authenticate import authenticate
from understudy_aws.authn.caller import Caller
from understudy_aws.authn.credentials import Credential
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import HttpRequest

USER = Caller("user", "123456789012", "arn:aws:iam::123456789012:user/ann", "AIDAANN", "ann", "AKIAANN")
SESSION = Caller(
    "role-session",
    "123456789012",
    "arn:aws:sts::123456789012:assumed-role/deploy/s",
    "AROADEPLOY:s",
    "deploy",
)
SECRET, TOKEN = "the-secret-of-ann", "the-token-of-the-session"
NOW = datetime.now(UTC)


class Keys:
    """A credential source with what it is given."""

    def __init__(self, *credentials):
        self.known = {credential.access_key_id: credential for credential in credentials}

    def credential(self, access_key_id):
        return self.known.get(access_key_id)


LONG_TERM = Credential("AKIAANN", SECRET, USER)
TEMPORARY = Credential(
    "ASIASESSION", SECRET, SESSION, session_token=TOKEN, expires_at=NOW + timedelta(days=1)
)


def request(key="AKIAANN", secret=SECRET, token=None):
    """GetCallerIdentity as botocore signs it."""
    made = AWSRequest("POST", "http://127.0.0.1:4566/", data=b"Action=GetCallerIdentity&Version=2011-06-15")
    SigV4Auth(Credentials(key, secret, token), "sts", "us-east-1").add_auth(made)
    headers = {name.lower(): value for name, value in made.headers.items()}
    return HttpRequest("POST", "/", "", {"host": "127.0.0.1:4566", **headers}, made.data)


def caller(sent, *credentials, dialect="query", later=timedelta(0)):
    # Requests are signed by the real clock, which has gone on since this file was read.
    now = datetime.now(UTC) + later
    return authenticate(sent, service="sts", dialect=dialect, source=Keys(*credentials), now=now)


def refusal(*args, **kwargs):
    with pytest.raises(ApiError) as caught:
        caller(*args, **kwargs)
    return caught.value.code, caught.value.status, caught.value.message


UNKNOWN = ("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
BAD_TOKEN = ("InvalidClientTokenId", 403, "The security token included in the request is invalid")


def test_a_users_key_makes_the_user_the_caller():
    assert USER is caller(request(), LONG_TERM)


def test_a_sessions_key_and_token_make_the_session_the_caller():
    assert SESSION is caller(request("ASIASESSION", token=TOKEN), TEMPORARY)


def test_an_unknown_key_or_a_deleted_users_is_refused():
    """Reference signatures.md 6.2: the text with its full stop."""
    assert refusal(request()) == UNKNOWN


def test_an_inactive_key_is_refused_like_an_unknown_one():
    assert refusal(request(), replace(LONG_TERM, active=False)) == UNKNOWN


def test_a_wrong_secret_is_refused():
    code, status, message = refusal(request(secret="another"), LONG_TERM)
    assert (code, status) == ("SignatureDoesNotMatch", 403)
    assert message.startswith("The request signature we calculated does not match")


def test_a_session_without_its_token_is_refused():
    """Reference signatures.md 6.2: the text without a full stop."""
    assert refusal(request("ASIASESSION"), TEMPORARY) == BAD_TOKEN


@pytest.mark.parametrize("token", ["another", TOKEN[:-1], TOKEN + "x", "ünsinn"])
def test_a_session_with_another_token_is_refused(token):
    sent = request("ASIASESSION")
    sent = replace(sent, headers={**sent.headers, "x-amz-security-token": token})
    assert refusal(sent, TEMPORARY) == BAD_TOKEN


def test_a_long_term_key_takes_no_token():
    assert refusal(request(token="something"), LONG_TERM) == BAD_TOKEN


def test_a_token_added_after_signing_will_do():
    """Reference signatures.md 6.1: the token's header may be signed or added afterwards."""
    sent = request("ASIASESSION")
    sent = replace(sent, headers={**sent.headers, "x-amz-security-token": TOKEN})
    assert SESSION is caller(sent, TEMPORARY)


def test_a_session_that_is_over_is_refused():
    over = replace(TEMPORARY, expires_at=NOW)
    assert refusal(request("ASIASESSION", token=TOKEN), over) == (
        "ExpiredToken",
        403,
        "The security token included in the request is expired",
    )


def test_a_wrong_signature_is_told_before_a_wrong_token():
    """Reference signatures.md 6.1: key, signature, session token; else tokens could be tried without the secret."""
    code, _, _ = refusal(request("ASIASESSION", secret="another", token="another"), TEMPORARY)
    assert code == "SignatureDoesNotMatch"


def test_an_old_request_is_refused():
    code, _, message = refusal(request(), LONG_TERM, later=timedelta(hours=1))
    assert code == "SignatureDoesNotMatch"
    assert message.startswith("Signature expired: ")


def test_the_dialect_decides_the_words():
    assert refusal(request(), dialect="json")[:2] == ("UnrecognizedClientException", 403)
    assert refusal(request(), dialect="ec2")[:2] == ("AuthFailure", 401)


def test_a_refusal_carries_no_cause_and_no_secret(caplog):
    caplog.set_level(logging.DEBUG, logger="understudy_aws")
    with pytest.raises(ApiError) as caught:
        caller(request("ASIASESSION", secret="another", token=TOKEN), TEMPORARY)
    assert caught.value.__cause__ is None
    printed = f"{caught.value!r} {caught.value} {caplog.text}"
    assert SECRET not in printed
    assert TOKEN not in printed
