"""SAML providers: saml.md 37.1."""

from __future__ import annotations

from datetime import timedelta

import pytest
from certificates import ec_key, pem, rsa_key
from cryptography.hazmat.primitives import serialization
from saml_identity import Idp

ACCOUNT = "000000000000"
NAME = "Okta"
ARN = f"arn:aws:iam::{ACCOUNT}:saml-provider/{NAME}"
UNREADABLE = "Could not parse metadata"


@pytest.fixture(scope="module")
def idp():
    return Idp()


@pytest.fixture
def provider(iam, idp):
    """A provider with tags."""
    iam.create_saml_provider(
        Name=NAME,
        SAMLMetadataDocument=idp.metadata(),
        Tags=[{"Key": "z", "Value": "z"}, {"Key": "A", "Value": "a"}],
    )
    return ARN


def padded(document):
    """A document that is long enough for AWS."""
    return document + f"<!--{'x' * 1000}-->"


class TestCreateSAMLProvider:
    def test_its_answer_has_tags_if_there_are_any_in_their_order(self, iam, idp):
        """Recorded."""
        made = iam.create_saml_provider(
            Name=NAME,
            SAMLMetadataDocument=idp.metadata(),
            Tags=[{"Key": "z", "Value": "z"}, {"Key": "A", "Value": "a"}],
        )
        assert made["SAMLProviderArn"] == ARN
        assert ["z", "A"] == [tag["Key"] for tag in made["Tags"]]
        assert "Tags" not in iam.create_saml_provider(Name="Plain", SAMLMetadataDocument=idp.metadata())

    def test_a_name_is_taken_once(self, iam, idp, provider, refused):
        with refused("EntityAlreadyExists", status=409):
            iam.create_saml_provider(Name=NAME, SAMLMetadataDocument=idp.metadata())

    @pytest.mark.parametrize("name", ["a b", "a/b", "x" * 129, "a+b"])
    def test_a_name_has_a_form(self, iam, idp, refused, name):
        with refused("ValidationError", status=400):
            iam.create_saml_provider(Name=name, SAMLMetadataDocument=idp.metadata())

    def test_an_account_has_a_hundred(self, iam, idp, refused):
        document = idp.metadata()
        for number in range(100):
            iam.create_saml_provider(Name=f"p{number}", SAMLMetadataDocument=document)
        with refused("LimitExceeded", "Cannot exceed quota for SAMLProvidersPerAccount: 100", 409):
            iam.create_saml_provider(Name="more", SAMLMetadataDocument=document)

    def test_tags_take_a_permission_of_their_own(self, understudy, idp, refused):
        own = understudy.client("iam", as_=understudy.allowing("ann", "iam:CreateSAMLProvider"))
        own.create_saml_provider(Name="Plain", SAMLMetadataDocument=idp.metadata())
        with refused("AccessDenied", status=403) as told:
            own.create_saml_provider(
                Name=NAME, SAMLMetadataDocument=idp.metadata(), Tags=[{"Key": "a", "Value": "b"}]
            )
        assert f"iam:TagSAMLProvider on resource: {ARN}" in told.text


class TestMetadata:
    """What was recorded at AWS, and what nobody should send."""

    @pytest.mark.parametrize(
        "made",
        [
            lambda idp: idp.metadata(attributes=' validUntil="2020-01-01T00:00:00Z"'),
            lambda idp: idp.metadata(use="encryption"),
            lambda idp: Idp(end=-timedelta(hours=1)).metadata(),
            lambda idp: idp.metadata().replace("<SingleSignOnService", "<!-- <SingleSignOnService").replace(
                '/sso"/>', '/sso"/> -->'
            ),
            lambda idp: '<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">'
            + idp.metadata()
            + "</EntitiesDescriptor>",
            lambda idp: padded(
                idp.metadata()[: idp.metadata().index("<KeyDescriptor")]
                + "</IDPSSODescriptor></EntityDescriptor>"
            ),
            lambda idp: idp.metadata(prolog='<?xml version="1.0" encoding="UTF-8"?>'),
            lambda idp: "\ufeff" + idp.metadata(),
        ],
        ids=["expired", "encryption", "old-certificate", "no-sso", "wrapped", "no-key", "declared", "bom"],
    )  # fmt: skip
    def test_taken(self, iam, idp, made):
        iam.create_saml_provider(Name=NAME, SAMLMetadataDocument=made(idp))

    @pytest.mark.parametrize(
        ("made", "text"),
        [
            (lambda idp: idp.metadata().replace("entityID", "other"), UNREADABLE),
            (lambda idp: idp.metadata().replace("EntityDescriptor", "SomethingElse"), UNREADABLE),
            (lambda idp: idp.metadata(body="a" * 900), UNREADABLE),
            (lambda idp: idp.metadata()[:-5], UNREADABLE),
            (lambda idp: "x" * 1000, UNREADABLE),
            (lambda idp: idp.metadata(prolog='<!DOCTYPE a [<!ENTITY b "c">]>'), UNREADABLE),
            (
                lambda idp: idp.metadata().replace("IDPSSODescriptor", "SPSSODescriptor"),
                "SAML Providers must reference at least one SAML assertion issuer.",
            ),
        ],
        ids=["no-entity-id", "wrong-root", "bad-certificate", "cut", "no-xml", "entities", "no-issuer"],
    )
    def test_refused(self, iam, idp, refused, made, text):
        with refused("InvalidInput", text, 400):
            iam.create_saml_provider(Name=NAME, SAMLMetadataDocument=made(idp))

    @pytest.mark.parametrize(
        "entities",
        [
            '<!ENTITY a "x"><!ENTITY b "' + "&a;" * 50 + '"><!ENTITY c "' + "&b;" * 50 + '">',
            '<!ENTITY c SYSTEM "file:///etc/passwd">',
            '<!ENTITY c SYSTEM "http://127.0.0.1:9/">',
        ],
        ids=["bomb", "file", "network"],
    )
    def test_entities_are_never_read(self, iam, idp, refused, entities):
        document = idp.metadata(body="&c;" + "x" * 500, prolog=f"<!DOCTYPE a [{entities}]>")
        with refused("InvalidInput", UNREADABLE, 400):
            iam.create_saml_provider(Name=NAME, SAMLMetadataDocument=document)

    def test_another_encoding_hides_nothing(self, iam, idp, refused):
        """What is looked through is what is read, whatever the declaration says."""
        document = idp.metadata(prolog='<?xml version="1.0" encoding="UTF-7"?>' + "+ADwAIQ-DOCTYPE a+AD4-")
        with refused("InvalidInput", UNREADABLE, 400):
            iam.create_saml_provider(Name=NAME, SAMLMetadataDocument=document)

    def test_a_short_one_is_none(self, iam, refused):
        with refused("ValidationError", status=400):
            iam.create_saml_provider(Name=NAME, SAMLMetadataDocument="<a/>")


class TestGetSAMLProvider:
    def test_everything_is_shown(self, understudy, iam, idp, provider):
        """Recorded: the lists are there when they are empty, and tags by their keys."""
        answer = iam.get_saml_provider(SAMLProviderArn=provider)
        assert answer["SAMLMetadataDocument"] == idp.metadata()
        assert len(answer["SAMLProviderUUID"]) == 22
        assert answer["SAMLProviderUUID"].startswith("SAMLSP")
        assert [{"Key": "A", "Value": "a"}, {"Key": "z", "Value": "z"}] == answer["Tags"]
        assert ("Allowed", []) == (answer["AssertionEncryptionMode"], answer["PrivateKeyList"])
        assert answer["ValidUntil"].year == answer["CreateDate"].year + 100

    @pytest.mark.parametrize(
        "operation", ["get_saml_provider", "delete_saml_provider", "list_saml_provider_tags"]
    )
    def test_one_that_is_not_there_is_not_found(self, iam, provider, refused, operation):
        for arn in (ARN + "x", "arn:aws:iam::000000000000:role/Okta"):
            with refused("NoSuchEntity", f"Manifest not found for arn {arn}", 404):
                getattr(iam, operation)(SAMLProviderArn=arn)

    def test_a_deleted_one_is_gone(self, iam, provider, refused):
        iam.delete_saml_provider(SAMLProviderArn=provider)
        assert iam.list_saml_providers()["SAMLProviderList"] == []
        with refused("NoSuchEntity", status=404):
            iam.delete_saml_provider(SAMLProviderArn=provider)

    def test_the_list_is_short(self, iam, provider):
        (shown,) = iam.list_saml_providers()["SAMLProviderList"]
        assert {"Arn", "ValidUntil", "CreateDate"} == set(shown)


class TestUpdateSAMLProvider:
    """Every refusal and its code was recorded."""

    def test_an_update_of_nothing_is_refused(self, iam, provider, refused):
        text = (
            "Unable to update identity provider. No updates are defined for metadata or encryption assertion."
        )
        with refused("ValidationError", text, 400):
            iam.update_saml_provider(SAMLProviderArn=provider)

    def test_metadata_is_replaced_whole(self, iam, provider, refused):
        other = Idp("https://other.example.com/").metadata()
        assert (
            iam.update_saml_provider(SAMLProviderArn=provider, SAMLMetadataDocument=other)["SAMLProviderArn"]
            == ARN
        )
        assert iam.get_saml_provider(SAMLProviderArn=provider)["SAMLMetadataDocument"] == other
        with refused("InvalidInput", UNREADABLE, 400):
            iam.update_saml_provider(SAMLProviderArn=provider, SAMLMetadataDocument="x" * 1000)
        assert iam.get_saml_provider(SAMLProviderArn=provider)["SAMLMetadataDocument"] == other

    def test_encryption_takes_a_key(self, iam, idp, provider, refused):
        with refused(
            "InvalidInput",
            "Failed to set assertion encryption mode to Required because no private key is present.",
            400,
        ):
            iam.update_saml_provider(SAMLProviderArn=provider, AssertionEncryptionMode="Required")
        with refused(
            "ValidationError",
            "Unable to set assertion encryption mode to Required because no private key is provided.",
            400,
        ):
            iam.create_saml_provider(
                Name="Other", SAMLMetadataDocument=idp.metadata(), AssertionEncryptionMode="Required"
            )
        iam.update_saml_provider(
            SAMLProviderArn=provider, AssertionEncryptionMode="Required", AddPrivateKey=pem(rsa_key())
        )
        assert iam.get_saml_provider(SAMLProviderArn=provider)["AssertionEncryptionMode"] == "Required"

    def test_two_keys_are_the_most_and_the_last_stays_while_it_is_needed(self, iam, provider, refused):
        def update(**changes):
            iam.update_saml_provider(SAMLProviderArn=provider, **changes)

        key = pem(rsa_key())
        update(AddPrivateKey=key)
        update(AddPrivateKey=key)
        with refused("LimitExceeded", "Private key limit of 2 is reached.", 409):
            update(AddPrivateKey=pem(ec_key()))
        update(AssertionEncryptionMode="Required")
        first, second = (
            each["KeyId"] for each in iam.get_saml_provider(SAMLProviderArn=provider)["PrivateKeyList"]
        )
        assert first != second
        assert first.startswith("SAMLPK")
        text = (
            "Unable to add and remove private keys in the same request. Set a value for only one of the two "
            "parameters."
        )
        with refused("ValidationError", text, 400):
            update(AddPrivateKey=key, RemovePrivateKey=first)
        update(RemovePrivateKey=first)
        text = "Failed to remove private key because the Key ID does not match a private key."
        with refused("InvalidInput", text, 400):
            update(RemovePrivateKey=first)
        with refused("InvalidInput", "Failed to remove private key.", 400):
            update(RemovePrivateKey=second)
        update(AssertionEncryptionMode="Allowed")
        update(RemovePrivateKey=second)

    def test_kinds_of_keys(self, iam, provider, refused):
        """Recorded: PKCS#1, 1,024 bits and EC keys are taken."""
        old = rsa_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ).decode()  # fmt: skip
        locked = rsa_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        ).decode()  # fmt: skip
        for key in (old, pem(rsa_key(1024)), pem(ec_key())):
            iam.update_saml_provider(SAMLProviderArn=provider, AddPrivateKey=key)
            (kept,) = iam.get_saml_provider(SAMLProviderArn=provider)["PrivateKeyList"]
            iam.update_saml_provider(SAMLProviderArn=provider, RemovePrivateKey=kept["KeyId"])
        with refused("InvalidInput", "Invalid private key. Key is encrypted.", 400):
            iam.update_saml_provider(SAMLProviderArn=provider, AddPrivateKey=locked)
        with refused("InvalidInput", "Invalid private key. Key format is not recognized.", 400):
            iam.update_saml_provider(SAMLProviderArn=provider, AddPrivateKey="nope")

    def test_no_key_is_told_or_kept_in_the_trail(self, understudy, iam, provider):
        key = pem(rsa_key())
        iam.update_saml_provider(SAMLProviderArn=provider, AddPrivateKey=key)
        shown = str(iam.get_saml_provider(SAMLProviderArn=provider))
        assert "PRIVATE" not in shown
        assert all("PRIVATE" not in str(entry) for entry in understudy.trail())


class TestTags:
    def test_keys_that_differ_in_case_stay_side_by_side(self, iam, provider, refused):
        iam.tag_saml_provider(SAMLProviderArn=provider, Tags=[{"Key": "a", "Value": "1"}])
        shown = iam.list_saml_provider_tags(SAMLProviderArn=provider)["Tags"]
        assert ["A", "a", "z"] == [tag["Key"] for tag in shown]
        iam.untag_saml_provider(SAMLProviderArn=provider, TagKeys=["A", "z", "absent"])
        assert [{"Key": "a", "Value": "1"}] == iam.list_saml_provider_tags(SAMLProviderArn=provider)["Tags"]
        with refused("InvalidInput", status=400):
            iam.tag_saml_provider(SAMLProviderArn=provider, Tags=[])
        with refused("InvalidInput", status=400):
            iam.untag_saml_provider(SAMLProviderArn=provider, TagKeys=[])

    def test_they_have_pages(self, iam, provider, pages):
        assert ["A", "z"] == [
            tag["Key"] for tag in pages(iam.list_saml_provider_tags, "Tags", size=1, SAMLProviderArn=provider)
        ]

    def test_policies_see_them(self, understudy, iam, provider, refused):
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "iam:GetSAMLProvider",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:ResourceTag/z": "z"}},
                }
            ],
        }
        own = understudy.client("iam", as_=understudy.user("ann", document))
        own.get_saml_provider(SAMLProviderArn=provider)
        iam.untag_saml_provider(SAMLProviderArn=provider, TagKeys=["z"])
        with refused("AccessDenied", status=403):
            own.get_saml_provider(SAMLProviderArn=provider)


def test_the_summary_counts_them(iam, provider):
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
