"""What the trail keeps of a call, and what it never keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from raw_requests import action, json_request, signed
from refusals import refused

from understudy_aws.admin.explanations import Explanations
from understudy_aws.admin.requests import ListTrail
from understudy_aws.authn.caller import ANONYMOUS, Caller
from understudy_aws.gateway.trail import EvaluatedQuestion, Trail, TrailEntry, decode, keepable, presentable
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.protocol import LogEntry

AT = datetime(2026, 3, 4, tzinfo=UTC)


def entry(number, account="1"):
    return TrailEntry(
        f"id-{number}", AT, "iam", "GetUser", Caller("root", account, f"arn:aws:iam::{account}:root", account)
    )


class TestPresentable:
    def test_long_texts_are_cut_wherever_they_stand(self):
        cut = "x" * 2048 + "…"
        assert {"a": cut, "b": [cut], "c": [{"Key": cut}]} == presentable(
            {"a": "x" * 9999, "b": ["x" * 9999], "c": [{"Key": "x" * 2049}]}, None
        )

    def test_long_lists_are_cut(self):
        shown = presentable({"a": ["x"] * 1000}, None)["a"]
        assert (201, "… and 800 more") == (len(shown), shown[-1])

    def test_everything_else_is_as_it_was(self):
        params = {"a": 1, "b": True, "c": [{"Key": "k"}], "d": b"x", "e": AT, "f": 1.5}
        assert params == presentable(params, None)


class TestTrail:
    def test_entries_are_found_by_request_and_listed_newest_first(self):
        database = Database(MemoryStore())
        trail = Trail(database)
        with database.transaction() as tx:
            for number in range(5):
                trail.record(tx, entry(number, account=str(number % 2)))
        assert entry(3, "1") == trail.find("id-3")
        assert trail.find("id-9") is None
        assert ["id-4", "id-3"] == [found.request_id for found in trail.newest(limit=2)]
        assert ["id-3", "id-1"] == [found.request_id for found in trail.newest(account="1")]

    @pytest.mark.parametrize(
        ("effects", "denied"), [([], False), (["allow"], False), (["allow", "implicit-deny"], True)]
    )
    def test_an_entry_is_denied_when_one_evaluation_is(self, effects, denied):
        evaluations = tuple(EvaluatedQuestion("iam:GetUser", "*", effect) for effect in effects)
        assert denied is TrailEntry("id", AT, "iam", "GetUser", ANONYMOUS, evaluations=evaluations).denied


def test_no_secret_is_ever_written(understudy):
    """Not keys, not session tokens, not signatures."""
    iam, sts = understudy.client("iam"), understudy.client("sts")
    iam.create_user(UserName="somebody")
    key = iam.create_access_key(UserName="somebody")["AccessKey"]
    session = sts.get_session_token()["Credentials"]
    temporary = understudy.session_of({"Credentials": session})
    understudy.client("sts", as_=temporary).get_caller_identity()
    written = b"".join(row.body for row in understudy.app.database.log(limit=1000))
    for secret in (
        understudy.administrator.secret_access_key,
        key["SecretAccessKey"],
        session["SecretAccessKey"],
        session["SessionToken"],
    ):
        assert secret.encode() not in written
    assert b"Signature=" not in written


@pytest.mark.parametrize(
    ("request_", "service", "outcome", "status"),
    [
        (action("iam", "ListUsers"), "iam", "ok", 200),
        (action("iam", "GetUser", UserName="nobody"), "iam", "NoSuchEntity", 404),
        (action("iam", "GetUser", UserName="!"), "iam", "ValidationError", 400),
        (action("iam", "GetUser", ("UserName.x", "a")), "iam", "MalformedInput", 400),
        (action("ec2", "DescribeHosts"), "ec2", "NotImplemented", 501),
        (action("ec2", "DescribeVpcs", DryRun="true"), "ec2", "DryRunOperation", 412),
        (json_request("AppRunner.ListVpcConnectors", b"{"), "apprunner", "SerializationException", 400),
    ],
)
def test_every_call_leaves_one_entry(understudy, request_, service, outcome, status):
    before = len(understudy.trail())
    response = understudy.app.handle(signed(request_, understudy.administrator, service))
    (entry,) = understudy.trail()[before:]
    assert (outcome, status, status) == (entry.outcome, entry.status, response.status)
    assert understudy.administrator.access_key_id == entry.caller.access_key_id
    assert dict(response.headers).get("x-amzn-RequestId", entry.request_id) == entry.request_id


def test_a_call_that_nobody_signed_leaves_an_entry_of_nobodys(understudy):
    before = len(understudy.trail())
    request = action("iam", "ListUsers")
    headers = {name: value for name, value in request.headers.items() if name != "authorization"}
    understudy.app.handle(replace(request, headers=headers))
    (entry,) = understudy.trail()[before:]
    assert ("anonymous", "", "ListUsers", {}) == (
        entry.caller.kind,
        entry.caller.access_key_id,
        entry.operation,
        entry.parameters,
    )
    assert ("MissingAuthenticationToken", 403) == (entry.outcome, entry.status)


def test_a_refusal_keeps_what_was_asked_and_what_decided(understudy):
    somebody = understudy.allowing("somebody", "iam:ListUsers")
    with refused("AccessDenied"):
        understudy.client("iam", as_=somebody).get_user(UserName="somebody")
    last = understudy.trail()[-1]
    assert ("AccessDenied", 403, True) == (last.outcome, last.status, last.denied)
    (evaluation,) = last.evaluations
    assert ("iam:GetUser", "arn:aws:iam::000000000000:user/somebody", "implicit-deny") == (
        evaluation.action,
        evaluation.resource,
        evaluation.effect,
    )
    assert "somebody" == evaluation.context["aws:username"]


class TestKeysOfWhatWasAllowed:
    def test_the_targets_own_are_kept_and_those_of_the_call_are_not(self, understudy):
        understudy.client("iam").create_user(UserName="me", Tags=[{"Key": "Team", "Value": "web"}])
        first, second = understudy.trail()[-1].evaluations
        assert {"aws:requesttag/team": "web", "aws:tagkeys": ["Team"]} == first.keys == second.keys
        assert ({}, "", False) == (first.context, first.resource_policy, first.trust)

    def test_none_and_not_kept_are_two_things(self, understudy):
        understudy.client("iam").get_user(UserName="Administrator")
        assert {} == understudy.trail()[-1].evaluations[0].keys
        assert EvaluatedQuestion("iam:GetUser", "*", "allow").keys is None

    def test_where_the_resources_own_policy_took_part_all_are_kept_with_its_text(self, understudy):
        iam, sts = understudy.client("iam"), understudy.client("sts")
        trust = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},'
            '"Action":"sts:AssumeRole"}]}'
        )
        role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        sts.assume_role(RoleArn=role, RoleSessionName="me")
        (evaluation,) = understudy.trail()[-1].evaluations
        assert ("allow", True, trust) == (evaluation.effect, evaluation.trust, evaluation.resource_policy)
        assert {"sts:rolesessionname", "aws:principalarn", "aws:currenttime"} <= evaluation.context.keys()

    def test_as_many_as_would_fill_the_trail_are_not_kept(self):
        keys = {"aws:requesttag/team": "web", "aws:tagkeys": ["Team"]}
        assert keys == keepable(keys, 0) == keepable(keys, 199)
        assert keepable(keys, 200) is None
        assert {} == keepable({}, 200)
        assert keepable({"aws:requesttag/team": "x" * 70_000}, 0) is None
        assert keepable({"aws:tagkeys": ["x" * 7_000] * 10}, 0) is None


class TestSize:
    """A signed request with an id of 9 MB left 17.6 MB, an unsigned one with a User-Agent of 62 kB as much."""

    def test_what_strangers_write_is_cut(self, understudy):
        request = action("sts", "GetCallerIdentity")
        headers = {**request.headers, "user-agent": "x" * 62_000}
        understudy.app.answer(replace(request, headers=headers))
        (row,) = understudy.app.database.log(limit=1)
        assert len(row.body) < 2000

    def test_an_entry_that_is_large_in_many_pieces_is_cut_as_a_whole(self):
        many = {f"key{number}": ["v" * 1000] * 60 for number in range(100)}
        evaluations = tuple(
            EvaluatedQuestion("iam:GetUser", "*", "implicit-deny", context=many) for _ in range(5)
        )
        large = TrailEntry(
            "id", AT, "iam", "GetUser", ANONYMOUS, parameters={"name": "x"}, evaluations=evaluations
        )
        assert len(large.encoded()) < 10_000
        assert b"implicit-deny" in large.encoded()

    def test_half_a_surrogate_pair_does_not_keep_an_entry_out(self):
        assert (
            b"GetUser" in TrailEntry("id", AT, "iam", "GetUser", Caller("user", "1", "\ud800", "")).encoded()
        )

    def test_an_id_of_nearly_two_megabytes_leaves_little(self, understudy):
        with refused("InvalidVpcID.NotFound"):
            understudy.client("ec2").describe_vpcs(VpcIds=["vpc-" + "0" * 1_900_000])
        (row,) = understudy.app.database.log(limit=1)
        assert len(row.body) < 300_000


class TestLinesThatKeptTheCallerFlat:
    """As they stand in state directories of before."""

    LINES = (
        (Path(__file__).parent.parent / "cases" / "trail" / "lines_with_a_flat_caller.jsonl")
        .read_bytes()
        .splitlines()
    )

    def test_each_is_read_with_its_caller(self):
        callers = [decode(line).caller for line in self.LINES]
        assert ["user", "role-session", "user", "user", "federated", "anonymous", "service"] == [
            caller.kind for caller in callers
        ]
        assert (
            Caller(
                "role-session",
                "000000000000",
                "arn:aws:sts::000000000000:assumed-role/R/night",
                "AROAMP72FNQKGKXAROAKT:night",
                "R",
                "ASIAQAAAAAAAA7Z7DIBY",
                "arn:aws:iam::000000000000:role/deep/R",
                "night",
            )
            == callers[1]
        )
        assert ("", "anonymous") == (callers[5].account, callers[5].arn)

    def test_who_called_onward_is_known(self):
        onward, service = decode(self.LINES[3]), decode(self.LINES[6])
        assert (("apprunner.amazonaws.com",), "apprunner.amazonaws.com") == (onward.via, onward.invoked_by)
        assert ((), "networking.apprunner.amazonaws.com") == (service.via, service.invoked_by)

    def test_a_refusal_of_before_is_explained(self, understudy):
        refused = self.LINES[2]
        understudy.user("nobody")
        row = LogEntry(0, decode(refused).request_id, "000000000000", refused)
        understudy.app.database.store.write(1, [], [row])
        gateway = understudy.app.gateway
        answer = Explanations(gateway, gateway.authorizer._policies).of_request(row.id)
        (question,) = answer["questions"]
        assert ("implicit-deny", "iam:GetUser") == (question["effect"], question["action"])
        assert "user/nobody" in question["text"]

    def test_the_administrators_list_has_one_form(self, understudy):
        row = LogEntry(0, "old", "000000000000", self.LINES[0])
        understudy.app.database.store.write(1, [], [row])
        listed = understudy.app.admin.answer(ListTrail(account=None, limit=1000, before=None))["entries"]
        assert {"Administrator"} == {
            each["call"].caller.name for each in listed if each["call"].caller.kind == "user"
        }


def test_the_caller_is_kept_whole(understudy):
    """With its session: what was settled when the credentials were given out."""
    iam, sts = understudy.client("iam"), understudy.client("sts")
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:*"}]}'
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}'
    answer = sts.assume_role(
        RoleArn=role,
        RoleSessionName="me",
        Policy=policy,
        Tags=[{"Key": "team", "Value": "web"}],
        SourceIdentity="ann",
    )
    understudy.client("sts", as_=understudy.session_of(answer)).get_caller_identity()
    caller = understudy.trail()[-1].caller
    assert ("role-session", "deploy", "me", False) == (
        caller.kind,
        caller.name,
        caller.session_name,
        caller.service_linked,
    )
    assert ((policy,), (("team", "web"),), "ann") == (
        caller.session.policies,
        caller.session.tags,
        caller.session.source_identity,
    )
