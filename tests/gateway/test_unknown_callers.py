"""Calls without valid credentials cannot fill the trail (docs/decisions/0016)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from raw_requests import action, signed

from understudy_aws.gateway.unknown_callers import AT_ONCE, UnknownCallersShare

AT = datetime(2026, 1, 1, tzinfo=UTC)


class TestTheShare:
    def test_so_many_at_once_and_then_one_a_second(self):
        share = UnknownCallersShare()
        admitted = [share.admits(AT) for _ in range(AT_ONCE * 3)]
        assert [True] * AT_ONCE + [False] * AT_ONCE * 2 == admitted
        later = AT + timedelta(seconds=3)
        assert [True] * 3 + [False] * 7 == [share.admits(later) for _ in range(10)]

    def test_after_a_pause_as_many_as_at_first_and_no_more(self):
        share = UnknownCallersShare()
        for _ in range(AT_ONCE + 5):
            share.admits(AT)
        later = AT + timedelta(days=1)
        assert AT_ONCE == sum(share.admits(later) for _ in range(AT_ONCE * 2))

    def test_those_left_out_are_counted_once(self):
        share = UnknownCallersShare()
        for _ in range(AT_ONCE + 5):
            share.admits(AT)
        assert (5, 0) == (share.left_out(), share.left_out())

    def test_a_clock_that_goes_back_admits_nothing_more(self):
        share = UnknownCallersShare()
        for _ in range(AT_ONCE):
            share.admits(AT)
        assert not share.admits(AT - timedelta(days=1))


def test_strangers_leave_so_many_entries_and_those_with_credentials_leave_all(understudy):
    call = action("iam", "ListUsers")
    stranger = signed(call, replace(understudy.administrator, secret_access_key="wrong"), "iam")
    known = signed(call, understudy.administrator, "iam")
    for _ in range(AT_ONCE + 50):
        assert 403 == understudy.app.handle(stranger).status
    for _ in range(3):
        assert 200 == understudy.app.handle(known).status
    kinds = [entry.caller.kind for entry in understudy.trail()]
    assert (AT_ONCE, ["user"] * 3) == (kinds.count("anonymous"), kinds[-3:])
    understudy.clock.advance(1)
    stranger = signed(call, replace(understudy.administrator, secret_access_key="wrong"), "iam")
    understudy.app.handle(stranger)
    last = understudy.trail()[-1]
    assert ("anonymous", 50) == (last.caller.kind, last.left_out)


def test_a_call_that_leaves_no_entry_writes_nothing(understudy):
    """So strangers cannot wear out a disk either."""
    stranger = signed(
        action("iam", "ListUsers"), replace(understudy.administrator, secret_access_key="wrong"), "iam"
    )
    for _ in range(AT_ONCE):
        understudy.app.handle(stranger)
    understudy.app.database.flush()
    rows = list(understudy.app.database.log(limit=1000))
    for _ in range(20):
        understudy.app.handle(stranger)
    understudy.app.database.flush()
    assert rows == list(understudy.app.database.log(limit=1000))
