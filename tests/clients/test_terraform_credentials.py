"""Terraform's AWS provider makes, reads, changes and removes what users sign in with, and server certificates."""

from __future__ import annotations

import base64
import json

import pytest
from certificates import certificate, ec_key, pem, public_pem, rsa_key, ssh
from terraform import Terraform, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform(tmp_path_factory):
    made = Terraform("credentials", tmp_path_factory.mktemp("terraform"))
    root = (certificate("root", key=ec_key(1), ca=True), ec_key(1))
    given = {
        "ssh_key": ssh(rsa_key(), "ci@example"),
        "ssh_key_pem": public_pem(rsa_key(2048, 1)),
        "signing_certificate": pem(certificate("signer")),
        "certificate": pem(certificate("web.example", by=root)),
        "private_key": pem(ec_key()),
        "chain": pem(root[0]),
    }
    (made.folder / "given.auto.tfvars.json").write_text(json.dumps(given))
    yield made
    made.close()


def test_1_every_resource_is_made_and_read_back_as_it_was_asked_for(terraform):
    found = terraform.apply()
    assert 20 == len(found["password"])
    assert ("/cloudfront/", "Active") == (found["certificate_path"], found["key_status"])
    assert found["git_user"].startswith("ci-at-")
    assert 40 == len(base64.b32decode(found["seed"]))
    assert not terraform.changes()
    summary = terraform.client("iam").get_account_summary()["SummaryMap"]
    assert (1, 1, 2) == (
        summary["MFADevices"],
        summary["ServerCertificates"],
        summary["GlobalEndpointTokenVersion"],
    )


def test_2_every_change_in_place_is_made_and_read_back(terraform):
    terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    iam = terraform.client("iam")
    assert 16 == iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"]
    (listed,) = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert "/cloudfront/site/" == listed["Path"]


def test_3_a_user_goes_with_all_that_others_gave_him(terraform):
    """With `force_destroy` the provider takes everything from the user first, as IAM asks for."""
    iam = terraform.client("iam")
    iam.create_access_key(UserName="anna")
    iam.create_login_profile(UserName="anna", Password="Correct-Horse-Battery-9")
    iam.upload_ssh_public_key(UserName="anna", SSHPublicKeyBody=ssh(rsa_key()))
    iam.upload_signing_certificate(UserName="anna", CertificateBody=pem(certificate("anna")))
    iam.create_service_specific_credential(UserName="anna", ServiceName="codecommit.amazonaws.com")
    terraform.destroy(CHANGED)
    assert ["Administrator"] == [each["UserName"] for each in iam.list_users()["Users"]]
    assert [] == iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert [] == iam.list_server_certificates()["ServerCertificateMetadataList"]
