"""AssumeRoleWithWebIdentity: web-identity.md 36.2 to 36.4."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from issuers import ACCOUNT, GITHUB, MAIN, Issuer, jwk, key_for
from refusals import refusal, refused

from understudy_aws.testing import Understudy

NOT_VALIDATED = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for "
    "requirements."
)
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
DENIED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
TAGS = "https://aws.amazon.com/tags"


@pytest.fixture
def github(understudy):
    return Issuer(understudy)


@pytest.fixture
def invalid(github):
    """Expect that a token is refused with this text."""
    role = github.role()

    def expected(token, text, code="InvalidIdentityToken", status=400):
        with refused(code, text, status):
            github.assume(role, token)

    return expected


class TestAnswer:
    def test_it_has_credentials_and_what_the_token_said(self, understudy, github):
        """Recorded, in all its members but the token's size, which is of later; the provider is named by its ARN."""
        role = github.role("Deploy", Path="/ci/")
        answer = github.assume(role, session="run-1")
        del answer["ResponseMetadata"]
        keys = answer.pop("Credentials")
        who = answer.pop("AssumedRoleUser")
        assert {
            "SessionTokenSize": len(keys["SessionToken"]),
            "SessionTokenUtilization": 6,
            "SubjectFromWebIdentityToken": MAIN,
            "Provider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}",
            "Audience": "sts.amazonaws.com",
            "PackedPolicySize": 25,
        } == answer
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/Deploy/run-1" == who["Arn"]
        assert keys["AccessKeyId"].startswith("ASIA")
        assert abs(keys["Expiration"] - understudy.clock.now() - timedelta(hours=1)) < timedelta(minutes=1)
        session = understudy.session_of({"Credentials": keys})
        identity = understudy.client("sts", as_=session).get_caller_identity()
        assert (who["Arn"], who["AssumedRoleId"]) == (identity["Arn"], identity["UserId"])

    def test_the_session_may_outlive_the_token_and_not_the_roles_limit(self, understudy, github):
        """Recorded."""
        role = github.role(MaxSessionDuration=7200)
        now = int(understudy.clock.now().timestamp())
        answer = github.assume(role, github.token(exp=now + 10), DurationSeconds=7200)
        assert answer["Credentials"]["Expiration"] - understudy.clock.now() > timedelta(minutes=119)
        with refused(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            400,
        ):
            github.assume(role, DurationSeconds=7201)

    def test_a_session_policy_takes_from_it(self, understudy, github):
        role = github.role()
        github.iam.attach_role_policy(
            RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*"}],
        }
        session = understudy.session_of(github.assume(role, Policy=json.dumps(policy)))
        iam = understudy.client("iam", as_=session)
        assert iam.list_roles()["Roles"]
        assert "AccessDenied" == refusal(iam.list_users).code


class TestToken:
    @pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
    def test_it_is_signed_in_one_of_six_ways(self, github, algorithm):
        """Recorded."""
        assert MAIN == github.assume(github.role(), github.token(algorithm))["SubjectFromWebIdentityToken"]

    @pytest.mark.parametrize("name", ["iss", "sub", "aud", "iat", "exp"])
    def test_a_claim_that_is_missing_is_named(self, github, invalid, name):
        """Recorded."""
        invalid(github.token(**{name: None}), f"Missing a required claim: {name}")

    def test_clocks_may_be_five_minutes_apart(self, understudy, github, invalid):
        """Recorded, with the times that the texts name."""
        now = int(understudy.clock.now().timestamp())
        role = github.role("other")
        for good in ({"exp": now - 280}, {"iat": now + 290}, {"nbf": now + 290}, {"nbf": str(now)}):
            assert github.assume(role, github.token(**good))
        told = refusal(lambda: github.assume(role, github.token(exp=now - 301)))
        assert ("ExpiredTokenException", 400) == (told.code, told.status)
        assert told.message.startswith("Token expired: current date/time ")
        assert told.message.endswith(f" must be before the expiration date/time {now - 301}")
        invalid(github.token(iat=now + 3600), f"Token issued in the future: {now + 3600}")
        told = refusal(lambda: github.assume(role, github.token(nbf=now + 3600)))
        assert "InvalidIdentityToken" == told.code
        assert told.message.startswith("Token not yet valid: current date/time ")
        assert told.message.endswith(f"must be after or equal to the not-before date/time {now + 3600}")

    @pytest.mark.parametrize("name", ["iat", "exp", "nbf"])
    @pytest.mark.parametrize("value", ["invalid", 1789123697.5, True, [], "-1", "1.0"])
    def test_times_are_whole_seconds(self, github, invalid, name, value):
        """Recorded of words and fractions."""
        invalid(github.token(**{name: value}), "Invalid timestamp in token claims.")

    def test_times_may_be_digits_in_a_text(self, understudy, github):
        """Recorded."""
        now = str(int(understudy.clock.now().timestamp()))
        assert github.assume(github.role(), github.token(iat=now, exp=now))

    def test_the_audience_is_one_of_the_providers(self, github, invalid):
        """Recorded."""
        for audience in ("other", "", "STS.amazonaws.com"):
            invalid(github.token(aud=audience), NOT_VALIDATED)
        invalid(github.token(aud=[]), "Claim is not allowed to be empty: aud")
        assert github.assume(github.role("other"), github.token(aud=["sts.amazonaws.com"]))

    def test_of_several_audiences_the_authorized_party_counts(self, github, invalid):
        """Recorded."""
        several = ["other", "sts.amazonaws.com"]
        invalid(
            github.token(aud=several),
            "Token audience contains more than one audience while authorized party is not present",
        )
        invalid(github.token(azp="other"), NOT_VALIDATED)
        invalid(github.token(azp=""), NOT_VALIDATED)
        for audience in (several, "other"):
            token = github.token(aud=audience, azp="sts.amazonaws.com")
            assert "sts.amazonaws.com" == github.assume(github.role(f"r{len(audience)}"), token)["Audience"]

    @pytest.mark.parametrize(("sub", "told"), [("a", "a"), ("", ""), (123, "123"), ("x" * 300, "x" * 300)])
    def test_a_subject_is_any_text_or_number(self, github, sub, told):
        """Recorded."""
        answer = github.assume(github.role(), github.token(sub=sub))
        assert told == answer["SubjectFromWebIdentityToken"]

    def test_a_subject_that_is_null_is_too_much_for_aws(self, github, invalid):
        """Recorded."""
        body = json.dumps({**github.claims(), "sub": None}).encode()
        told = refusal(lambda: github.assume(github.role("other"), github.signed(body)))
        assert ("InternalFailure", 500) == (told.code, told.status)
        assert "Unknown error validating third-party token" == told.message

    def test_of_a_claim_twice_the_last_one_counts(self, github, invalid):
        """Recorded."""
        good = json.dumps(github.claims())[:-1]
        invalid(github.signed(f'{good}, "aud": "other"}}'.encode()), NOT_VALIDATED)
        twice = github.signed(f'{good}, "aud": "sts.amazonaws.com"}}'.encode())
        assert github.assume(github.role("other"), twice)

    def test_what_is_no_token_is_said_to_be_none(self, github, invalid):
        head, body, signature = github.token().split(".")
        none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"RS256"}').decode().rstrip("=")
        hmac = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"RS256"}').decode().rstrip("=")
        for text in (
            "not a token", "a.b.c", f"{head}.{body}", f"{head}.{body}.", f"{none}.{body}.{signature}",
            f"{hmac}.{body}.{signature}", f"{head}.{body}.{signature}.{signature}", f"{head}.{head}=.{signature}",
            github.signed(b"[]"), github.signed(b"no json"), github.signed(b"[" * 10_000),
            github.token(headers={"crit": ["custom"], "custom": "yes"}),
        ):  # fmt: skip
            invalid(text, NO_JWT)

    def test_the_issuer_must_be_a_provider_of_the_roles_account(self, github, invalid):
        """Observed in logs."""
        for issuer in ("https://elsewhere.example.com", f"https://{GITHUB}/", GITHUB, f"http://{GITHUB}"):
            invalid(github.token(iss=issuer), f"No OpenIDConnect provider found in your account for {issuer}")
        with refused("InvalidIdentityToken", status=400):
            github.assume("arn:aws:iam::210987654321:role/deploy")

    def test_no_wildcard_of_another_issuer(self, understudy, github):
        """The keys of one issuer vouch for no other, whoever the role trusts."""
        other = Issuer(understudy, "other.example.com")
        other.publish(jwk("ES256", "RS256"))
        assert (
            "InvalidIdentityToken" == refusal(lambda: other.assume(other.role(), other.token("RS256"))).code
        )
        assert other.assume(other.role("second"), other.token("ES256", headers={"kid": "RS256"}))


class TestKeys:
    def test_one_is_named(self, github, invalid):
        """Recorded."""
        for key_id in ("unknown", "", None):
            invalid(github.token(headers={"kid": key_id}), NO_KEY)

    def test_without_a_name_the_only_one_is_taken(self, github):
        """Recorded."""
        github.publish(jwk("RS256", "only"))
        assert github.assume(github.role(), github.token(headers={"kid": None}))

    def test_of_one_name_the_last_one_counts(self, github, invalid):
        """Recorded."""
        github.publish(jwk("RS256", "a", 1), jwk("RS256", "a"))
        assert github.assume(github.role("other"), github.token(headers={"kid": "a"}))
        github.publish(jwk("RS256", "a"), jwk("RS256", "a", 1))
        invalid(github.token(headers={"kid": "a"}), NOT_VALIDATED)

    @pytest.mark.parametrize("member", [{"use": "enc"}, {"key_ops": ["verify"]}, {"kid": ""}, {"n": "%%"}])
    def test_some_are_none(self, github, invalid, member):
        """Recorded, but for the one that is damaged."""
        github.publish({**jwk("RS256"), **member})
        invalid(github.token(), NO_KEY)

    def test_the_tokens_algorithm_decides(self, github):
        """Recorded: that of the key does not."""
        github.publish(jwk("RS256", alg="RS512"))
        assert github.assume(github.role(), github.token())

    def test_a_curve_belongs_to_one_algorithm(self, github, invalid):
        github.publish(jwk("ES384", "ES256"))
        invalid(github.token("ES256"), NO_KEY)

    def test_more_than_100_of_a_kind_are_none(self, github, invalid):
        """Recorded: keys of the other kind are still taken."""
        github.publish(*(jwk("RS256", f"key-{number}") for number in range(100)), jwk("RS256"), jwk("ES256"))
        invalid(github.token(), NO_KEY)
        assert github.assume(github.role("other"), github.token("ES256"))

    def test_a_key_of_somebody_else_signs_nothing(self, github, invalid):
        github.publish(jwk("RS256", number=1))
        invalid(github.token(), NOT_VALIDATED)
        assert key_for("RS256", 1) is not key_for("RS256")


class TestOAuth:
    def test_its_providers_are_not_asked(self, github):
        """Recorded: a JWT is no token of theirs, and other providers are unknown."""
        role = github.role()
        with refused("InvalidIdentityToken", "Provided Token is not a Login With Amazon token", 400):
            github.assume(role, ProviderId="www.amazon.com")
        with refused("IDPRejectedClaim", status=403):
            github.assume(role, ProviderId="graph.facebook.com")
        with refused("AccessDenied", DENIED, 403):
            github.assume(role, ProviderId="elsewhere.example.com")


class TestTrust:
    @pytest.mark.parametrize(
        ("condition", "trusted"),
        [
            ({"StringEquals": {f"{GITHUB}:sub": MAIN, f"{GITHUB}:aud": "sts.amazonaws.com"}}, True),
            ({"StringLike": {f"{GITHUB}:sub": "repo:acme/shop:*"}}, True),
            ({"StringLike": {f"{GITHUB}:sub": "repo:acme/other:*"}}, False),
            ({"StringEquals": {f"{GITHUB.upper()}:SUB": MAIN}}, True),
            ({"StringEquals": {f"{GITHUB}:aud": "other"}}, False),
            ({"ForAnyValue:StringEquals": {f"{GITHUB}:oaud": "sts.amazonaws.com"}}, True),
            ({"ForAnyValue:StringEquals": {f"{GITHUB}:amr": "mfa"}}, True),
            ({"StringEquals": {f"{GITHUB}:amr": "mfa"}}, False),
            ({"StringEquals": {f"{GITHUB}:email": "ann@example.com"}}, True),
            ({"StringEquals": {f"{GITHUB}:repository": "acme/shop"}}, True),
            ({"StringEquals": {f"{GITHUB}:custom": "acme/shop"}}, False),
            ({"StringEquals": {"sts:RoleSessionName": "session"}}, True),
            ({"StringEquals": {"sts:RoleSessionName": "other"}}, False),
            ({"StringEquals": {"aws:FederatedProvider": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}}, True),
            ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:PrincipalType": "User"}}, True),
            ({"StringEquals": {"aws:userid": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"}}, True),
            ({"Null": {"aws:PrincipalArn": "true"}}, True),
            ({"Bool": {"sts:RoleAuthorizedByIdp": "false"}}, True),
            ({"StringEquals": {"aws:ResourceTag/team": "shop"}}, True),
        ],
    )  # fmt: skip
    def test_conditions_see_the_token(self, github, condition, trusted):
        """Recorded for what they see of the principal."""
        role = github.role(condition=condition, Tags=[{"Key": "team", "Value": "shop"}])
        token = github.token(
            amr=["mfa", "pwd"], email="ann@example.com", repository="acme/shop", custom="acme/shop"
        )
        if trusted:
            assert github.assume(role, token)
        else:
            with refused("AccessDenied", DENIED, 403):
                github.assume(role, token)

    def test_other_providers_principals_and_actions_are_others(self, understudy, github):
        """Recorded of `AWS: *`."""
        other = Issuer(understudy, "other.example.com")
        role, second = other.role("theirs"), github.role("by-key", actions=("sts:AssumeRole",))
        for arn in (role, second, role.replace("theirs", "not-there")):
            with refused("AccessDenied", DENIED, 403):
                github.assume(arn)

    def test_the_trail_explains_what_the_token_said_and_the_role_wants(self, understudy, github):
        condition = {"StringEquals": {f"{GITHUB}:sub": MAIN}}
        role = github.role(condition=condition)
        pull_request = github.token(sub="repo:acme/shop:pull_request")
        with refused("AccessDenied", DENIED, 403):
            github.assume(role, pull_request)
        text = understudy.explain(understudy.trail()[-1].request_id)
        assert "repo:acme/shop:pull_request" in text
        assert MAIN in text
        assert f"{GITHUB}:sub" in text

    def test_it_is_asked_with_iam_off_whose_the_token_is(self):
        """No mode takes a token that nobody signed."""
        with Understudy(iam="off") as understudy:
            github = Issuer(understudy)
            role = github.role(condition={"StringEquals": {f"{GITHUB}:sub": "nobody"}})
            assert github.assume(role)
            with refused("InvalidIdentityToken"):
                github.assume(role, github.token()[:-8] + "AAAAAAAA")


class TestTags:
    NESTED = {TAGS: {"principal_tags": {"Team": ["shop"]}, "transitive_tag_keys": ["Team"]}}
    FLAT = {f"{TAGS}/principal_tags/Team": "shop", f"{TAGS}/transitive_tag_keys": ["Team"]}

    @pytest.mark.parametrize("claims", [NESTED, FLAT], ids=["nested", "flat"])
    def test_they_become_the_sessions_and_go_on_where_they_are_transitive(self, understudy, github, claims):
        """Both forms are documented, and recorded."""
        condition = {
            "StringEquals": {"aws:RequestTag/team": "shop"},
            "ForAllValues:StringEquals": {"aws:TagKeys": "Team", "sts:TransitiveTagKeys": "Team"},
        }
        both = ("sts:AssumeRoleWithWebIdentity", "sts:TagSession")
        role = github.role(condition=condition, actions=both)
        github.iam.put_role_policy(
            RoleName="deploy",
            PolicyName="own",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Action": ["iam:ListUsers", "sts:AssumeRole", "sts:TagSession"],
                        "Resource": "*",
                        "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "shop"}},
                    },
                }
            ),
        )
        session = understudy.session_of(github.assume(role, github.token(**claims)))
        assert understudy.client("iam", as_=session).list_users()["Users"]
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": role},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
        github.iam.create_role(
            RoleName="next",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )
        github.iam.put_role_policy(
            RoleName="next",
            PolicyName="own",
            PolicyDocument=github.iam.get_role_policy(RoleName="deploy", PolicyName="own")["PolicyDocument"]
            and json.dumps(github.iam.get_role_policy(RoleName="deploy", PolicyName="own")["PolicyDocument"]),
        )
        chained = understudy.client("sts", as_=session).assume_role(
            RoleArn=role.replace("deploy", "next"), RoleSessionName="next"
        )
        assert understudy.client("iam", as_=understudy.session_of(chained)).list_users()["Users"]

    def test_they_take_a_permission_of_their_own(self, github):
        with refused("AccessDenied", "Not authorized to perform sts:TagSession", 403):
            github.assume(github.role(), github.token(**self.NESTED))

    @pytest.mark.parametrize(
        "claim",
        [
            {"principal_tags": {"Team": "shop"}},
            {"principal_tags": {"Team": ["a", "b"]}},
            {"principal_tags": {"Team": [1]}},
            {"principal_tags": ["Team"]},
            {"principal_tags": {"aws:team": ["a"]}},
            {"principal_tags": {"Team": ["a"], "team": ["b"]}},
            {"principal_tags": {f"key-{number}": [""] for number in range(51)}},
        ],
    )
    def test_in_another_form_they_are_refused(self, invalid, github, claim):
        """Recorded of the first."""
        invalid(github.token(**{TAGS: claim}), "principal_tags passed in claim is not in correct format.")

    def test_transitive_ones_are_among_them(self, invalid, github):
        claim = {"principal_tags": {"Team": ["a"]}, "transitive_tag_keys": ["Other"]}
        invalid(
            github.token(**{TAGS: claim}), "transitive_tag_keys passed in claim is not in correct format."
        )


class TestSourceIdentity:
    CLAIM = "https://aws.amazon.com/source_identity"

    def test_it_is_the_sessions(self, understudy, github):
        """Recorded."""
        condition = {"StringEquals": {"sts:SourceIdentity": "ann"}}
        role = github.role(
            condition=condition, actions=("sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity")
        )
        answer = github.assume(role, github.token(**{self.CLAIM: "ann"}))
        assert "ann" == answer["SourceIdentity"]
        session = understudy.session_of(answer)
        understudy.client("sts", as_=session).get_caller_identity()
        assert "ann" == understudy.trail()[-1].caller.session.source_identity

    def test_it_takes_a_permission_of_its_own(self, github):
        with refused("AccessDenied", "Not authorized to perform sts:SetSourceIdentity", 403):
            github.assume(github.role(), github.token(**{self.CLAIM: "ann"}))

    @pytest.mark.parametrize("value", ["a", "aws:ann", "ann smith", 7, ["ann"], "x" * 65])
    def test_it_has_a_form(self, invalid, github, value):
        invalid(github.token(**{self.CLAIM: value}), "The source identity claim is invalid.")


class TestRoles:
    CLAIM = "https://aws.amazon.com/roles"

    def test_a_token_may_say_which_roles_it_is_for(self, github):
        """Recorded."""
        role = github.role(condition={"Bool": {"sts:RoleAuthorizedByIdp": "true"}})
        for value in ([role, "other"], f" {role} ;other"):
            assert github.assume(role, github.token(**{self.CLAIM: value}))
        with refused("AccessDenied", DENIED, 403):
            github.assume(role)
        for value in ([role + "2"], "none", [], 7):
            with refused("InvalidIdentityToken"):
                github.assume(role, github.token(**{self.CLAIM: value}))


def test_every_request_of_the_session_knows_its_token(understudy, github):
    """IAM User Guide, "Available keys for AWS OIDC federation": aud, sub and amr are in the session."""
    role = github.role()
    condition = {
        "StringEquals": {f"{GITHUB}:sub": MAIN, f"{GITHUB}:aud": "sts.amazonaws.com"},
        "ForAnyValue:StringEquals": {f"{GITHUB}:amr": "mfa"},
        "ArnEquals": {"aws:FederatedProvider": github.arn},
    }
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    github.iam.put_role_policy(RoleName="deploy", PolicyName="own", PolicyDocument=document)
    with_mfa = understudy.session_of(github.assume(role, github.token(amr=["mfa"])))
    assert understudy.client("iam", as_=with_mfa).list_users()["Users"]
    without = understudy.session_of(github.assume(role))
    assert "AccessDenied" == refusal(understudy.client("iam", as_=without).list_users).code


def test_the_session_is_worth_nothing_without_its_role(understudy, github):
    role = github.role()
    session = understudy.session_of(github.assume(role))
    github.iam.delete_role(RoleName="deploy")
    assert "InvalidClientTokenId" == refusal(understudy.client("sts", as_=session).get_caller_identity).code


def test_a_provider_that_is_gone_lets_nobody_in(github):
    role, token = github.role(), github.token()
    github.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=github.arn)
    with refused(
        "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{GITHUB}", 400
    ):
        github.assume(role, token)


class TestTrail:
    def test_it_has_whom_the_token_is_about_and_not_the_token(self, understudy, github):
        role, token = github.role(), github.token()
        github.assume(role, token)
        entry = understudy.trail()[-1]
        assert ("identity-provider", github.arn, MAIN) == (
            entry.caller.kind, entry.caller.arn, entry.caller.name,
        )  # fmt: skip
        assert ACCOUNT == entry.account
        assert token.rpartition(".")[2] not in str(entry.encoded())
        assert token.split(".")[1] not in str(entry.encoded())

    @pytest.mark.parametrize("refused_by", ["", "trust"])
    def test_cloudtrail_has_a_web_identity_user(self, understudy, github, refused_by):
        """CloudTrail User Guide, "CloudTrail userIdentity element", values for federation."""
        role = github.role(condition={"StringEquals": {f"{GITHUB}:sub": "nobody"}} if refused_by else None)
        if refused_by:
            assert "AccessDenied" == refusal(lambda: github.assume(role)).code
        else:
            github.assume(role)
        trail = understudy.client("cloudtrail")
        (event,) = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "AssumeRoleWithWebIdentity"}]
        )["Events"]
        record = json.loads(event["CloudTrailEvent"])
        assert {
            "type": "WebIdentityUser",
            "principalId": f"{github.arn}:sts.amazonaws.com:{MAIN}",
            "userName": MAIN,
            "identityProvider": github.arn,
        } == record["userIdentity"]
        assert "webIdentityToken" not in record["requestParameters"]
        assert MAIN == event["Username"]

    def test_a_session_names_its_provider(self, understudy, github):
        session = understudy.session_of(github.assume(github.role()))
        understudy.client("sts", as_=session).get_caller_identity()
        trail = understudy.client("cloudtrail")
        (event,) = trail.lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetCallerIdentity"}]
        )["Events"]
        context = json.loads(event["CloudTrailEvent"])["userIdentity"]["sessionContext"]
        assert {"federatedProvider": github.arn, "attributes": {}} == context["webIdFederationData"]


@pytest.fixture(scope="module")
def shared():
    with Understudy() as understudy:
        github = Issuer(understudy)
        yield github, github.role(), github.token(), github.token("ES256")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_token_that_was_changed_never_passes(shared, data):
    """One letter, one piece or one bit of a good token is another one: whatever it is, no credentials come of it."""
    github, role, *good = shared
    token = data.draw(st.sampled_from(good))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    place = data.draw(st.integers(0, len(token) - 1))
    changed = data.draw(
        st.one_of(
            st.sampled_from(letters).map(lambda letter: token[:place] + letter + token[place + 1 :]),
            st.just(token[:place] + token[place + 1 :]),
            st.sampled_from(letters).map(lambda letter: token[:place] + letter + token[place:]),
            st.just(token + "="),
            st.just(".".join(token.split(".")[:2]) + "."),
        )
    )
    if changed == token or _same_bytes(changed, token):
        return
    told = refusal(lambda: github.assume(role, changed))
    assert told.code in ("InvalidIdentityToken", "ExpiredTokenException", "ValidationError")


def _same_bytes(changed, token):
    """Whether only the bits after the last byte of the signature differ, which no decoder looks at."""
    return changed[:-1] == token[:-1] and len(changed) == len(token)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "azp", "iat", "exp", "nbf", "amr", "email", TAGS,
       "https://aws.amazon.com/source_identity", "https://aws.amazon.com/roles"]),
       st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                    max_leaves=6)))  # fmt: skip
def test_whatever_a_signed_token_claims_is_answered(shared, claims):
    """No claim of any shape is an internal failure, but for the subject that is null."""
    github, role, *_ = shared
    body = json.dumps({**github.claims(), **claims}).encode()
    try:
        github.assume(role, github.signed(body))
    except Exception as error:
        code = error.response["Error"]["Code"]
        if claims.get("sub", "") is None:
            assert code in ("InternalFailure", "InvalidIdentityToken")
        else:
            assert code in (
                "InvalidIdentityToken",
                "ExpiredTokenException",
                "AccessDenied",
                "PackedPolicyTooLarge",
            )
