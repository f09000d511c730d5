"""SSH public keys: credentials.md 30.3."""

from __future__ import annotations

import base64
import hashlib

import pytest
from certificates import certificate, ec_key, pem, public_pem, rsa_key, ssh


@pytest.fixture
def ann(iam):
    return iam.create_user(UserName="Ann")["User"]


def upload(iam, body, user="ann"):
    return iam.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=body)["SSHPublicKey"]


class TestUploadSSHPublicKey:
    def test_it_answers_the_key_as_it_was_sent(self, iam, ann):
        body = ssh(rsa_key(), "ann@home")
        key = upload(iam, body)
        assert ("Ann", "Active", body) == (key["UserName"], key["Status"], key["SSHPublicKeyBody"])
        assert (20, "APKA") == (len(key["SSHPublicKeyId"]), key["SSHPublicKeyId"][:4])
        wire = base64.b64decode(body.split()[1])
        assert hashlib.md5(wire).digest().hex(":") == key["Fingerprint"]

    def test_a_user_has_a_key_once_in_whatever_form(self, iam, ann, refused):
        upload(iam, ssh(rsa_key()))
        with refused("DuplicateSSHPublicKey", "Duplicate SSH public key uploaded.", 400):
            upload(iam, public_pem(rsa_key()))
        iam.create_user(UserName="bob")
        assert upload(iam, ssh(rsa_key()), "bob")

    @pytest.mark.parametrize(
        ("body", "code", "text"),
        [
            ("not a key", "UnrecognizedPublicKeyEncoding", "Invalid public key uploaded."),
            ("ssh-rsa AAAA", "UnrecognizedPublicKeyEncoding", "Invalid public key uploaded."),
            (pem(certificate()), "UnrecognizedPublicKeyEncoding", "Invalid public key uploaded."),
            (ssh(rsa_key(1024)), "InvalidPublicKey", "Invalid body for public key"),
            (public_pem(ec_key()), "InvalidPublicKey", "Invalid body for public key"),
        ],
        ids=["text", "cut off", "certificate", "short", "no RSA"],
    )
    def test_others_are_refused(self, iam, ann, refused, body, code, text):
        with refused(code, text, 400):
            upload(iam, body)

    def test_a_user_has_five(self, iam, ann, refused):
        for number in range(5):
            upload(iam, ssh(rsa_key(2048, number)))
        with refused("LimitExceeded", "Cannot exceed quota for SSHPublicKeysPerUser: 5", 409):
            upload(iam, ssh(rsa_key(2048, 5)))

    def test_the_user_must_exist(self, iam, refused):
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            upload(iam, ssh(rsa_key()), "nobody")


class TestGetSSHPublicKey:
    def test_it_is_shown_in_both_forms(self, iam, ann):
        id = upload(iam, ssh(rsa_key(), "a comment"))["SSHPublicKeyId"]
        get = iam.get_ssh_public_key
        found = get(UserName="ann", SSHPublicKeyId=id, Encoding="SSH")["SSHPublicKey"]
        assert ssh(rsa_key()) == found["SSHPublicKeyBody"]
        found = get(UserName="ann", SSHPublicKeyId=id, Encoding="PEM")["SSHPublicKey"]
        assert public_pem(rsa_key()) == found["SSHPublicKeyBody"]
        assert {
            "UserName",
            "SSHPublicKeyId",
            "Fingerprint",
            "SSHPublicKeyBody",
            "Status",
            "UploadDate",
        } == set(found)

    def test_there_are_two_forms(self, iam, ann, refused):
        id = upload(iam, ssh(rsa_key()))["SSHPublicKeyId"]
        text = (
            "1 validation error detected: Value at 'encoding' failed to satisfy constraint: Member must satisfy "
            "enum value set: [SSH, PEM]"
        )
        with refused("ValidationError", text, 400):
            iam.get_ssh_public_key(UserName="ann", SSHPublicKeyId=id, Encoding="ssh")

    def test_another_users_key_is_not_told(self, iam, ann, refused):
        iam.create_user(UserName="bob")
        id = upload(iam, ssh(rsa_key()))["SSHPublicKeyId"]
        with refused("NoSuchEntity", f"User has no Public Key with id {id}.", 404):
            iam.get_ssh_public_key(UserName="bob", SSHPublicKeyId=id, Encoding="SSH")

    def test_one_that_is_not_there_is_not_found(self, iam, ann, refused):
        id = "APKAXXXXXXXXXXXXXXXXX"
        text = f"The Public Key with id {id} cannot be found."
        for call in (
            lambda: iam.get_ssh_public_key(UserName="ann", SSHPublicKeyId=id, Encoding="SSH"),
            lambda: iam.update_ssh_public_key(UserName="ann", SSHPublicKeyId=id, Status="Active"),
            lambda: iam.delete_ssh_public_key(UserName="ann", SSHPublicKeyId=id),
        ):
            with refused("NoSuchEntity", text, 404):
                call()


class TestUpdateSSHPublicKey:
    def test_it_is_active_or_not(self, iam, ann, refused):
        id = upload(iam, ssh(rsa_key()))["SSHPublicKeyId"]
        iam.update_ssh_public_key(UserName="ann", SSHPublicKeyId=id, Status="Inactive")
        (listed,) = iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"]
        assert {"UserName", "SSHPublicKeyId", "Status", "UploadDate"} == set(listed)
        assert "Inactive" == listed["Status"]
        with refused("InvalidInput", "Operation does not support status Expired", 400):
            iam.update_ssh_public_key(UserName="ann", SSHPublicKeyId=id, Status="Expired")


class TestDeleteSSHPublicKey:
    def test_it_keeps_its_user(self, iam, ann, refused):
        id = upload(iam, ssh(rsa_key()))["SSHPublicKeyId"]
        text = "Cannot delete entity, must remove referenced objects first."
        with refused("DeleteConflict", text, 409):
            iam.delete_user(UserName="ann")
        iam.delete_ssh_public_key(UserName="ann", SSHPublicKeyId=id)
        assert [] == iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"]
        iam.delete_user(UserName="ann")

    def test_a_renamed_user_keeps_it(self, iam, ann):
        upload(iam, ssh(rsa_key()))
        iam.update_user(UserName="ann", NewUserName="Anna")
        (listed,) = iam.list_ssh_public_keys(UserName="anna")["SSHPublicKeys"]
        assert "Anna" == listed["UserName"]


class TestListSSHPublicKeys:
    def test_they_are_paged_oldest_first(self, iam, ann, pages, understudy):
        ids = []
        for number in range(3):
            ids.append(upload(iam, ssh(rsa_key(2048, number)))["SSHPublicKeyId"])
            understudy.clock.advance(1)
        found = pages(iam.list_ssh_public_keys, "SSHPublicKeys", UserName="ann")
        assert ids == [each["SSHPublicKeyId"] for each in found]
