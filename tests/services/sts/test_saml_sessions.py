"""AssumeRoleWithSAML: saml.md 37.2, 37.3."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
from certificates import pem, rsa_key
from raw_requests import action
from refusals import refusal, refused
from saml_encryption import encrypted_response
from saml_identity import AUDIENCE, Idp, attributes_of, encoded

from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/Okta"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/staff"
DENIED = "Not authorized to perform sts:AssumeRoleWithSAML"
EVERY = ("sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity")


@pytest.fixture(scope="module")
def idp():
    return Idp()


@pytest.fixture
def provider(iam, idp):
    iam.create_saml_provider(Name="Okta", SAMLMetadataDocument=idp.metadata())
    return PROVIDER


@pytest.fixture
def make_staff(iam, provider):
    """Make the role that trusts the provider under these conditions."""

    def make(condition=None, *, actions=EVERY, principal=None, **more):
        statement = {
            "Effect": "Allow",
            "Principal": principal or {"Federated": PROVIDER},
            "Action": list(actions),
        }
        if condition:
            statement["Condition"] = condition
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.create_role(RoleName="staff", AssumeRolePolicyDocument=trust, **more)
        allowed = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="staff", PolicyName="own", PolicyDocument=document)
        return ROLE

    return make


@pytest.fixture
def staff(make_staff):
    return make_staff()


@pytest.fixture
def assume(understudy, idp):
    """Assume the role with an assertion. `more` is of the assertion, `attributes` are AWS's."""

    def assumed(attributes=None, *, params=None, plain=None, **more):
        given = {**attributes_of(ROLE, PROVIDER, **(attributes or {})), **(plain or {})}
        response = idp.signed_response(understudy.clock.now(), given, **more)
        return shown(understudy, encoded(response), **(params or {}))

    return assumed


def shown(understudy, assertion, **params):
    sts = understudy.client("sts")
    return sts.assume_role_with_saml(
        **{"RoleArn": ROLE, "PrincipalArn": PROVIDER, "SAMLAssertion": assertion, **params}
    )


class TestAnswer:
    def test_it_says_who_is_whose(self, understudy, idp, iam, staff, assume):
        answer = assume()
        id = iam.get_role(RoleName="staff")["Role"]["RoleId"]
        qualifier = hashlib.sha1(f"{idp.entity_id}{ACCOUNT}/Okta".encode()).digest()
        del answer["ResponseMetadata"]
        credentials = answer.pop("Credentials")
        assert answer == {
            "SessionTokenSize": len(credentials["SessionToken"]),
            "SessionTokenUtilization": 6,
            "AssumedRoleUser": {
                "AssumedRoleId": f"{id}:ann",
                "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/staff/ann",
            },
            "Subject": "ann@example.com",
            "SubjectType": "persistent",
            "Issuer": idp.entity_id,
            "Audience": AUDIENCE,
            "NameQualifier": base64.b64encode(qualifier).decode(),
        }
        left = credentials["Expiration"] - understudy.clock.now()
        assert abs(left - timedelta(hours=1)) < timedelta(minutes=1)

    def test_its_session_is_the_roles(self, understudy, staff, assume):
        session = understudy.session_of(assume())
        assert understudy.client("iam", as_=session).list_users()
        identity = understudy.client("sts", as_=session).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/staff/ann"
        with refused("UnauthorizedOperation"):
            understudy.client("ec2", as_=session).describe_vpcs()

    def test_nothing_is_signed(self, understudy, idp, staff):
        assertion = encoded(idp.signed_response(understudy.clock.now(), attributes_of(ROLE, PROVIDER)))
        request = action(
            "sts", "AssumeRoleWithSAML", RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=assertion
        )
        response = understudy.app.handle(request)
        assert (response.status, b"<AssumeRoleWithSAMLResult>" in response.body) == (200, True)

    def test_a_response_may_be_shown_again(self, understudy, idp, staff):
        """Recorded, with `OneTimeUse` too."""
        assertion = encoded(idp.signed_response(understudy.clock.now(), attributes_of(ROLE, PROVIDER)))
        shown(understudy, assertion)
        shown(understudy, assertion)

    def test_an_encrypted_one_is_opened(self, understudy, iam, idp, staff):
        iam.update_saml_provider(
            SAMLProviderArn=PROVIDER, AddPrivateKey=pem(rsa_key()), AssertionEncryptionMode="Required"
        )
        attributes = attributes_of(ROLE, PROVIDER)
        now = understudy.clock.now()
        shown(understudy, encoded(encrypted_response(idp, now, attributes, rsa_key().public_key())))
        with refused("InvalidIdentityToken", status=400):
            shown(understudy, encoded(idp.signed_response(now, attributes)))


class TestDuration:
    """Recorded: what the caller asks for, what the issuer lets, and the end of the issuer's own session."""

    @pytest.mark.parametrize(
        ("asked", "given", "seconds"),
        [
            ({}, {}, 3600),
            ({"DurationSeconds": 7200}, {}, 7200),
            ({}, {"SessionDuration": "900"}, 900),
            ({}, {"SessionDuration": "7200"}, 3600),
            ({"DurationSeconds": 7200}, {"SessionDuration": "1800"}, 1800),
        ],
    )
    def test_the_shortest_counts(self, understudy, make_staff, assume, asked, given, seconds):
        make_staff(MaxSessionDuration=7200)
        left = assume(given, params=asked)["Credentials"]["Expiration"] - understudy.clock.now()
        assert abs(left - timedelta(seconds=seconds)) < timedelta(seconds=30)

    def test_the_issuers_session_ends_it(self, understudy, staff, assume):
        answer = assume(session_until=timedelta(minutes=10))
        left = answer["Credentials"]["Expiration"] - understudy.clock.now()
        assert abs(left - timedelta(minutes=10)) < timedelta(seconds=30)

    def test_the_role_says_the_longest(self, staff, assume):
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        with refused("ValidationError", text, 400):
            assume(params={"DurationSeconds": 3601})

    @pytest.mark.parametrize("text", ["899", "43201", "an hour", "-900", "9" * 5000])
    def test_a_duration_has_a_form(self, staff, assume, text):
        with refused("InvalidIdentityToken", status=400):
            assume({"SessionDuration": text})


class TestAttributes:
    def test_the_pair_stands_in_either_order(self, understudy, idp, staff):
        attributes = attributes_of(PROVIDER, ROLE)
        shown(understudy, encoded(idp.signed_response(understudy.clock.now(), attributes)))

    @pytest.mark.parametrize(
        "pairs",
        [
            [f"{ROLE}x,{PROVIDER}"],
            [f"{ROLE},{PROVIDER}x"],
            [ROLE],
            [f"{ROLE},{ROLE}"],
            [f"{ROLE},{PROVIDER},{ROLE}"],
            [],
            ["x" * 5000],
            [ROLE, PROVIDER],
        ],
    )
    def test_the_issuer_must_give_out_the_role(self, staff, assume, pairs):
        """Recorded of a wrong role."""
        text = "SAML Assertion doesn't contain the requested Role and Metadata in the attributes"
        with refused("InvalidIdentityToken", text, 400):
            assume({"Role": pairs})

    def test_one_of_many_is_enough(self, staff, assume):
        assume({"Role": [f"{ROLE}x,{PROVIDER}", f" {ROLE} , {PROVIDER} "]})

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ([], "RoleSessionName is required in AuthnResponse"),
            ("", "RoleSessionName is required in AuthnResponse"),
            ("x", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
            ("a b", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
            ("ü" * 3, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
            ("x" * 65, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"),
        ],
    )
    def test_a_session_has_a_name(self, staff, assume, name, text):
        """AWS's guide to troubleshooting has both texts."""
        with refused("InvalidIdentityToken", text, 400):
            assume({"RoleSessionName": name})

    @pytest.mark.parametrize("name", ["x", "a b", "aws:ann", "AWS:ann"])
    def test_a_source_identity_has_a_form(self, staff, assume, name):
        """The text is in AWS's guide."""
        text = 'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"'
        with refused("InvalidIdentityToken", text, 400):
            assume({"SourceIdentity": name})

    def test_a_source_identity_stays(self, understudy, staff, assume):
        answer = assume({"SourceIdentity": "ann"})
        assert answer["SourceIdentity"] == "ann"
        session = understudy.session_of(answer)
        understudy.client("iam", as_=session).list_users()
        assert understudy.trail()[-1].caller.session.source_identity == "ann"

    @pytest.mark.parametrize("missing", ["sts:TagSession", "sts:SetSourceIdentity"])
    def test_what_takes_a_permission_of_its_own(self, make_staff, assume, missing):
        make_staff(actions=[each for each in EVERY if each != missing])
        assume()
        with refused("AccessDenied", f"Not authorized to perform {missing}", 403):
            assume({"PrincipalTag:team": "a", "SourceIdentity": "ann"})

    def test_tags_are_the_sessions(self, understudy, iam, staff, assume):
        statement = {
            "Effect": "Allow",
            "Action": "ec2:DescribeVpcs",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="staff", PolicyName="tagged", PolicyDocument=document)
        answer = assume({"PrincipalTag:team": "a"})
        assert answer["PackedPolicySize"] >= 1
        understudy.client("ec2", as_=understudy.session_of(answer)).describe_vpcs()
        with refused("UnauthorizedOperation"):
            understudy.client(
                "ec2", as_=understudy.session_of(assume({"PrincipalTag:team": "b"}))
            ).describe_vpcs()

    def test_transitive_ones_go_on(self, understudy, iam, staff, assume):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": ROLE},
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Condition": {"StringEquals": {"aws:RequestTag/team": "a"}},
                }
            ],
        }
        arn = iam.create_role(RoleName="next", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

        def go_on(answer):
            sts = understudy.client("sts", as_=understudy.session_of(answer))
            sts.assume_role(RoleArn=arn, RoleSessionName="next")

        with refused("AccessDenied"):
            go_on(assume({"PrincipalTag:team": "a"}))
        answer = assume({"PrincipalTag:team": "a", "TransitiveTagKeys": ["TEAM"]})
        understudy.client("iam", as_=understudy.session_of(answer)).list_users()
        assert understudy.trail()[-1].caller.session.transitive == ("team",)

    @pytest.mark.parametrize(
        "given",
        [
            {"PrincipalTag:aws:team": "a"},
            {"PrincipalTag:team": ["a", "b"]},
            {"PrincipalTag:team": []},
            {"PrincipalTag:team": "a", "PrincipalTag:TEAM": "b"},
            {"PrincipalTag:" + "k" * 129: "a"},
            {"PrincipalTag:team": "v" * 257},
            {"PrincipalTag:team": "a*"},
            {"PrincipalTag:": "a"},
            {"TransitiveTagKeys": ["team"]},
            {f"PrincipalTag:{number}": "a" for number in range(51)},
        ],
    )
    def test_tags_have_rules(self, staff, assume, given):
        with refused("InvalidIdentityToken", status=400):
            assume(given)


class TestTrust:
    @pytest.mark.parametrize(
        ("condition", "good"),
        [
            ({"StringEquals": {"saml:aud": AUDIENCE}}, True),
            ({"StringEquals": {"SAML:aud": "https://other.example.com/"}}, False),
            ({"StringEquals": {"saml:iss": "https://idp.example.com/"}}, True),
            ({"StringEquals": {"saml:doc": f"{ACCOUNT}/Okta"}}, True),
            ({"StringEquals": {"saml:sub": "ann@example.com"}}, True),
            ({"StringEquals": {"saml:sub": "bob@example.com"}}, False),
            ({"StringEquals": {"saml:sub_type": "persistent"}}, True),
            ({"Null": {"saml:namequalifier": "false"}}, True),
            ({"StringEquals": {"sts:RoleSessionName": "ann"}}, True),
            ({"ForAnyValue:StringEquals": {"saml:edupersonaffiliation": ["staff", "faculty"]}}, True),
            ({"ForAllValues:StringEquals": {"saml:edupersonaffiliation": ["staff"]}}, False),
            ({"ForAnyValue:StringEquals": {"saml:cn": "ann"}}, True),
            ({"StringEquals": {"saml:mail": "ann@example.com"}}, True),
            ({"Null": {"saml:uid": "true"}}, True),
            ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, True),
            ({"StringEquals": {"aws:PrincipalAccount": "anonymous"}}, False),
            ({"Null": {"aws:PrincipalArn": "true"}}, True),
            ({"StringEquals": {"aws:PrincipalType": "User"}}, True),
            ({"StringEquals": {"aws:PrincipalType": "Federated"}}, False),
            ({"StringEquals": {"aws:userid": PROVIDER}}, True),
            ({"StringLike": {"aws:userid": "*ann*"}}, False),
            ({"StringEquals": {"aws:FederatedProvider": PROVIDER}}, True),
        ],
        ids=lambda given: json.dumps(given)[:60] if isinstance(given, dict) else "",
    )
    def test_conditions_see_the_assertion(self, make_staff, assume, condition, good):
        """Those that begin with `aws:` were recorded."""
        make_staff(condition)
        plain = {
            "urn:oid:1.3.6.1.4.1.5923.1.1.1.1": ["staff", "member"],
            "urn:oid:2.5.4.3": ["ann"],
            "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": ["ann@example.com"],
            "an.attribute.of.nobodys": ["x"],
        }
        if good:
            assume(plain=plain)
            return
        with refused("AccessDenied", DENIED, 403):
            assume(plain=plain)

    @pytest.mark.parametrize(
        "principal",
        [
            {"AWS": ACCOUNT},
            {"AWS": "*"},
            {"Federated": f"{PROVIDER}x"},
            {"Federated": PROVIDER.replace(ACCOUNT, "111111111111")},
            {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/Okta"},
        ],
        ids=lambda given: str(given)[:50],
    )
    def test_the_provider_must_be_named(self, make_staff, assume, principal):
        """Recorded of everybody: `{"AWS": "*"}` is not somebody with an assertion."""
        make_staff(principal=principal, actions=["sts:*"] if "AWS" in principal else EVERY)
        with refused("AccessDenied", DENIED, 403):
            assume()

    def test_a_role_that_is_not_there_is_denied_alike(self, staff, assume):
        absent = f"{ROLE}x"
        with refused("AccessDenied", DENIED, 403):
            assume({"Role": [f"{absent},{PROVIDER}"]}, params={"RoleArn": absent})

    @pytest.mark.parametrize("mode", ["soft", "off"])
    def test_no_mode_takes_a_forged_assertion(self, idp, mode):
        """The role is not asked there, as it is not asked about the users of its account."""
        false = Idp(idp.entity_id, number=5)
        with Understudy(iam=mode) as understudy:
            iam = understudy.client("iam")
            iam.create_saml_provider(Name="Okta", SAMLMetadataDocument=idp.metadata())
            understudy.role("staff")
            now, attributes = understudy.clock.now(), attributes_of(ROLE, PROVIDER)
            assert shown(understudy, encoded(idp.signed_response(now, attributes)))["Credentials"]
            with refused("InvalidIdentityToken", "Response signature invalid", 400):
                shown(understudy, encoded(false.signed_response(now, attributes)))

    def test_a_provider_that_was_made_again_is_trusted_and_its_old_keys_are_not(
        self, understudy, iam, idp, staff, assume
    ):
        """Recorded."""
        new = Idp(idp.entity_id, number=5)
        iam.delete_saml_provider(SAMLProviderArn=PROVIDER)
        iam.create_saml_provider(Name="Okta", SAMLMetadataDocument=new.metadata())
        with refused("InvalidIdentityToken", "Response signature invalid", 400):
            assume()
        attributes = attributes_of(ROLE, PROVIDER)
        shown(understudy, encoded(new.signed_response(understudy.clock.now(), attributes)))


class TestRefusals:
    def test_what_cannot_be_read_is_told_with_the_service_that_could_not(self, understudy, staff):
        """Recorded, with a request id of its own."""
        with refused("InvalidIdentityToken", status=400) as told:
            shown(understudy, "abcd")
        before, _, after = told.text.partition("; Request ID: ")
        assert before == (
            "Invalid base64 SAMLResponse (Service: AWSOpenIdDiscoveryService; Status Code: 400; Error Code: "
            "AuthSamlInvalidSamlResponseException"
        )
        assert after.endswith("; Proxy: null)")

    @pytest.mark.parametrize(
        ("made", "because"),
        [
            (lambda idp, now, given: "abcd", "it is no XML in Base64"),
            (
                lambda idp, now, given: encoded(idp.signed_response(now, given, subject_format="")),
                "it has no Format of the NameID",
            ),
            (
                lambda idp, now, given: encoded(idp.signed_response(now, given, confirmations=2)),
                "it has not exactly one SubjectConfirmation",
            ),
            (
                lambda idp, now, given: encoded(Idp(idp.entity_id, number=5).signed_response(now, given)),
                "its assertion is not signed by a key that the provider's metadata name",
            ),
            (
                lambda idp, now, given: encoded(idp.signed_response(now, given, until=timedelta(minutes=-1))),
                "the NotOnOrAfter of its conditions or its subject has come",
            ),
        ],
        ids=["base64", "format", "confirmations", "forged", "expired"],
    )
    def test_why_is_explained_where_the_answer_does_not_say(self, understudy, idp, staff, made, because):
        assertion = made(idp, understudy.clock.now(), attributes_of(ROLE, PROVIDER))
        told = refusal(lambda: shown(understudy, assertion))
        assert because not in told.message
        assert because in understudy.explain(told.request_id)

    def test_an_old_one_is_expired(self, understudy, idp, staff):
        assertion = encoded(idp.signed_response(understudy.clock.now(), attributes_of(ROLE, PROVIDER)))
        understudy.clock.advance(301)
        with refused("ExpiredTokenException", "Response has expired", 400):
            shown(understudy, assertion)

    def test_a_provider_must_be_there(self, iam, staff, assume):
        iam.delete_saml_provider(SAMLProviderArn=PROVIDER)
        with refused("InvalidIdentityToken", "Specified provider doesn't exist", 400):
            assume()

    @pytest.mark.parametrize(
        "arn", [ROLE, "not an arn at all, but long", f"arn:aws:sts::{ACCOUNT}:saml-provider/Okta"]
    )
    def test_its_arn_must_be_one(self, staff, assume, arn):
        with refused("ValidationError", "Principal ARN is invalid", 400):
            assume(params={"PrincipalArn": arn})

    def test_a_response_has_a_limit(self, understudy, staff):
        with refused("ValidationError", status=400):
            shown(understudy, "a" * 100_001)


class TestSessionKeys:
    def test_later_requests_have_three_keys_and_the_provider(self, understudy, iam, staff, assume):
        """AWS's guide: of an assertion no others go on."""
        session = understudy.session_of(assume())

        def allowed(condition):
            statement = {
                "Effect": "Allow",
                "Action": "ec2:DescribeVpcs",
                "Resource": "*",
                "Condition": condition,
            }
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_role_policy(RoleName="staff", PolicyName="more", PolicyDocument=document)
            try:
                understudy.client("ec2", as_=session).describe_vpcs()
            except understudy.client("ec2").exceptions.ClientError:
                return False
            return True

        assert allowed({"StringEquals": {"saml:sub": "ann@example.com"}})
        assert allowed({"StringEquals": {"saml:sub_type": "persistent"}})
        assert allowed({"Null": {"saml:namequalifier": "false"}})
        assert allowed({"StringEquals": {"aws:FederatedProvider": PROVIDER}})
        assert not allowed({"StringEquals": {"saml:aud": AUDIENCE}})


class TestTrail:
    def test_cloudtrail_has_a_saml_user_and_no_assertion(self, understudy, idp, staff, assume):
        answer = assume()
        lookup = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithSAML"}]
        (event,) = understudy.client("cloudtrail").lookup_events(LookupAttributes=lookup)["Events"]
        record = json.loads(event["CloudTrailEvent"])
        assert record["userIdentity"] == {
            "type": "SAMLUser",
            "principalId": f"{answer['NameQualifier']}:ann@example.com",
            "userName": "ann@example.com",
            "identityProvider": answer["NameQualifier"],
        }
        assert record["requestParameters"]["roleArn"] == ROLE
        assert record["requestParameters"]["principalArn"] == PROVIDER
        assert record["responseElements"]["subject"] == "ann@example.com"
        whole = event["CloudTrailEvent"]
        assert answer["Credentials"]["SecretAccessKey"] not in whole
        assert "PHNhbWxw" not in whole

    def test_a_refusal_is_explained(self, understudy, make_staff, assume):
        make_staff({"StringEquals": {"saml:aud": "https://other.example.com/"}})
        denial = refusal(assume)
        assert (denial.code, denial.message) == ("AccessDenied", DENIED)
        explained = understudy.explain(denial.request_id)
        assert "saml:aud" in explained
        assert PROVIDER in explained
