"""Signing certificates of users, server certificates of accounts: credentials.md 30.4."""

from __future__ import annotations

import base64
import hashlib
import random

import pytest
from botocore.exceptions import ClientError
from certificates import DAY, certificate, ec_key, pem, rsa_key
from cryptography.hazmat.primitives import serialization

from understudy_aws.services.iam.server_certificates import server_certificates


@pytest.fixture
def ann(iam):
    return iam.create_user(UserName="Ann")["User"]


def sign(iam, made, user="ann"):
    return iam.upload_signing_certificate(UserName=user, CertificateBody=pem(made))["Certificate"]


class TestUploadSigningCertificate:
    @pytest.mark.parametrize("key", [ec_key(), rsa_key(1024)], ids=["EC", "short RSA"])
    def test_its_id_is_its_sum(self, iam, ann, key):
        made = certificate(key=key)
        found = sign(iam, made)
        der = made.public_bytes(serialization.Encoding.DER)
        assert base64.b32encode(hashlib.sha1(der).digest()).decode() == found["CertificateId"]
        assert pem(made) == found["CertificateBody"]
        assert ("Ann", "Active") == (found["UserName"], found["Status"])

    def test_what_is_none_or_out_of_date_is_malformed(self, iam, ann, refused):
        expired, early = certificate(start=-2 * DAY, end=-DAY), certificate(start=DAY)
        for body in ("invalid-certificate-body", pem(expired), pem(early)):
            with refused("MalformedCertificate", f"Certificate {body} is malformed.", 400):
                iam.upload_signing_certificate(UserName="ann", CertificateBody=body)

    def test_one_that_the_user_has_stays_as_it_is(self, iam, ann, understudy):
        """Recorded, also that the answer says Active."""
        made = certificate()
        first = sign(iam, made)
        iam.update_signing_certificate(
            UserName="ann", CertificateId=first["CertificateId"], Status="Inactive"
        )
        understudy.clock.advance(60)
        assert first == sign(iam, made)
        (listed,) = iam.list_signing_certificates(UserName="ann")["Certificates"]
        assert "Inactive" == listed["Status"]

    def test_an_account_has_one_once(self, understudy, iam, ann, refused):
        made = certificate()
        sign(iam, made)
        iam.create_user(UserName="bob")
        with refused("DuplicateCertificate", "Duplicate certificate uploaded.", 409):
            sign(iam, made, "bob")
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        other.create_user(UserName="ann")
        assert sign(other, made)

    def test_a_user_has_two(self, iam, ann, refused):
        sign(iam, certificate())
        sign(iam, certificate())
        with refused("LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2", 409):
            sign(iam, certificate())

    def test_the_user_must_exist(self, iam, refused):
        text = "The user with name nonexistent-user cannot be found."
        with refused("NoSuchEntity", text, 404):
            sign(iam, certificate(), "nonexistent-user")
        with refused("NoSuchEntity", text, 404):
            iam.list_signing_certificates(UserName="nonexistent-user")

    def test_without_a_name_it_is_the_callers(self, understudy):
        client = understudy.client("iam", as_=understudy.allowing("bob", "iam:*SigningCertificate*"))
        id = client.upload_signing_certificate(CertificateBody=pem(certificate()))["Certificate"][
            "CertificateId"
        ]
        assert [id] == [each["CertificateId"] for each in client.list_signing_certificates()["Certificates"]]
        client.delete_signing_certificate(CertificateId=id)


class TestUpdateSigningCertificate:
    def test_one_that_is_not_the_users_is_not_found(self, iam, ann, refused):
        iam.create_user(UserName="bob")
        bobs = sign(iam, certificate(), "bob")["CertificateId"]
        for id in (bobs, "NONEXISTENTCERTID12345678901"):
            text = f"The Certificate with id {id} cannot be found."
            with refused("NoSuchEntity", text, 404):
                iam.update_signing_certificate(UserName="ann", CertificateId=id, Status="Inactive")
            with refused("NoSuchEntity", text, 404):
                iam.delete_signing_certificate(UserName="ann", CertificateId=id)

    def test_nobody_makes_one_expired(self, iam, ann, refused):
        id = sign(iam, certificate())["CertificateId"]
        with refused("InvalidInput", "Operation does not support status Expired", 400):
            iam.update_signing_certificate(UserName="ann", CertificateId=id, Status="Expired")


class TestDeleteSigningCertificate:
    def test_it_keeps_its_user(self, iam, ann, refused):
        id = sign(iam, certificate())["CertificateId"]
        with refused("DeleteConflict", "Cannot delete entity, must delete certificates first.", 409):
            iam.delete_user(UserName="ann")
        iam.update_user(UserName="ann", NewUserName="Anna")
        iam.delete_signing_certificate(UserName="anna", CertificateId=id)
        iam.delete_user(UserName="anna")

    def test_lists_are_paged(self, iam, ann, pages):
        ids = {sign(iam, certificate())["CertificateId"] for _ in range(2)}
        found = pages(iam.list_signing_certificates, "Certificates", 1, UserName="ann")
        assert ids == {each["CertificateId"] for each in found}


def serve(iam, made, key=None, name="web", **more):
    return iam.upload_server_certificate(
        ServerCertificateName=name, CertificateBody=pem(made), PrivateKey=pem(key or ec_key()), **more
    )


@pytest.fixture(scope="module")
def authority():
    """A root and its key."""
    return certificate("root", key=ec_key(1), ca=True), ec_key(1)


class TestUploadServerCertificate:
    def test_its_parts_are_told_and_its_key_is_not(self, iam, understudy):
        made = certificate()
        answer = serve(iam, made, Path="/probe/", Tags=[{"Key": "Team", "Value": "one"}])
        found = answer["ServerCertificateMetadata"]
        assert {
            "Path",
            "ServerCertificateName",
            "ServerCertificateId",
            "Arn",
            "UploadDate",
            "Expiration",
        } == set(found)
        assert f"arn:aws:iam::{understudy.account}:server-certificate/probe/web" == found["Arn"]
        assert made.not_valid_after_utc == found["Expiration"]
        assert (21, "ASCA") == (len(found["ServerCertificateId"]), found["ServerCertificateId"][:4])
        assert [{"Key": "Team", "Value": "one"}] == answer["Tags"]
        got = iam.get_server_certificate(ServerCertificateName="WEB")["ServerCertificate"]
        assert {"ServerCertificateMetadata", "CertificateBody", "Tags"} == set(got)
        assert (found, pem(made).strip()) == (got["ServerCertificateMetadata"], got["CertificateBody"])
        kept = ""
        with understudy.app.database.transaction() as tx:
            kept += str([server_certificates.encode(each) for each in server_certificates.scan(tx)])
        middle = pem(ec_key()).splitlines()[1]
        assert "BEGIN CERTIFICATE" in kept
        assert middle not in kept
        assert middle not in repr(understudy.trail())

    def test_untagged_ones_have_an_empty_list(self, iam):
        assert "Tags" not in serve(iam, certificate())
        assert [] == iam.get_server_certificate(ServerCertificateName="web")["ServerCertificate"]["Tags"]

    @pytest.mark.parametrize("key", [rsa_key(1024), rsa_key()], ids=["short", "RSA"])
    def test_keys_may_be_rsa(self, iam, key):
        assert serve(iam, certificate(key=key), key)

    def test_certificate_and_key_must_agree(self, iam, refused):
        text = "The private key did not match the public key provided. Please verify the key material and try again."
        with refused("KeyPairMismatch", text, 400):
            serve(iam, certificate(), ec_key(2))

    def test_what_cannot_be_read_is_malformed(self, iam, refused):
        text = "Unable to parse certificate. Please ensure the certificate is in PEM format."
        with refused("MalformedCertificate", text, 400):
            iam.upload_server_certificate(
                ServerCertificateName="web", CertificateBody="none", PrivateKey=pem(ec_key())
            )
        locked = ec_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        for key in ("none", locked.decode()):
            with refused("MalformedCertificate", status=400):
                iam.upload_server_certificate(
                    ServerCertificateName="web", CertificateBody=pem(certificate()), PrivateKey=key
                )

    def test_dates_must_fit(self, iam, refused):
        text = (
            "Certificate is no longer valid. The 'Not After' date restriction on the certificate has passed."
        )
        with refused("MalformedCertificate", text, 400):
            serve(iam, certificate(start=-2 * DAY, end=-DAY))
        with refused("MalformedCertificate", status=400):
            serve(iam, certificate(start=DAY))

    def test_a_chain_may_be_missing_or_repeat_its_end(self, iam, authority):
        """Recorded."""
        leaf, root = certificate(by=authority), pem(authority[0])
        serve(iam, leaf)
        serve(iam, leaf, name="two", CertificateChain=root)
        serve(iam, leaf, name="three", CertificateChain=root + root)
        got = iam.get_server_certificate(ServerCertificateName="two")["ServerCertificate"]
        assert root.strip() == got["CertificateChain"]

    def test_intermediates_come_in_order(self, iam, authority, refused):
        middle = certificate("middle", key=ec_key(2), by=authority, ca=True)
        leaf = certificate(by=(middle, ec_key(2)))
        serve(iam, leaf, CertificateChain=pem(middle) + pem(authority[0]))
        with refused("MalformedCertificate", status=400):
            serve(iam, leaf, name="other", CertificateChain=pem(authority[0]) + pem(middle))

    def test_who_is_no_authority_certifies_nobody(self, iam, authority, refused):
        middle = certificate("middle", key=ec_key(2), by=authority, ca=False)
        leaf = certificate(by=(middle, ec_key(2)))
        with refused("MalformedCertificate", status=400):
            serve(iam, leaf, CertificateChain=pem(middle) + pem(authority[0]))

    def test_a_chain_that_does_not_hold_is_told_with_the_place(self, iam, authority, refused):
        """Both places are recorded: an unrelated root, and the certificate itself in its chain."""
        leaf, stranger = certificate(by=authority), certificate("stranger", key=ec_key(3), ca=True)
        text = (
            "Unable to validate certificate chain. The certificate chain must start with the immediate signing "
            "certificate, followed by any intermediaries in order. The index within the chain of the invalid "
            "certificate is: "
        )
        for chain, place in ((pem(stranger), "-1"), (pem(leaf) + pem(authority[0]), "1")):
            with refused("MalformedCertificate", text + place, 400):
                serve(iam, leaf, CertificateChain=chain)
        with refused("MalformedCertificate", "", 400):
            serve(iam, leaf, CertificateChain="none")

    def test_a_name_is_taken_once_whatever_its_case(self, iam, refused):
        serve(iam, certificate())
        with refused("EntityAlreadyExists", "The Server Certificate with name WEB already exists.", 409):
            serve(iam, certificate(), name="WEB", Path="/other/")

    def test_an_account_has_twenty(self, iam, refused):
        """Observed: remind101/empire#471."""
        made = certificate()
        for number in range(20):
            serve(iam, made, name=f"web{number}")
        with refused("LimitExceeded", "Cannot exceed quota for ServerCertificatesPerAccount: 20", 409):
            serve(iam, made)


class TestListServerCertificates:
    def test_a_path_prefix_chooses_and_they_are_paged(self, iam, pages):
        made = certificate()
        for name, path in (("c", "/a/"), ("a", "/"), ("b", "/a/b/")):
            serve(iam, made, name=name, Path=path)
        listed = pages(iam.list_server_certificates, "ServerCertificateMetadataList")
        assert ["a", "b", "c"] == [each["ServerCertificateName"] for each in listed]
        listed = iam.list_server_certificates(PathPrefix="/a/")["ServerCertificateMetadataList"]
        assert ["b", "c"] == [each["ServerCertificateName"] for each in listed]

    def test_a_denial_names_the_path(self, understudy, refused):
        """Observed: spinnaker/spinnaker.github.io#335."""
        client = understudy.client("iam", as_=understudy.user("nobody"))
        for given, named in (({}, "/"), ({"PathPrefix": "/cloudfront/"}, "/cloudfront/")):
            with refused("AccessDenied", status=403) as told:
                client.list_server_certificates(**given)
            assert f"arn:aws:iam::{understudy.account}:server-certificate{named} because" in told.text


class TestUpdateServerCertificate:
    def test_id_and_tags_stay(self, iam, understudy, refused):
        serve(iam, certificate(), Tags=[{"Key": "Team", "Value": "one"}])
        before = iam.get_server_certificate(ServerCertificateName="web")["ServerCertificate"]
        iam.update_server_certificate(
            ServerCertificateName="web", NewPath="/after/", NewServerCertificateName="site"
        )
        after = iam.get_server_certificate(ServerCertificateName="site")["ServerCertificate"]
        assert before["Tags"] == after["Tags"]
        metadata = after["ServerCertificateMetadata"]
        assert before["ServerCertificateMetadata"]["ServerCertificateId"] == metadata["ServerCertificateId"]
        assert f"arn:aws:iam::{understudy.account}:server-certificate/after/site" == metadata["Arn"]
        with refused("NoSuchEntity", "The Server Certificate with name web cannot be found.", 404):
            iam.get_server_certificate(ServerCertificateName="web")

    def test_another_ones_name_is_taken(self, iam, refused):
        for name in ("one", "two"):
            serve(iam, certificate(), name=name)
        with refused("EntityAlreadyExists", "The Server Certificate with name two already exists.", 409):
            iam.update_server_certificate(ServerCertificateName="one", NewServerCertificateName="two")

    def test_it_takes_the_permission_on_both_names(self, understudy, iam, refused):
        serve(iam, certificate())
        arn = f"arn:aws:iam::{understudy.account}:server-certificate/"
        clerk = understudy.allowing("clerk", "iam:UpdateServerCertificate", resource=f"{arn}web")
        client = understudy.client("iam", as_=clerk)
        with refused("AccessDenied", status=403):
            client.update_server_certificate(ServerCertificateName="web", NewPath="/x/")


class TestDeleteServerCertificate:
    def test_one_that_is_not_there_is_not_found(self, iam, refused):
        serve(iam, certificate())
        iam.delete_server_certificate(ServerCertificateName="Web")
        with refused("NoSuchEntity", "The Server Certificate with name web cannot be found.", 404):
            iam.delete_server_certificate(ServerCertificateName="web")


class TestTags:
    def test_keys_that_differ_in_case_stay_side_by_side(self, iam, refused):
        serve(iam, certificate(), Tags=[{"Key": "Team", "Value": "1"}, {"Key": "team", "Value": "2"}])
        iam.tag_server_certificate(ServerCertificateName="web", Tags=[{"Key": "third", "Value": "3"}])
        iam.untag_server_certificate(ServerCertificateName="web", TagKeys=["Team"])
        tags = iam.list_server_certificate_tags(ServerCertificateName="web")["Tags"]
        assert [("team", "2"), ("third", "3")] == [(each["Key"], each["Value"]) for each in tags]
        with refused("InvalidInput", "The provided tag map must not be null/empty.", 400):
            iam.tag_server_certificate(ServerCertificateName="web", Tags=[])
        with refused("InvalidInput", "The provided tag keys must not be null/empty.", 400):
            iam.untag_server_certificate(ServerCertificateName="web", TagKeys=[])

    def test_tags_take_a_permission_of_their_own(self, understudy, refused):
        client = understudy.client("iam", as_=understudy.allowing("maker", "iam:UploadServerCertificate"))
        assert serve(client, certificate())
        with refused("AccessDenied", status=403):
            serve(client, certificate(), name="two", Tags=[{"Key": "a", "Value": "b"}])


def damaged(data, draw):
    """Bytes of which a few are others, or missing."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 3))):
        at = draw.randrange(len(changed))
        if draw.random() < 0.8:
            changed[at] = draw.randrange(256)
        else:
            del changed[at]
    return bytes(changed)


def labelled(data, label):
    return f"-----BEGIN {label}-----\n{base64.encodebytes(data).decode()}-----END {label}-----\n"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_what_is_damaged_anywhere_is_refused_and_nothing_else_goes_wrong(iam):
    """Much of a certificate is read only when it is used, and what that finds is an answer too."""
    draw = random.Random(11)
    authority = certificate("authority", key=ec_key(1), ca=True)
    made = [
        (certificate(by=(authority, ec_key(1))).public_bytes(serialization.Encoding.DER), "CERTIFICATE"),
        (authority.public_bytes(serialization.Encoding.DER), "CERTIFICATE"),
        (
            ec_key().private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            "PRIVATE KEY",
        ),
    ]
    codes = set()
    for _ in range(400):
        which = draw.randrange(3)
        body, chain, key = (
            labelled(damaged(data, draw) if number == which else data, label)
            for number, (data, label) in enumerate(made)
        )
        try:
            iam.upload_server_certificate(
                ServerCertificateName="web", CertificateBody=body, CertificateChain=chain, PrivateKey=key
            )
            iam.delete_server_certificate(ServerCertificateName="web")
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes == {"MalformedCertificate"}
