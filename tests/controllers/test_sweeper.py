"""What nobody can want any more goes; what somebody may still ask for stays."""

from __future__ import annotations

from understudy.gateway.client_tokens import client_tokens
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


def test_the_trail_keeps_its_newest():
    with Understudy(trail=5) as understudy:
        sts = understudy.client("sts")
        for _ in range(20):
            sts.get_caller_identity()
        understudy.settle()
        assert 5 == len(understudy.trail())
