"""Preferences of an account: credentials.md 30.8."""

from __future__ import annotations


class TestSetSecurityTokenServicePreferences:
    def test_the_summary_tells_the_version(self, iam):
        assert 1 == iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"]
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
        assert 2 == iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"]
        iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v1Token")
        assert 1 == iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"]

    def test_there_are_two(self, iam, refused):
        with refused("ValidationError", status=400):
            iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v3Token")
