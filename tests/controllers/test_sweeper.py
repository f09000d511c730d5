"""What nobody can want any more goes; what somebody may still ask for stays."""

from __future__ import annotations

from understudy.gateway.client_tokens import client_tokens
from understudy.services.organizations.handshake_records import handshakes
from understudy.services.sts.records import sessions
from understudy.testing import Understudy


def count(understudy, table) -> int:
    with understudy.app.database.transaction() as tx:
        return sum(1 for _ in table.scan(tx))


def test_client_tokens_go_after_an_hour(understudy):
    ec2 = understudy.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet, ClientToken="once")
    understudy.settle()
    assert 1 == count(understudy, client_tokens)
    understudy.clock.advance(2 * 3600)
    understudy.settle()
    assert 0 == count(understudy, client_tokens)


def test_sessions_go_a_day_after_their_end(understudy):
    understudy.client("sts").get_session_token(DurationSeconds=900)
    understudy.settle()
    understudy.clock.advance(3600)
    understudy.settle()
    assert 1 == count(understudy, sessions)
    understudy.clock.advance(2 * 86400)
    understudy.settle()
    assert 0 == count(understudy, sessions)


def test_invitations_go_when_no_list_tells_of_them(understudy):
    understudy.account_administrator("111111111111")
    organizations = understudy.client("organizations")
    organizations.create_organization()
    organizations.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": "111111111111"})
    for days, left in ((44, 1), (2, 0)):
        understudy.clock.advance(days * 86400)
        understudy.settle()
        assert left == count(understudy, handshakes)


def test_the_trail_keeps_its_newest():
    with Understudy(trail=5) as understudy:
        sts = understudy.client("sts")
        for _ in range(20):
            sts.get_caller_identity()
        understudy.settle()
        assert 5 == len(understudy.trail())
