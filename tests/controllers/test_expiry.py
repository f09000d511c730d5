"""What nobody can want any more goes, in small pieces; what somebody may still ask for stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from understudy_aws.controllers.expiry import expiry_controller
from understudy_aws.core.clock import SetClock
from understudy_aws.core.ids import Ids
from understudy_aws.gateway.client_tokens import MOST_KEPT, ClientToken, client_tokens
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.services.apprunner.vpc_connectors import vpc_connectors
from understudy_aws.services.organizations.handshake_records import handshakes
from understudy_aws.services.sts.records import sessions
from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.tables import Record, Table
from understudy_aws.testing import Understudy


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


def test_a_deleted_connector_is_described_for_an_hour_and_then_gone(understudy):
    """Reference apprunner.md 2.6: later a describe answers INACTIVE or ResourceNotFound. They were kept for ever."""
    apprunner = understudy.client("apprunner")
    subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    arn = apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=[subnet])["VpcConnector"][
        "VpcConnectorArn"
    ]
    apprunner.delete_vpc_connector(VpcConnectorArn=arn)
    understudy.clock.advance(3500)
    understudy.settle()
    shown = apprunner.describe_vpc_connector(VpcConnectorArn=arn)["VpcConnector"]
    assert "INACTIVE" == shown["Status"]
    understudy.clock.advance(200)
    understudy.settle()
    with pytest.raises(apprunner.exceptions.ResourceNotFoundException):
        apprunner.describe_vpc_connector(VpcConnectorArn=arn)
    assert 0 == count(understudy, vpc_connectors)


def test_the_trail_keeps_its_newest():
    with Understudy(trail=5) as understudy:
        sts = understudy.client("sts")
        for _ in range(20):
            sts.get_caller_identity()
        understudy.settle()
        assert 5 == len(understudy.trail())


class Ticket(Record, frozen=True, kw_only=True):
    number: int
    kind: str = "a"


CLOCK = SetClock()


def tickets() -> Table[Ticket]:
    return Table(
        "ticket",
        Ticket,
        key=lambda ticket: (f"{ticket.number:06d}",),
        ordered={
            "at": lambda ticket: CLOCK.now() + timedelta(seconds=ticket.number),
            "of_kind": lambda ticket: (ticket.kind, CLOCK.now() + timedelta(seconds=ticket.number)),
        },
    )


class Office:
    """A table of tickets, one for each second from now, of two kinds in turn."""

    def __init__(self, many: int) -> None:
        self.clock = SetClock()
        self.table = tickets()
        self.world = World(Database(MemoryStore()), self.clock, Ids(1), gateway=None)
        with self.world.database.transaction() as tx:
            for number in range(many):
                self.table.put(tx, Ticket(number=number, kind="ab"[number % 2]))

    def step(self, expiry: Expiry):
        """One run, if anything is due; answers how many tickets it took, or None."""
        controller = expiry_controller(expiry)
        with self.world.database.transaction() as tx:
            if not list(controller.due(tx, self.clock.now())):
                return None
            before = len(list(self.table.scan(tx)))
        asyncio.run(controller.reconcile(("all",), self.world))
        return before - len(self.numbers())

    def numbers(self) -> list[int]:
        with self.world.database.transaction() as tx:
            return [ticket.number for ticket in self.table.scan(tx)]


def test_much_that_is_old_goes_in_pieces():
    """A sweep went through all records in one transaction, every ten minutes."""
    office = Office(1000)
    expiry = Expiry("tickets", office.table, "at", kept_for=timedelta(seconds=10))
    assert None is office.step(expiry)
    office.clock.advance(509)
    assert [200, 200, 100, None] == [office.step(expiry) for _ in range(4)]
    assert list(range(500, 1000)) == office.numbers()


def test_too_many_are_the_oldest_of_those_whose_time_has_come():
    office = Office(1000)
    expiry = Expiry("tickets", office.table, "at", kept_for=timedelta(days=1), most=100)
    assert None is office.step(expiry)
    office.clock.advance(349)
    assert [200, 50, None] == [office.step(expiry) for _ in range(3)]
    assert list(range(250, 1000)) == office.numbers()


def test_one_kind_is_no_others():
    office = Office(100)
    by_age = Expiry("a", office.table, "of_kind", kept_for=timedelta(), prefix=("a",))
    office.clock.advance(9)
    assert [5, None] == [office.step(by_age) for _ in range(2)]
    by_number = Expiry("b", office.table, "of_kind", kept_for=timedelta(days=1), most=2, prefix=("b",))
    assert [3, None] == [office.step(by_number) for _ in range(2)]
    assert [7, 9, *range(10, 100)] == office.numbers()


def test_client_tokens_are_bounded_in_number_too(understudy):
    """An hour of tokens under load would be all the memory there is."""
    at = understudy.clock.now()
    with understudy.app.database.transaction() as tx:
        for number in range(MOST_KEPT + 300):
            token = ClientToken(
                account=understudy.account,
                region="us-east-1",
                operation="ec2:CreateNetworkInterface",
                token=str(number),
                digest="",
                answer=b"",
                at=at + timedelta(microseconds=number),
            )
            client_tokens.put(tx, token)
    understudy.clock.advance(1)
    understudy.settle()
    with understudy.app.database.transaction() as tx:
        left = {token.token for token in client_tokens.scan(tx)}
    assert {str(number) for number in range(300, MOST_KEPT + 300)} == left
