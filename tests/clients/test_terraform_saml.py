"""Terraform's AWS provider makes, reads, changes and removes a SAML provider and a role that trusts it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from refusals import refused
from saml_identity import Idp, attributes_of, encoded
from terraform import Terraform, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

CHANGED = "-var=changed=true"
PROVIDER = "arn:aws:iam::000000000000:saml-provider/idp"
ROLE = "arn:aws:iam::000000000000:role/staff"


@pytest.fixture(scope="module")
def idps():
    """The identity provider at first, and the one that comes after it."""
    return Idp(), Idp(number=1)


@pytest.fixture(scope="module")
def terraform(tmp_path_factory, idps):
    made = Terraform("saml", tmp_path_factory.mktemp("terraform"))
    given = {"metadata": idps[0].metadata(), "changed_metadata": idps[1].metadata()}
    (made.folder / "given.auto.tfvars.json").write_text(json.dumps(given))
    yield made
    made.close()


def assume(terraform, idp):
    assertion = encoded(idp.signed_response(datetime.now(UTC), attributes_of(ROLE, PROVIDER)))
    return terraform.client("sts").assume_role_with_saml(
        RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=assertion
    )


def test_1_it_is_made_and_read_back_and_the_role_can_be_assumed(terraform, idps):
    found = terraform.apply()
    assert found["read_back"] == idps[0].metadata()
    assert not terraform.changes()
    assert assume(terraform, idps[0])["AssumedRoleUser"]["Arn"].endswith(":assumed-role/staff/ann")


def test_2_changes_are_made_in_place(terraform, idps):
    terraform.apply(CHANGED)
    # The data source still shows what was there when the change was planned.
    terraform.apply(CHANGED)
    assert not terraform.changes(CHANGED)
    tags = terraform.client("iam").list_saml_provider_tags(SAMLProviderArn=PROVIDER)["Tags"]
    assert tags == [{"Key": "team", "Value": "b"}]
    assume(terraform, idps[1])
    with refused("InvalidIdentityToken", "Response signature invalid", 400):
        assume(terraform, idps[0])


def test_3_nothing_is_left(terraform):
    terraform.destroy(CHANGED)
    assert terraform.client("iam").list_saml_providers()["SAMLProviderList"] == []
