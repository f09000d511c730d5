"""Outbound identity federation of an account, on and off (web-identity.md 36.6)."""

from __future__ import annotations


def test_it_is_enabled_disabled_and_told_of(iam, refused):
    disabled = "Outbound identity federation is disabled for your AWS account."
    for operation in (
        iam.get_outbound_web_identity_federation_info,
        iam.disable_outbound_web_identity_federation,
    ):
        with refused("FeatureDisabled", disabled, 404):
            operation()
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert issuer.startswith("https://")
    assert issuer.endswith(".tokens.sts.global.api.aws")
    told = iam.get_outbound_web_identity_federation_info()
    assert (issuer, True) == (told["IssuerIdentifier"], told["JwtVendingEnabled"])
    with refused("FeatureEnabled", status=409):
        iam.enable_outbound_web_identity_federation()
    iam.disable_outbound_web_identity_federation()
    with refused("FeatureDisabled", disabled, 404):
        iam.get_outbound_web_identity_federation_info()
    assert issuer == iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]


def test_each_account_has_an_issuer_of_its_own(understudy, iam):
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
    assert issuer != other.enable_outbound_web_identity_federation()["IssuerIdentifier"]
