"""The life of a request: who is let in, what a failure leaves, what a rehearsal and a soft refusal do."""

from __future__ import annotations

import json
import logging

import pytest
from msgspec.structs import replace
from raw_requests import action, json_request, signed
from refusals import refusal

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.services.iam import users
from understudy_aws.testing import Understudy

WAYS = {
    "iam": action("iam", "CreateUser", UserName="made"),
    "sts": action("sts", "GetCallerIdentity"),
    "ec2": action("ec2", "DescribeVpcs"),
    "apprunner": json_request("AppRunner.ListVpcConnectors", {}),
}


def serving(understudy, *operations):
    """The understudy's gateway, serving these operations in place of its own."""
    made = {operation.action: operation for operation in operations}

    class Replaced(Registry):
        def find(self, service, name):
            return made.get(f"{service}:{name}") or super().find(service, name)

    return replace(understudy.app.gateway, registry=Replaced(SERVICES))


def ask(gateway, understudy, service):
    return gateway.handle(signed(WAYS[service], understudy.administrator, service))


def all_records(understudy):
    understudy.app.database.flush()
    store = understudy.app.database.store
    return {(table, key): body for table in store.tables() for key, body in store.load(table)}


class TestWhoIsLetIn:
    def test_a_key_switched_off_is_nobodys(self, understudy):
        somebody = understudy.allowing("somebody", "*")
        iam = understudy.client("iam")
        iam.update_access_key(UserName="somebody", AccessKeyId=somebody.access_key_id, Status="Inactive")
        unknown = ("InvalidClientTokenId", 403, "The security token included in the request is invalid.")
        assert unknown == refusal(understudy.client("sts", as_=somebody).get_caller_identity)[:3]
        iam.update_access_key(UserName="somebody", AccessKeyId=somebody.access_key_id, Status="Active")
        assert understudy.client("sts", as_=somebody).get_caller_identity()

    def test_a_deleted_users_key_and_sessions_are_nobodys(self, understudy):
        somebody = understudy.user("somebody")
        session = understudy.session_of(understudy.client("sts", as_=somebody).get_session_token())
        iam = understudy.client("iam")
        iam.delete_access_key(UserName="somebody", AccessKeyId=somebody.access_key_id)
        iam.delete_user(UserName="somebody")
        for who in (somebody, session):
            code, status, *_ = refusal(understudy.client("sts", as_=who).get_caller_identity)
            assert ("InvalidClientTokenId", 403) == (code, status)

    @pytest.mark.parametrize(
        ("service", "name", "code", "status"),
        [
            ("sts", "get_caller_identity", "ExpiredToken", 403),
            ("ec2", "describe_vpcs", "RequestExpired", 400),
            ("apprunner", "list_vpc_connectors", "ExpiredTokenException", 403),
            ("organizations", "list_handshakes_for_account", "ExpiredTokenException", 400),
        ],
    )
    def test_a_session_ends(self, understudy, service, name, code, status):
        """Reference signatures.md 6.3, apprunner.md 1.1."""
        session = understudy.session_of(understudy.client("sts").get_session_token(DurationSeconds=900))
        client = understudy.client(service, as_=session)
        understudy.clock.advance(840)
        getattr(client, name)()
        understudy.clock.advance(61)
        assert (code, status) == refusal(getattr(client, name))[:2]

    @pytest.mark.parametrize(
        "claimed", ["A/20260101/eu-west-1/ec2/x", "A/20260101/x*y/ec2/x", "A/20260101//ec2/x"]
    )
    def test_a_call_is_carried_out_in_the_region_it_was_signed_for(self, understudy, claimed):
        """Whatever else stands beside the credential."""
        request = signed(WAYS["ec2"], understudy.administrator, "ec2", "ap-south-1")
        credential = request.headers["authorization"].replace(
            "Credential=", f"Credential={claimed}, Credential="
        )
        response = understudy.app.handle(
            replace(request, headers={**request.headers, "authorization": credential})
        )
        assert response.status in (400, 401, 403)
        assert b"<vpcSet>" not in response.body


class TestFailures:
    @pytest.mark.parametrize(
        ("service", "name"),
        [
            ("iam", "CreateUser"),
            ("sts", "GetCallerIdentity"),
            ("ec2", "DescribeVpcs"),
            ("apprunner", "ListVpcConnectors"),
        ],
    )
    def test_a_bug_is_an_answer_and_leaves_nothing(self, understudy, caplog, service, name):
        @operation(f"{service}:{name}", on=all_resources)
        def half_done(call, **_params):
            users.create_user(call, user_name="half")
            raise ZeroDivisionError

        gateway = serving(understudy, replace(half_done, takes=frozenset({"user_name"})))
        before, entries = all_records(understudy), len(understudy.trail())
        with caplog.at_level(logging.CRITICAL):
            response = ask(gateway, understudy, service)
        assert 500 == response.status
        assert b"InternalFailure" in response.body
        assert before == all_records(understudy)
        (entry,) = understudy.trail()[entries:]
        assert ("InternalFailure", 500) == (entry.outcome, entry.status)
        assert entry.request_id in entry.message
        assert 200 == ask(understudy.app.gateway, understudy, service).status

    def test_an_answer_that_cannot_be_written_undoes_what_was_done(self, understudy, caplog):
        @operation("iam:CreateUser", on=all_resources)
        def misspelt(call, *, user_name):
            users.create_user(call, user_name=user_name)
            return {"Usr": {}}

        before = all_records(understudy)
        with caplog.at_level(logging.CRITICAL):
            response = ask(serving(understudy, misspelt), understudy, "iam")
        assert 500 == response.status
        assert before == all_records(understudy)

    def test_what_is_known_but_not_served_says_so(self, understudy):
        code, status, message, _ = refusal(understudy.client("ec2").describe_hosts)
        assert ("NotImplemented", 501) == (code, status)
        assert "ec2:DescribeHosts" in message

    def test_a_parameter_newer_than_the_operation_is_named(self, understudy):
        @operation("iam:CreateUser", on=all_resources)
        def older(_call):
            return {}

        response = ask(serving(understudy, older), understudy, "iam")
        assert 501 == response.status
        assert b"iam:CreateUser without UserName" in response.body


class TestCallsInsideCalls:
    @staticmethod
    def refused_afterwards():
        @operation("apprunner:ListVpcConnectors", on=all_resources)
        def calls_onward(call):
            call.onward("iam", "CreateUser", user_name="inner")
            raise ApiError("InvalidRequestException", "no")

        return calls_onward

    def test_they_are_one_transaction_and_two_entries(self, understudy):
        gateway = serving(understudy, self.refused_afterwards())
        before, entries = all_records(understudy), len(understudy.trail())
        assert 400 == ask(gateway, understudy, "apprunner").status
        assert before == all_records(understudy)
        inner, outer = understudy.trail()[entries:]
        assert (outer.request_id, "apprunner.amazonaws.com") == (inner.parent, inner.invoked_by)
        assert ("InvalidRequestException", "") == (outer.outcome, outer.parent)

    def test_they_need_the_callers_permission(self, understudy):
        gateway = serving(understudy, self.refused_afterwards())
        somebody = understudy.allowing("somebody", "apprunner:*")
        response = gateway.handle(signed(WAYS["apprunner"], somebody, "apprunner"))
        assert 403 == response.status
        assert b"is not authorized to perform: iam:CreateUser on resource" in response.body

    def test_a_bug_inside_is_told_in_both(self, understudy, caplog):
        @operation("iam:CreateUser", on=all_resources)
        def broken(_call, *, user_name):
            raise KeyError(user_name)

        gateway = serving(understudy, self.refused_afterwards(), broken)
        entries = len(understudy.trail())
        with caplog.at_level(logging.CRITICAL):
            assert 500 == ask(gateway, understudy, "apprunner").status
        assert ["InternalFailure"] * 2 == [entry.outcome for entry in understudy.trail()[entries:]]


class TestDryRun:
    """Reference ec2.md 7.2."""

    def test_permitted_it_is_a_412_and_nothing_more(self, understudy):
        ec2 = understudy.client("ec2")
        ec2.describe_vpcs()
        before = all_records(understudy)
        assert (
            "DryRunOperation",
            412,
            "Request would have succeeded, but DryRun flag is set.",
        ) == refusal(ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True)[:3]
        assert before == all_records(understudy)

    def test_not_permitted_it_is_the_refusal(self, understudy):
        ec2 = understudy.client("ec2", as_=understudy.allowing("somebody", "ec2:Describe*"))
        assert ("UnauthorizedOperation", 403) == refusal(
            ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True
        )[:2]

    def test_switched_off_it_is_the_real_thing(self, understudy):
        assert understudy.client("ec2").create_vpc(CidrBlock="10.0.0.0/16", DryRun=False)["Vpc"]


class TestModes:
    def test_soft_does_it_and_notes_that_it_was_not_permitted(self):
        with Understudy(iam="soft") as understudy:
            iam = understudy.client("iam", as_=understudy.user("somebody"))
            iam.create_group(GroupName="made")
            last = understudy.trail()[-1]
            assert ("soft", "ok", True) == (last.mode, last.outcome, last.denied)
            assert ["implicit-deny"] == [evaluation.effect for evaluation in last.evaluations]

    def test_off_does_it_and_asks_nothing(self):
        with Understudy(iam="off") as understudy:
            iam = understudy.client("iam", as_=understudy.user("somebody"))
            iam.create_group(GroupName="made")
            last = understudy.trail()[-1]
            assert ("off", "ok", ()) == (last.mode, last.outcome, last.evaluations)

    @pytest.mark.parametrize("mode", ["strict", "soft", "off"])
    def test_whoever_did_not_sign_is_refused_in_every_mode(self, mode):
        with Understudy(iam=mode) as understudy:
            stranger = replace(understudy.administrator, secret_access_key="wrong")
            code = refusal(understudy.client("iam", as_=stranger).list_users).code
            assert "SignatureDoesNotMatch" == code


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("iam", lambda client: client.create_user(UserName="x"), "AccessDenied", 403),
        ("sts", lambda client: client.get_federation_token(Name="xx"), "AccessDenied", 403),
        ("ec2", lambda client: client.create_vpc(CidrBlock="10.0.0.0/16"), "UnauthorizedOperation", 403),
        ("apprunner", lambda client: client.list_vpc_connectors(), "AccessDeniedException", 403),
    ],
)
def test_a_refusal_changes_nothing_and_is_in_the_services_words(understudy, service, call, code, status):
    """Reference policies.md 4.9, ec2.md 7.2."""
    client = understudy.client(service, as_=understudy.user("somebody"))
    before = all_records(understudy)
    found, answered, message, _ = refusal(lambda: call(client))
    assert (code, status) == (found, answered)
    assert "User: arn:aws:iam::000000000000:user/somebody is not authorized to perform: " in message
    assert "because no identity-based policy allows the " in message
    assert before.keys() == all_records(understudy).keys()


def test_a_request_that_names_nothing_to_act_on_takes_the_permission_too(understudy):
    @operation("ec2:DescribeVpcs", on=lambda _call, _params: [])
    def of_nothing(_call):
        return {"Vpcs": []}

    gateway = serving(understudy, of_nothing)
    assert 200 == ask(gateway, understudy, "ec2").status
    answered = gateway.handle(signed(WAYS["ec2"], understudy.user("somebody"), "ec2"))
    assert 403 == answered.status
    assert b"is not authorized to perform: ec2:DescribeVpcs because" in answered.body


def test_an_encoded_refusal_can_be_decoded(understudy):
    somebody = understudy.user("somebody")
    message = refusal(understudy.client("ec2", as_=somebody).create_vpc, CidrBlock="10.0.0.0/16").message
    encoded = message.rpartition(" ")[2]
    decoded = json.loads(
        understudy.client("sts").decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    )
    assert decoded["allowed"] is False
    assert "ec2:CreateVpc" == decoded["context"]["action"]
