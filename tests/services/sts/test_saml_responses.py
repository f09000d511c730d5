"""What is believed of a SAML response, and what is not: saml.md 37.2."""

from __future__ import annotations

import base64
import copy
from datetime import UTC, datetime, timedelta

import pytest
from certificates import ec_key, pem, rsa_key
from lxml import etree
from saml_encryption import encrypted_response
from saml_identity import AUDIENCE, NAMES, PERSISTENT, SAML, Idp, encoded
from signxml import CanonicalizationMethod, DigestAlgorithm, SignatureMethod, XMLSigner

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.saml_metadata import issuers_in
from understudy_aws.services.iam.saml_provider_records import SamlPrivateKey, SamlProvider
from understudy_aws.services.sts.saml_responses import NoResponseError, asserted

NOW = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
SOME = {"urn:oid:1": ["a", "b"]}
UNREADABLE = "Invalid base64 SAMLResponse"
UNSIGNED = "Response (with optional signature) must contain an assertion with a mandatory signature"
FORGED = "Response signature invalid"


@pytest.fixture(scope="module")
def idp():
    return Idp()


def provider(*idps, **more):
    """A provider that trusts these."""
    found = tuple(issuer for each in idps for issuer in issuers_in(each.metadata()))
    return SamlProvider(
        account="0" * 12,
        name="Okta",
        id="S",
        document="",
        issuers=found,
        created=NOW,
        valid_until=NOW,
        **more,
    )


def read(document, *idps, at=NOW, **more):
    """What is believed; `document` is one, or Base64."""
    text = document if isinstance(document, str) else encoded(document)
    return asserted(text, provider(*idps, **more), at)


def refusal(document, *idps, **more):
    """The text of the refusal."""
    with pytest.raises((ApiError, NoResponseError)) as caught:
        read(document, *idps, **more)
    if isinstance(caught.value, ApiError):
        assert caught.value.status == 400
        assert caught.value.code in {"InvalidIdentityToken", "ExpiredTokenException"}
        return f"{caught.value.code}: {caught.value.message}"
    return str(caught.value)


class TestRecorded:
    """Each was sent to AWS, which answered so."""

    @pytest.mark.parametrize(
        ("changes", "seen"),
        [
            ({}, {}),
            ({"audience": "https://other.example.com/"}, {}),
            ({"audience": ""}, {}),
            ({"recipient": "not-a-url"}, {"recipient": "not-a-url"}),
            ({"not_before": timedelta(days=1)}, {}),
            ({"until": None}, {}),
            ({"session_until": timedelta(minutes=10)}, {"session_until": NOW + timedelta(minutes=10)}),
            ({"subject_format": "custom-format"}, {"subject_type": "custom-format"}),
            (
                {"subject_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"},
                {"subject_type": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"},
            ),
        ],
        ids=lambda given: "-".join(given) or "plain",
    )
    def test_taken(self, idp, changes, seen):
        found = read(idp.signed_response(NOW, SOME, **changes), idp)
        assert (found.issuer, found.subject, found.attributes) == (
            idp.entity_id,
            "ann@example.com",
            {"urn:oid:1": ("a", "b")},
        )
        assert {"subject_type": "persistent", "recipient": AUDIENCE, "session_until": None, **seen} == {
            name: getattr(found, name) for name in ("subject_type", "recipient", "session_until")
        }

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"conditions": False}, UNREADABLE),
            ({"subject_until": None}, UNREADABLE),
            ({"recipient": None}, UNREADABLE),
            ({"subject_format": ""}, UNREADABLE),
            ({"confirmations": 2}, UNREADABLE),
            ({"confirmations": 0}, UNREADABLE),
            ({"statement": False}, UNREADABLE),
            ({"until": timedelta(seconds=0)}, "ExpiredTokenException: Response has expired"),
            ({"subject_until": timedelta(seconds=-1)}, "ExpiredTokenException: Response has expired"),
            ({"session_until": timedelta(seconds=-1)}, "ExpiredTokenException: Response has expired"),
        ],
        ids=lambda given: "-".join(given) if isinstance(given, dict) else "",
    )
    def test_refused(self, idp, changes, text):
        assert text == refusal(idp.signed_response(NOW, SOME, **changes), idp)

    def test_signatures(self, idp):
        read(idp.signed_response(NOW, SOME, sign_response=True), idp)
        plain = etree.fromstring(idp.assertion(NOW, SOME))
        assert UNSIGNED == refusal(idp.response(assertion=etree.tostring(plain).decode()), idp)
        response_alone = idp.sign(
            idp.response(assertion=etree.tostring(plain).decode()), reference="_response"
        )
        assert UNSIGNED == refusal(response_alone, idp)
        tampered = idp.signed_response(NOW, SOME)
        tampered.find(".//saml:NameID", NAMES).text = "root@example.com"
        assert f"InvalidIdentityToken: {FORGED}" == refusal(tampered, idp)
        outer = idp.signed_response(NOW, SOME, sign_response=True)
        outer.set("Destination", "https://other.example.com/")
        assert f"InvalidIdentityToken: {FORGED}" == refusal(outer, idp)

    def test_the_issuer_of_the_response_does_not_count(self, idp):
        assertion = etree.tostring(idp.sign(etree.fromstring(idp.assertion(NOW, SOME)))).decode()
        read(idp.response(assertion=assertion, issuer="https://other.example.com/"), idp)

    def test_certificates_that_are_over_sign(self):
        old = Idp(start=-timedelta(days=30), end=-timedelta(days=1))
        read(old.signed_response(NOW, SOME), old)

    def test_the_end_is_a_moment(self, idp):
        response = idp.signed_response(NOW, SOME)
        read(response, idp, at=NOW + timedelta(minutes=5, microseconds=-1))
        assert "ExpiredTokenException: Response has expired" == refusal(
            response, idp, at=NOW + timedelta(minutes=5)
        )


class TestIssuers:
    def test_another_issuer_is_none_of_the_providers(self, idp):
        other = Idp("https://other.example.com/", number=1)
        assert refusal(other.signed_response(NOW, SOME), idp) == "Issuer not present in specified provider"

    def test_a_name_alone_signs_nothing(self, idp):
        false = Idp(idp.entity_id, number=1)
        assert f"InvalidIdentityToken: {FORGED}" == refusal(false.signed_response(NOW, SOME), idp)

    def test_an_issuer_does_not_speak_for_another_of_the_same_provider(self, idp):
        other = Idp("https://other.example.com/", number=1)
        response = other.signed_response(NOW, SOME, issuer=idp.entity_id)
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp, other)
        assert read(other.signed_response(NOW, SOME), idp, other).issuer == other.entity_id

    def test_any_of_an_issuers_keys_signs(self, idp):
        new = Idp(idp.entity_id, number=1)
        both = provider(idp)
        (first,), (second,) = (issuers_in(each.metadata()) for each in (idp, new))
        merged = type(first)(first.entity_id, first.certificates + second.certificates)
        changed = type(both)(
            **{name: getattr(both, name) for name in both.__struct_fields__} | {"issuers": (merged,)}
        )
        for each in (idp, new):
            assert asserted(encoded(each.signed_response(NOW, SOME)), changed, NOW).subject

    def test_keys_of_elliptic_curves_sign(self):
        curved = Idp(key=ec_key())
        assertion = curved.sign(
            etree.fromstring(curved.assertion(NOW, SOME)), algorithm=SignatureMethod.ECDSA_SHA256
        )
        read(curved.response(assertion=etree.tostring(assertion).decode()), curved)


def wrap(idp, place):
    """A response whose signed assertion is somewhere else, and a false one where it belongs."""
    signed = idp.signed_response(NOW, SOME)
    true = signed.find("saml:Assertion", NAMES)
    false = etree.fromstring(idp.assertion(NOW, SOME, id="_false", subject="root@example.com"))
    signed.remove(true)
    if place == "beside":
        signed.extend([false, true])
    elif place == "before":
        signed.extend([true, false])
    elif place == "within":
        false.append(true)
        signed.append(false)
    elif place == "in-extensions":
        extensions = etree.SubElement(signed, f"{{{NAMES['samlp']}}}Extensions")
        extensions.append(true)
        signed.append(false)
    elif place == "in-the-signature":
        signature = true.find("ds:Signature", NAMES)
        true.remove(signature)
        thing = etree.SubElement(signature, f"{{{NAMES['ds']}}}Object")
        thing.append(true)
        false.insert(1, signature)
        signed.append(false)
    elif place == "signature-moved":
        signature = true.find("ds:Signature", NAMES)
        true.remove(signature)
        false.insert(1, signature)
        signed.append(false)
    elif place == "same-id":
        false.set("ID", "_assertion")
        signed.extend([false, true])
    return signed


class TestHostile:
    """None of these passes, whatever else is right about it."""

    @pytest.mark.parametrize(
        "place",
        ["beside", "before", "within", "in-extensions", "in-the-signature", "signature-moved", "same-id"],
    )
    def test_signatures_cannot_be_wrapped(self, idp, place):
        assert refusal(wrap(idp, place), idp) in {UNREADABLE, f"InvalidIdentityToken: {FORGED}"}

    def test_one_id_is_one_element(self, idp):
        response = idp.signed_response(NOW, SOME)
        response.set("ID", "_assertion")
        assert refusal(response, idp) == UNREADABLE

    @pytest.mark.parametrize("attribute", ["Id", "id", "{http://www.w3.org/XML/1998/namespace}id"])
    def test_however_an_id_is_spelt(self, idp, attribute):
        response = idp.signed_response(NOW, SOME)
        response.set(attribute, "_assertion")
        assert refusal(response, idp) == UNREADABLE

    @pytest.mark.parametrize("inserted", ["<!---->", "<?a b?>", "<!-- .evil.com -->"])
    def test_a_comment_does_not_split_a_name(self, idp, inserted):
        """Canonicalization leaves comments out, so that the signature holds."""
        text = etree.tostring(idp.signed_response(NOW, SOME, subject="root@example.com.evil.com"))
        changed = text.replace(b"root@example.com", b"root@example.com" + inserted.encode())
        assert refusal(changed, idp) == UNREADABLE

    def test_a_name_of_elements_is_none(self, idp):
        response = idp.signed_response(NOW, SOME, subject="root<saml:b/>@example.com")
        assert refusal(response, idp) == UNREADABLE

    @pytest.mark.parametrize(
        "prolog",
        [
            '<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "' + "&a;" * 100 + '">]>',
            '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
            '<!DOCTYPE a [<!ENTITY c SYSTEM "file:///etc/passwd">]>',
            "<!DOCTYPE a>",
        ],
        ids=["bomb", "external", "file", "empty"],
    )
    def test_document_types_are_refused(self, idp, prolog):
        text = prolog.encode() + etree.tostring(idp.signed_response(NOW, SOME))
        assert refusal(text, idp) == UNREADABLE

    def test_an_encoding_hides_no_document_type(self, idp):
        text = "<!DOCTYPE a>" + etree.tostring(idp.signed_response(NOW, SOME)).decode()
        for encoding in ("utf-16", "utf-32", "utf-7"):
            assert refusal(text.encode(encoding), idp) == UNREADABLE

    @pytest.mark.parametrize(
        ("algorithm", "digest"),
        [
            (SignatureMethod.RSA_SHA1, DigestAlgorithm.SHA256),
            (SignatureMethod.RSA_SHA256, DigestAlgorithm.SHA1),
        ],
    )
    def test_broken_sums_sign_nothing(self, idp, algorithm, digest):
        class Lenient(XMLSigner):
            def check_deprecated_methods(self):
                pass

        assertion = etree.fromstring(idp.assertion(NOW, SOME))
        signer = Lenient(
            signature_algorithm=algorithm,
            digest_algorithm=digest,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        signed = signer.sign(
            assertion, key=idp.key, cert=[idp.certificate], reference_uri="_assertion", id_attribute="ID"
        )
        response = idp.response(assertion=etree.tostring(signed).decode())
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp)

    def test_a_public_certificate_is_no_secret(self, idp):
        """An HMAC keyed with what everybody knows."""
        secret = pem(idp.certificate).encode()
        signed = XMLSigner(
            signature_algorithm=SignatureMethod.HMAC_SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        ).sign(
            etree.fromstring(idp.assertion(NOW, SOME)),
            key=secret,
            reference_uri="_assertion",
            id_attribute="ID",
        )
        response = idp.response(assertion=etree.tostring(signed).decode())
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp)

    def test_a_key_that_the_signature_brings_itself_is_not_taken(self, idp):
        false = Idp(idp.entity_id, number=1)
        response = false.signed_response(NOW, SOME)
        assert false.der()[:40] in etree.tostring(response).decode().replace("\n", "")
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp)

    @pytest.mark.parametrize(
        "uri",
        ["", "#_response", "#_false", "http://127.0.0.1:9/", "#xpointer(/)"],
        ids=lambda uri: uri or "empty",
    )
    def test_a_reference_is_to_the_assertion(self, idp, uri):
        response = idp.signed_response(NOW, SOME)
        response.find(".//ds:Reference", NAMES).set("URI", uri)
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp)

    @pytest.mark.parametrize(
        "algorithm",
        [
            "http://www.w3.org/TR/1999/REC-xslt-19991116",
            "http://www.w3.org/TR/1999/REC-xpath-19991116",
            "http://www.w3.org/2002/06/xmldsig-filter2",
            "http://www.w3.org/2000/09/xmldsig#base64",
            "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
        ],
    )
    def test_transforms_that_change_what_is_signed_are_none(self, idp, algorithm):
        response = idp.signed_response(NOW, SOME)
        transforms = response.find(".//ds:Transforms", NAMES)
        transforms.append(copy.deepcopy(transforms[-1]))
        transforms[-1].set("Algorithm", algorithm)
        assert f"InvalidIdentityToken: {FORGED}" == refusal(response, idp)

    def test_two_signatures_are_none(self, idp):
        response = idp.signed_response(NOW, SOME)
        assertion = response.find("saml:Assertion", NAMES)
        assertion.append(copy.deepcopy(assertion.find("ds:Signature", NAMES)))
        assert refusal(response, idp) == UNREADABLE

    @pytest.mark.parametrize(
        "text",
        ["", "x", "====", base64.b64encode(b"").decode(), base64.b64encode(b"<a/>").decode(), "PGEvPg",
         base64.b64encode(b"\xff\xfe\x00").decode(), base64.b64encode(b"<a" * 50_000).decode(),
         base64.b64encode(b"<a>" * 1000 + b"</a>" * 1000).decode()],
    )  # fmt: skip
    def test_what_is_no_response_is_told_so(self, idp, text):
        assert refusal(text, idp) == UNREADABLE

    def test_every_cut_of_a_response_is_refused(self, idp):
        text = etree.tostring(idp.signed_response(NOW, SOME))
        for end in range(0, len(text), 97):
            assert refusal(text[:end], idp) == UNREADABLE

    def test_every_changed_letter_of_the_assertion_is_seen(self, idp):
        """Of what is believed: the values of elements and attributes below the assertion."""
        text = etree.tostring(idp.signed_response(NOW, SOME)).decode()
        begin = text.index("<saml:Subject>")
        for at in range(begin, text.index("</saml:Assertion>"), 23):
            changed = text[:at] + ("x" if text[at] != "x" else "y") + text[at + 1 :]
            assert refusal(changed.encode(), idp)

    def test_the_same_attribute_twice_is_none(self, idp):
        text = idp.assertion(NOW, SOME)
        once = text[text.index("<saml:Attribute ") : text.index("</saml:AttributeStatement>")]
        twice = text.replace(once, once * 2)
        signed = idp.sign(etree.fromstring(twice))
        response = idp.response(assertion=etree.tostring(signed).decode())
        assert refusal(response, idp) == UNREADABLE

    def test_many_certificates_take_no_time(self, idp):
        """Metadata may name thousands; a forged signature is tried with few."""
        (issuer,) = issuers_in(idp.metadata())
        other = Idp(idp.entity_id, number=1)
        (theirs,) = issuers_in(other.metadata())
        many = type(issuer)(issuer.entity_id, theirs.certificates * 5000)
        full = provider(idp)
        full = type(full)(
            **{name: getattr(full, name) for name in full.__struct_fields__} | {"issuers": (many,)}
        )
        began = datetime.now(UTC)
        with pytest.raises(ApiError, match=FORGED):
            asserted(encoded(idp.signed_response(NOW, SOME)), full, NOW)
        assert datetime.now(UTC) - began < timedelta(seconds=2)


class TestEncryption:
    """Recorded: AES in both lengths and modes, OAEP with SHA-1 and SHA-256."""

    @pytest.fixture
    def keys(self):
        return (
            SamlPrivateKey("SAMLPK1", NOW, pem(rsa_key(number=7))),
            SamlPrivateKey("SAMLPK2", NOW, pem(rsa_key())),
        )

    @pytest.mark.parametrize("cipher", ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"])
    @pytest.mark.parametrize("digest", ["", "sha1", "sha256"])
    def test_taken(self, idp, keys, cipher, digest):
        response = encrypted_response(idp, NOW, SOME, rsa_key().public_key(), cipher=cipher, digest=digest)
        for needed in (True, False):
            assert read(response, idp, private_keys=keys, encrypted=needed).subject == "ann@example.com"

    def test_the_key_may_stand_beside_the_data(self, idp, keys):
        response = encrypted_response(idp, NOW, SOME, rsa_key().public_key(), beside=True)
        assert read(response, idp, private_keys=keys).subject

    def test_a_plain_one_is_refused_where_encryption_is_required(self, idp, keys):
        assert UNREADABLE == refusal(idp.signed_response(NOW, SOME), idp, private_keys=keys, encrypted=True)

    def test_no_key_opens_it(self, idp, keys):
        response = encrypted_response(idp, NOW, SOME, rsa_key(number=3).public_key())
        assert refusal(response, idp, private_keys=keys) == UNREADABLE
        assert refusal(response, idp) == UNREADABLE
        curved = (SamlPrivateKey("SAMLPK3", NOW, pem(ec_key())),)
        assert refusal(response, idp, private_keys=curved) == UNREADABLE

    @pytest.mark.parametrize("cipher", ["aes256-cbc", "aes256-gcm"])
    def test_what_was_changed_on_the_way_is_refused(self, idp, keys, cipher):
        response = encrypted_response(idp, NOW, SOME, rsa_key().public_key(), cipher=cipher)
        value = response.findall(".//{http://www.w3.org/2001/04/xmlenc#}CipherValue")[-1]
        content = bytearray(base64.b64decode(value.text))
        for at in (3, len(content) // 2, len(content) - 3):
            content[at] ^= 1
            value.text = base64.b64encode(bytes(content)).decode()
            assert refusal(response, idp, private_keys=keys)

    def test_other_ciphers_are_none(self, idp, keys):
        response = encrypted_response(idp, NOW, SOME, rsa_key().public_key())
        method = response.find(".//{http://www.w3.org/2001/04/xmlenc#}EncryptionMethod")
        method.set("Algorithm", "http://www.w3.org/2001/04/xmlenc#tripledes-cbc")
        assert refusal(response, idp, private_keys=keys) == UNREADABLE

    def test_an_unsigned_one_stays_unsigned(self, idp, keys):
        response = encrypted_response(idp, NOW, SOME, rsa_key().public_key(), signed=False)
        assert refusal(response, idp, private_keys=keys) == UNSIGNED


def test_the_tests_are_honest(idp):
    """Were the response of these tests refused for another reason, the hostile ones would show nothing."""
    assert read(idp.signed_response(NOW, SOME, subject_format=PERSISTENT), idp).subject == "ann@example.com"
    assert idp.signed_response(NOW, SOME).find("saml:Assertion", NAMES).tag == f"{{{SAML}}}Assertion"
