"""Keys and the callers they speak for."""

from datetime import UTC, datetime

import pytest

from understudy_aws.authn.caller import Caller, SessionFacts
from understudy_aws.authn.credentials import Credential

CALLER = Caller("user", "123456789012", "arn:aws:iam::123456789012:user/ann", "AIDAANN", name="ann")


def test_a_printed_credential_shows_no_secret():
    credential = Credential("AKIAEXAMPLE", "the-secret", CALLER, session_token="the-token")
    for printed in (repr(credential), str(credential), f"{[credential]}"):
        assert "the-secret" not in printed
        assert "the-token" not in printed


@pytest.mark.parametrize(
    ("value", "member"),
    [
        (CALLER, "account"),
        (Credential("AKIAEXAMPLE", "secret", CALLER), "active"),
        (SessionFacts(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)), "mfa"),
    ],
)
def test_nobody_can_become_somebody_else(value, member):
    with pytest.raises(AttributeError):
        setattr(value, member, "other")


def test_no_session_policy_is_not_an_empty_one():
    """Reference sts.md 3.1: without a session policy the role's own policies stand alone."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert SessionFacts(at, at).policies is None
    assert SessionFacts(at, at, policies=()).policies == ()
