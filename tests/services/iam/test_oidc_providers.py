"""OpenID Connect identity providers: web-identity.md 36.1."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understudy_aws.testing import Understudy

ACCOUNT = "000000000000"
GITHUB = "token.actions.githubusercontent.com"
SUM, OTHER_SUM = "a" * 40, "b" * 40


def arn_of(url):
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url}"


@pytest.fixture
def make(iam):
    """Make a provider of this URL; answers its ARN."""

    def made(url="https://issuer.example.com", **more):
        more.setdefault("ThumbprintList", [SUM])
        return iam.create_open_id_connect_provider(Url=url, **more)["OpenIDConnectProviderArn"]

    return made


@pytest.fixture
def get(iam):
    return lambda arn: iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)


class TestCreate:
    def test_it_is_named_by_its_url_and_tells_all_it_has(self, understudy, iam, make, get):
        """Recorded: ids of clients once, thumbprints as often as named, tags as sent, and by key when read."""
        tags = [{"Key": "key", "Value": "value"}, {"Key": "Key", "Value": "Value"}]
        answer = iam.create_open_id_connect_provider(
            Url="https://issuer.example.com/path/",
            ClientIDList=["z-client", "a-client", "z-client"],
            ThumbprintList=["A" * 40, SUM],
            Tags=tags,
        )
        arn = answer["OpenIDConnectProviderArn"]
        assert (arn_of("issuer.example.com/path/"), tags) == (arn, answer["Tags"])
        found = get(arn)
        assert "issuer.example.com/path/" == found["Url"]
        assert ["z-client", "a-client"] == found["ClientIDList"]
        assert [SUM, SUM] == found["ThumbprintList"]
        assert tags[::-1] == found["Tags"]
        assert understudy.clock.now() - found["CreateDate"] < timedelta(minutes=1)

    def test_what_was_not_given_is_empty(self, iam, get):
        answer = iam.create_open_id_connect_provider(
            Url="https://issuer.example.com", ThumbprintList=["g" * 40]
        )
        assert "Tags" not in answer
        found = get(answer["OpenIDConnectProviderArn"])
        assert ([], [], ["g" * 40]) == (found["ClientIDList"], found["Tags"], found["ThumbprintList"])

    def test_a_url_is_there_once(self, make, refused):
        make()
        with refused(
            "EntityAlreadyExists", "Provider with url https://issuer.example.com already exists.", 409
        ):
            make("https://issuer.example.com:443")
        assert make("https://issuer.example.com/") == arn_of("issuer.example.com/")
        assert make("https://ISSUER.example.com") == arn_of("ISSUER.example.com")

    @pytest.mark.parametrize("url", ["issuer.example.com", "https://", "issuer", "https://a:b"])
    def test_what_is_no_url_is_refused(self, make, refused, url):
        with refused("ValidationError", "Invalid Open ID Connect Provider URL", 400):
            make(url)

    def test_it_is_reached_over_tls(self, make, refused):
        told = "Invalid Open ID Connect Provider URL. The URL must begin with https://."
        with refused("InvalidInput", told, 400):
            make("http://issuer.example.com")

    @pytest.mark.parametrize("end", ["/?q=value", "/#fragment", "?", "#"])
    def test_it_has_no_query_and_no_fragment(self, make, refused, end):
        """Recorded, in this one word."""
        with refused("InvalidInput", "Unknown", 400):
            make(f"https://issuer.example.com{end}")

    def test_a_url_has_255_letters(self, make, refused):
        assert make("https://" + "a" * 247)
        with refused("ValidationError", status=400):
            make("https://" + "a" * 248)

    def test_there_are_five_thumbprints_of_40_letters(self, make, refused):
        assert make(ThumbprintList=[SUM] * 5)
        with refused("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400):
            make("https://other.example.com", ThumbprintList=[SUM] * 6)
        with refused("ValidationError", status=400):
            make("https://other.example.com", ThumbprintList=[SUM[1:]])

    @pytest.mark.parametrize(
        "url",
        [
            f"https://{GITHUB}",
            "https://gitlab.com",
            "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
            "https://app.terraform.io",
        ],
    )
    def test_known_issuers_need_none(self, iam, get, url):
        found = get(iam.create_open_id_connect_provider(Url=url)["OpenIDConnectProviderArn"])
        assert found["ThumbprintList"]
        assert all(len(each) == 40 for each in found["ThumbprintList"])

    def test_an_issuer_that_cannot_be_reached_needs_one(self, iam, make, refused):
        with refused("OpenIdIdpCommunicationError", status=400):
            iam.create_open_id_connect_provider(Url="https://nowhere.invalid")
        assert [] == iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]

    def test_quotas(self, make, refused):
        clients = [f"client-{number}" for number in range(101)]
        with refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409):
            make(ClientIDList=clients)
        for number in range(100):
            make(f"https://issuer-{number}.example.com")
        with refused("LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100", 409):
            make()

    def test_tags_take_a_permission_of_their_own(self, understudy, refused):
        somebody = understudy.allowing("somebody", "iam:CreateOpenIDConnectProvider")
        iam = understudy.client("iam", as_=somebody)
        params = {"Url": "https://issuer.example.com", "ThumbprintList": [SUM]}
        with refused("AccessDenied") as told:
            iam.create_open_id_connect_provider(**params, Tags=[{"Key": "a", "Value": "b"}])
        assert f"iam:TagOpenIDConnectProvider on resource: {arn_of('issuer.example.com')}" in told.text
        iam.create_open_id_connect_provider(**params)

    def test_an_instance_of_identity_center_is_not_served(self, make, refused):
        with refused("NotImplemented", status=501) as told:
            make(IdentityCenterInstanceArn="arn:aws:sso:::instance/ssoins-0123456789abcdef")
        assert "IdentityCenterInstanceArn" in told.text


class TestClientIds:
    def test_they_are_added_and_removed_in_order_and_doing_so_again_is_no_error(self, iam, make, get):
        """Recorded, also that one that is not there can be removed."""
        arn = make(ClientIDList=["z"])
        for client in ("a", "m", "a"):
            iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
        assert ["z", "a", "m"] == get(arn)["ClientIDList"]
        for client in ("a", "not-there"):
            iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
        assert ["z", "m"] == get(arn)["ClientIDList"]

    def test_there_are_100(self, iam, make, refused):
        arn = make(ClientIDList=[f"client-{number}" for number in range(100)])
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="client-7")
        with refused("LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409):
            iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="one more")


def test_new_thumbprints_replace_all_others(iam, make, get, refused):
    """Recorded."""
    arn = make()
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=["B" * 40, OTHER_SUM]
    )
    assert [OTHER_SUM, OTHER_SUM] == get(arn)["ThumbprintList"]
    with refused("InvalidInput", "Thumbprint list must contain at least one entry.", 400):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[])
    with refused("InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[SUM] * 6)
    assert [OTHER_SUM, OTHER_SUM] == get(arn)["ThumbprintList"]


def test_they_are_listed_by_url(understudy, iam, make):
    urls = ["z.example.com", "A.example.com", "a.example.com/path", "a.example.com"]
    for url in urls:
        make(f"https://{url}")
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert [arn_of(url) for url in sorted(urls)] == [each["Arn"] for each in listed]
    other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
    assert [] == other.list_open_id_connect_providers()["OpenIDConnectProviderList"]


def test_they_are_counted(iam, make):
    before = iam.get_account_summary()["SummaryMap"]["Providers"]
    make()
    assert before + 1 == iam.get_account_summary()["SummaryMap"]["Providers"]


def test_tags_that_differ_in_case_stay_side_by_side(iam, make, refused):
    arn = make(Tags=[{"Key": "team", "Value": "web"}])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "Team", "Value": "data"}])

    def tags():
        return iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"]

    assert [{"Key": "Team", "Value": "data"}, {"Key": "team", "Value": "web"}] == tags()
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["Team", "none"])
    assert [{"Key": "team", "Value": "web"}] == tags()
    with refused("InvalidInput", status=400):
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[])
    with refused("InvalidInput", status=400):
        iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=[])


def test_tags_have_pages(iam, make, pages):
    arn = make(Tags=[{"Key": f"key-{number}", "Value": ""} for number in range(5)])
    found = pages(iam.list_open_id_connect_provider_tags, "Tags", OpenIDConnectProviderArn=arn)
    assert [f"key-{number}" for number in range(5)] == [each["Key"] for each in found]


def test_one_that_is_gone_is_not_found(iam, make, get, refused):
    """Recorded: deleting says it in other words than reading."""
    arn = make()
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity", f"OpenId connect Provider {arn} cannot be found.", 404):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    missing = f"OpenIDConnect Provider not found for arn {arn}"
    with refused("NoSuchEntity", missing, 404):
        get(arn)
    with refused("NoSuchEntity", missing, 404):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    with refused("NoSuchEntity", missing, 404):
        iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=[SUM])
    with refused("NoSuchEntity", missing, 404):
        iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "a", "Value": ""}])
    for other in (arn.replace("oidc", "saml"), arn.replace("iam", "sts"), "x" * 20):
        with refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {other}", 404):
            get(other)


def test_a_policy_may_look_at_its_tags(understudy, make, refused):
    arn = make(Tags=[{"Key": "team", "Value": "web"}])
    statement = {
        "Effect": "Allow",
        "Action": "iam:GetOpenIDConnectProvider",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "data"}},
    }
    somebody = understudy.user("somebody", {"Version": "2012-10-17", "Statement": statement})
    with refused("AccessDenied") as told:
        understudy.client("iam", as_=somebody).get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert f"on resource: {arn}" in told.text


_SEGMENT = st.text("abcXYZ019-_.~", min_size=1, max_size=12)


@settings(max_examples=30, deadline=None)
@given(st.lists(_SEGMENT, max_size=4), st.booleans(), st.booleans())
def test_whatever_the_path_the_arn_leads_back(segments, slash, port):
    url = "/".join(["issuer.example.com", *segments]) + ("/" if slash else "")
    with Understudy() as understudy:
        iam = understudy.client("iam")
        sent = url.replace("example.com", "example.com:443", 1) if port else url
        made = iam.create_open_id_connect_provider(Url=f"https://{sent}", ThumbprintList=[SUM])
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
        assert url == found["Url"]
