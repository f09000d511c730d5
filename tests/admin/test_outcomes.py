"""What became of a request that no policy refused, or that policies were not asked about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest
from msgspec.structs import astuple
from refusals import refusal
from saml_identity import Idp, encoded

from understudy_aws.admin.explanations import Explanations
from understudy_aws.admin.outcomes import summary
from understudy_aws.authn.caller import ANONYMOUS, Caller
from understudy_aws.authn.errors import Kind
from understudy_aws.gateway.trail import TrailEntry
from understudy_aws.testing import Credentials, Understudy


@pytest.fixture
def explanations(understudy):
    gateway = understudy.app.gateway
    return Explanations(gateway, gateway.credentials)


class TestRefusedBeforePolicies:
    """What no policy was asked about."""

    def summary(self, explanations, call, **params):
        answer = explanations.of_request(refusal(call, **params).request_id)
        assert ([], True) == (answer["questions"], answer["refused"])
        return answer["summary"]

    def test_an_unknown_key(self, understudy, explanations):
        nobody = Credentials("AKIAIOSFODNN7EXAMPLE", "secret")
        for service, call in (
            ("iam", "list_users"),
            ("apprunner", "list_vpc_connectors"),
            ("ec2", "describe_vpcs"),
        ):
            client = understudy.client(service, as_=nobody)
            said = self.summary(explanations, getattr(client, call))
            assert "who calls was not known, for" in said
            assert "not known here" in said

    def test_a_wrong_secret(self, understudy, explanations):
        wrong = Credentials(understudy.administrator.access_key_id, "secret")
        said = self.summary(explanations, understudy.client("iam", as_=wrong).list_users)
        assert "its signature does not hold: the secret key is another" in said

    def test_what_ec2_keeps_to_itself(self, understudy, explanations):
        """EC2 answers AuthFailure to all of them (signatures.md 6.3)."""
        wrong = Credentials(understudy.administrator.access_key_id, "secret")
        session = Credentials(*astuple(understudy.administrator)[:2], "token")
        for who, why in ((wrong, "the secret key is another"), (session, "uncalled for")):
            assert why in self.summary(explanations, understudy.client("ec2", as_=who).describe_vpcs)

    @pytest.mark.parametrize("kind", get_args(Kind))
    def test_every_kind_of_signature_has_its_sentence(self, kind):
        entry = TrailEntry(
            request_id="x",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            service="iam",
            operation="ListUsers",
            caller=ANONYMOUS,
            outcome="AccessDenied",
            signature=kind,
        )
        assert summary(entry, ()).startswith(
            "No policy was asked about iam:ListUsers: who calls was not known, for"
        )

    def test_parameters_that_are_none(self, understudy, explanations):
        said = self.summary(explanations, understudy.client("iam").get_role, RoleName="")
        assert "it was refused with ValidationError before that" in said

    def test_a_token_that_is_none(self, understudy, explanations):
        of = {
            "RoleArn": "arn:aws:iam::000000000000:role/r",
            "RoleSessionName": "me",
            "WebIdentityToken": "abcd",
        }
        said = self.summary(explanations, understudy.client("sts").assume_role_with_web_identity, **of)
        refused = "it was refused with InvalidIdentityToken before that, for what its answer says."
        assert f"No policy was asked about sts:AssumeRoleWithWebIdentity: {refused}" == said

    def test_more_than_the_answer_says(self, understudy, explanations):
        iam = understudy.client("iam")
        arn = iam.create_saml_provider(Name="p", SAMLMetadataDocument=Idp().metadata())["SAMLProviderArn"]
        of = {
            "RoleArn": "arn:aws:iam::000000000000:role/r",
            "PrincipalArn": arn,
            "SAMLAssertion": encoded(b"<a/>"),
        }
        said = self.summary(explanations, understudy.client("sts").assume_role_with_saml, **of)
        refused = "it was refused with InvalidIdentityToken before that, because it is no samlp:Response."
        assert f"No policy was asked about sts:AssumeRoleWithSAML: {refused}" == said


class TestWhatIsNotServed:
    """Docs/decisions/0016: policies are asked first."""

    def summary(self, explanations, client):
        return explanations.of_request(refusal(client.reboot_instances, InstanceIds=["i-1"]).request_id)[
            "summary"
        ]

    def test_allowed(self, understudy, explanations):
        said = self.summary(explanations, understudy.client("ec2"))
        assert "Policies allow ec2:RebootInstances; Understudy does not serve it" in said

    def test_refused(self, understudy, explanations):
        said = self.summary(explanations, understudy.client("ec2", as_=understudy.user("nobody")))
        assert said.startswith("ec2:RebootInstances was refused over ec2:RebootInstances on arn:aws:ec2:")

    def test_refused_while_iam_is_soft(self):
        with Understudy(iam="soft") as understudy:
            gateway = understudy.app.gateway
            explanations = Explanations(gateway, gateway.credentials)
            said = self.summary(explanations, understudy.client("ec2", as_=understudy.user("nobody")))
        assert said.startswith("ec2:RebootInstances is not served here, and over ec2:RebootInstances on")

    def test_an_operation_that_takes_no_permission(self, understudy, explanations):
        nobody = understudy.user("nobody")
        answer = understudy.client("sts", as_=nobody).get_caller_identity()
        explained = explanations.of_request(answer["ResponseMetadata"]["RequestId"])
        assert (
            "sts:GetCallerIdentity was carried out, and no policy was asked: it takes no permission."
            == explained["summary"]
        )

    def test_the_root_user_who_would_assume_a_role(self, explanations):
        entry = TrailEntry(
            request_id="x",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            service="sts",
            operation="AssumeRole",
            caller=Caller("root", "1", "arn:aws:iam::1:root", "1"),
            outcome="AccessDenied",
            message="Roles may not be assumed by root accounts.",
        )
        assert "it was refused with AccessDenied before that" in summary(entry, [])
