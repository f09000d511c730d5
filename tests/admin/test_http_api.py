"""The administrative API over HTTP, without a socket."""

from __future__ import annotations

import json
import urllib.parse

import pytest
from msgspec.structs import replace
from refusals import refused

from understudy_aws import __version__
from understudy_aws.admin.build import BUILD
from understudy_aws.admin.http_api import AdminApi
from understudy_aws.admin.requests import (
    FORMAT,
    REQUESTS,
    AddAccount,
    ExplainQuestion,
    ExplainRequest,
    ListTrail,
    RecordPolicies,
    Reset,
    WhoCan,
    as_http,
)
from understudy_aws.cli.server_files import Keys, files_of
from understudy_aws.core.http import HttpRequest, ResponseInSteps, take_all
from understudy_aws.settings import read
from understudy_aws.testing import Credentials

ROLE = "AWSServiceRoleForAppRunnerNetworking"


class Api:
    def __init__(self, understudy) -> None:
        self.app = understudy.app

    def raw(self, method, path, body=None, *, token=None, content=None):
        path, _, query = path.partition("?")
        headers = {"x-understudy-token": self.app.admin_api.token if token is None else token}
        content = content if content is not None else b"" if body is None else json.dumps(body).encode()
        response = self.app.answer(HttpRequest(method, path, query, headers, content))
        assert ("Content-Type", "application/json") in response.headers
        return response.status, json.loads(response.body)

    def __call__(self, method, path, body=None):
        status, answer = self.raw(method, path, body)
        assert 200 == status, answer
        return answer


@pytest.fixture
def api(understudy):
    return Api(understudy)


def test_what_runs_in_a_vpc_administers_nothing_even_with_the_token(api):
    asked = HttpRequest(
        "GET", "/_understudy/status", "", {"x-understudy-token": api.app.admin_api.token}, b""
    )
    assert 200 == api.app.answer(asked).status
    inside = replace(asked, inside=True)
    assert 403 == api.app.answer(inside).status
    assert b"nothing that runs in a VPC" in api.app.answer(inside).body
    assert 200 == api.app.answer(replace(inside, path="/_understudy/health")).status


def test_health_answers_everybody(api):
    expected = {"status": "ok", "version": __version__, "format": FORMAT, "build": BUILD, "state_format": 0}
    expected["iam"] = "strict"
    assert (200, expected) == api.raw("GET", "/_understudy/health", token="")


def test_tools_that_look_for_a_local_aws_find_its_services(api):
    _, answer = api.raw("GET", "/_localstack/health", token="")
    assert {
        "accessanalyzer",
        "apprunner",
        "cloudtrail",
        "ec2",
        "ecr",
        "iam",
        "logs",
        "organizations",
        "secretsmanager",
        "ssm",
        "sts",
    } == set(answer["services"])
    assert {"running"} == set(answer["services"].values())


def test_ready_means_that_there_is_an_account(api, understudy):
    assert 200 == api.raw("GET", "/_understudy/ready", token="")[0]
    with understudy.app.database.transaction() as tx:
        tx.clear()
    assert 503 == api.raw("GET", "/_understudy/ready", token="")[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_understudy/reset"),
        ("POST", "/_understudy/accounts"),
        ("POST", "/_understudy/explain"),
        ("POST", "/_understudy/who-can"),
        ("POST", "/_understudy/record"),
        ("GET", "/_understudy/record"),
        ("GET", "/_understudy/trail"),
        ("GET", "/_understudy/status"),
        ("GET", "/_understudy/roles"),
        ("GET", "/_understudy/requests/x"),
        ("GET", "/_understudy/nothing"),
    ],
)
@pytest.mark.parametrize("token", ["", "wrong", "ünders"])
def test_every_request_that_is_not_public_needs_the_token(api, method, path, token):
    status, answer = api.raw(method, path, {}, token=token)
    assert 403 == status
    assert ["error"] == list(answer)


def test_a_token_of_another_server_is_refused_for_public_requests_too(api):
    assert 403 == api.raw("GET", "/_understudy/health", token="another's")[0]


def test_a_path_that_is_not_there_and_a_method_it_does_not_take(api):
    assert (404, {"error": "There is no /_understudy/nothing here."}) == api.raw(
        "GET", "/_understudy/nothing"
    )
    assert (405, {"error": "/_understudy/reset does not take GET."}) == api.raw("GET", "/_understudy/reset")


@pytest.mark.parametrize(
    ("asked", "method"), [("status", "answer"), ("trail", "answer_in_steps"), ("trail", "answered")]
)
def test_a_mistake_of_ours_is_told_as_one(api, monkeypatch, asked, method):
    def fails(_asked):
        if method != "answered":
            raise KeyError("x")

        def steps():
            yield None
            raise KeyError("x")

        return steps()

    name = "answer" if method == "answer" else "answer_in_steps"
    monkeypatch.setattr(api.app.admin_api._administration, name, fails)
    status, answer = api.raw("GET", f"/_understudy/{asked}")
    assert (500, {"error": "The server failed inside: KeyError: 'x'"}) == (status, answer)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"id": 1}', b'{"id": "1", "x": 2}', b"\xff"])
def test_a_body_that_is_none_of_ours_is_one_sentence(api, content):
    for path in ("/_understudy/accounts", "/_understudy/explain", "/_understudy/record"):
        status, answer = api.raw("POST", path, content=content)
        if content or path != "/_understudy/record":
            # An empty body is as good as an empty object, which is enough to record everything.
            assert 400 == status
            assert answer["error"].startswith(f"The body is not what {path} takes: ")


class TestStatus:
    def test_it_says_what_there_is(self, api, understudy):
        understudy.client("iam").create_user(UserName="me")
        answer = api("GET", "/_understudy/status")
        assert [understudy.account] == [account["id"] for account in answer["accounts"]]
        assert 2 == answer["records"]["iam/user"]
        assert ("strict", "instant", "memory:") == (answer["iam"], answer["clock"], answer["state"])

    def test_uptime_is_by_the_servers_clock(self, api, understudy):
        understudy.clock.advance(90)
        assert 90 == api("GET", "/_understudy/status")["uptime_seconds"]


class TestAccounts:
    def test_a_new_account_has_an_administrator_whose_keys_are_kept(self, api, understudy, tmp_path):
        files = files_of(read({}, state=str(tmp_path)))
        understudy.app.admin.keeper = files
        made = api("POST", "/_understudy/accounts", {"id": "111122223333"})
        assert Keys(made["access_key_id"], made["secret_access_key"]) == files.read_keys("111122223333")
        sts = understudy.client("sts", as_=Credentials(made["access_key_id"], made["secret_access_key"]))
        assert "arn:aws:iam::111122223333:user/Administrator" == sts.get_caller_identity()["Arn"]

    def test_an_account_that_exists_is_refused(self, api, understudy):
        status, answer = api.raw("POST", "/_understudy/accounts", {"id": understudy.account})
        assert (409, {"error": f"Account {understudy.account} exists already."}) == (status, answer)

    @pytest.mark.parametrize("wanted", ["1", "11112222333x", "1111222233334", "١١١١٢٢٢٢٣٣٣٣"])
    def test_an_account_is_twelve_digits(self, api, wanted):
        assert 400 == api.raw("POST", "/_understudy/accounts", {"id": wanted})[0]


class TestReset:
    @pytest.mark.parametrize("query", ["", "?keep_keys", "?keep_keys=true"])
    def test_everything_is_forgotten_and_the_keys_go_on(self, api, understudy, query):
        understudy.client("iam").create_user(UserName="me")
        status, made = api.raw("POST", f"/_understudy/reset{query}", content=b"")
        assert (200, True) == (status, made["kept_keys"])
        assert understudy.administrator.access_key_id == made["access_key_id"]
        assert ["Administrator"] == [
            user["UserName"] for user in understudy.client("iam").list_users()["Users"]
        ]

    def test_keys_that_were_revoked_do_not_come_back(self, api, understudy):
        iam = understudy.client("iam")
        other = iam.create_access_key()["AccessKey"]
        iam.update_access_key(AccessKeyId=understudy.administrator.access_key_id, Status="Inactive")
        made = api("POST", "/_understudy/reset", {})
        assert other["AccessKeyId"] == made["access_key_id"]
        with refused("InvalidClientTokenId"):
            understudy.client("sts").get_caller_identity()

    @pytest.mark.parametrize(
        "how", [("?keep_keys=false", b""), ("?keep_keys=0", b"{}"), ("", b'{"keep_keys": false}')]
    )
    def test_new_keys_are_made_when_asked_for(self, api, understudy, how):
        understudy.client("iam").create_user(UserName="me")
        status, made = api.raw("POST", f"/_understudy/reset{how[0]}", content=how[1])
        assert (200, False) == (status, made["kept_keys"])
        assert understudy.account == made["account"]
        with refused("InvalidClientTokenId"):
            understudy.client("sts").get_caller_identity()
        iam = understudy.client("iam", as_=Credentials(made["access_key_id"], made["secret_access_key"]))
        assert ["Administrator"] == [user["UserName"] for user in iam.list_users()["Users"]]

    def test_keys_of_accounts_that_are_gone_are_forgotten(self, api, understudy, tmp_path):
        files = files_of(read({}, state=str(tmp_path)))
        understudy.app.admin.keeper = files
        api("POST", "/_understudy/accounts", {"id": "111122223333"})
        api("POST", "/_understudy/reset", {})
        assert [understudy.account] == files.accounts()

    def test_the_trail_is_forgotten_too(self, api, understudy):
        understudy.client("iam").create_user(UserName="me")
        api("POST", "/_understudy/reset", {})
        assert [] == api("GET", "/_understudy/trail")["entries"]


class TestTrail:
    def test_calls_are_listed_newest_first_and_paged_by_number(self, api, understudy):
        iam = understudy.client("iam")
        for name in ("a", "b", "c"):
            iam.create_user(UserName=name)
        entries = api("GET", "/_understudy/trail?limit=2")["entries"]
        assert ["c", "b"] == [entry["call"]["parameters"]["user_name"] for entry in entries]
        entries = api("GET", f"/_understudy/trail?before={entries[-1]['number']}")["entries"]
        assert ["a"] == [entry["call"]["parameters"]["user_name"] for entry in entries]

    def test_one_accounts_calls(self, api, understudy):
        other = understudy.account_administrator("111122223333")
        understudy.client("sts", as_=other).get_caller_identity()
        understudy.client("iam").list_users()
        entries = api("GET", "/_understudy/trail?account=111122223333")["entries"]
        assert ["GetCallerIdentity"] == [entry["call"]["operation"] for entry in entries]

    def test_no_secret_is_in_it(self, api, understudy):
        key = understudy.client("iam").create_access_key(UserName="Administrator")["AccessKey"]
        assert key["SecretAccessKey"] not in json.dumps(api("GET", "/_understudy/trail"))

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "before=0", "before=²", "x=1"]
    )
    def test_numbers_are_numbers(self, api, query):
        assert 400 == api.raw("GET", f"/_understudy/trail?{query}")[0]


def test_roles_name_the_catalogue_and_where_each_exists(api, understudy):
    understudy.client("iam").create_service_linked_role(AWSServiceName="networking.apprunner.amazonaws.com")
    found = api("GET", "/_understudy/roles")["roles"]
    existing = [role for role in found if role["existing"]]
    arn = f"arn:aws:iam::{understudy.account}:role/aws-service-role/networking.apprunner.amazonaws.com/{ROLE}"
    assert [(ROLE, [{"account": understudy.account, "arn": arn}])] == [
        (role["role_name"], role["existing"]) for role in existing
    ]
    assert 339 == len(found)


def test_a_request_id_is_taken_as_it_was_quoted(api):
    status, answer = api.raw("GET", "/_understudy/requests/" + urllib.parse.quote("a/b+c", safe=""))
    assert 404 == status
    assert answer["error"].startswith("The trail holds no request a/b+c.")


class TestRecord:
    def test_the_policies_are_asked_for_in_a_body_or_in_a_query(self, api, understudy):
        understudy.client("iam").get_user(UserName="Administrator")
        asked = {
            "as": f"arn:aws:iam::{understudy.account}:user/Administrator",
            "since": "1",
            "portable": True,
        }
        query = urllib.parse.urlencode({**asked, "portable": "true"})
        answer = api("POST", "/_understudy/record", asked)
        assert answer == api("GET", f"/_understudy/record?{query}")
        (policy,) = answer["principals"][0]["policies"]
        assert "iam:GetUser" == policy["Statement"][0]["Action"]

    def test_without_anything_it_is_all_that_was_called(self, api, understudy):
        understudy.client("iam").list_users()
        assert api("GET", "/_understudy/record") == api("POST", "/_understudy/record", {})
        assert 1 == api("GET", "/_understudy/record")["calls"]

    @pytest.mark.parametrize("query", ["x=1", "portable=perhaps", "since=yesterday"])
    def test_a_question_that_is_none_is_one_sentence(self, api, query):
        status, answer = api.raw("GET", f"/_understudy/record?{query}")
        assert (400, ["error"]) == (status, list(answer))


class TestRequests:
    """What the client writes is what the server reads."""

    @pytest.mark.parametrize(
        "request_",
        [
            ListTrail(account="1", limit=7, before=9),
            ListTrail(),
            ExplainRequest(id="a/b ü?"),
            ExplainQuestion(as_="arn:x", action="iam:GetUser", context={"aws:x": ["1", "2"]}),
            RecordPolicies(as_="arn:x", portable=True),
            AddAccount(id="111122223333"),
            Reset(),
        ],
        ids=lambda request: type(request).__name__,
    )
    def test_a_request_arrives_as_it_was_sent(self, request_):
        method, target, body = as_http(request_)
        path, _, query = target.partition("?")
        seen = []
        api = AdminApi(Recorder(seen), "token")
        response = api.handle(HttpRequest(method, path, query, {"x-understudy-token": "token"}, body))
        if isinstance(response, ResponseInSteps):
            response = take_all(response.steps)
        assert (200, [request_]) == (response.status, seen)

    def test_every_request_has_a_path_and_a_method_of_its_own(self):
        addresses = [(request.path, method) for request in REQUESTS for method in request.methods]
        assert len(addresses) == len(set(addresses))


class Recorder:
    """An administration that notes what it is asked."""

    def __init__(self, seen) -> None:
        self._seen = seen

    def answer(self, request):
        self._seen.append(request)
        return {}

    def answer_in_steps(self, request):
        return self._in_steps(request) if isinstance(request, RecordPolicies | WhoCan) else None

    def _in_steps(self, request):
        yield
        return self.answer(request)
