"""Which key runs next: back-off without jitter, bounds, fairness between accounts, one run a key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.controllers.failures import back_off
from understudy_aws.controllers.work_queue import WorkQueue
from understudy_aws.gateway.controller import Due

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def due(name: str, account: str = "a", since: datetime = NOW) -> Due:
    return Due((name,), account, since)


def lined_up(queue: WorkQueue, dues: list[Due], now: datetime = NOW, revision: int = 0) -> None:
    queue.offer("work", dues)
    queue.arrange(now, revision)


def taken(queue: WorkQueue) -> list:
    found = []
    while (item := queue.take()) is not None:
        found.append(item)
    return found


def names(items) -> list[str]:
    return [item.key[0] for item in items]


def test_back_off_doubles_up_to_a_minute_and_is_the_same_every_time():
    assert [1, 2, 4, 8, 16, 32, 60, 60] == [back_off(n).total_seconds() for n in range(1, 9)]
    assert timedelta(seconds=60) == back_off(10_000)


def test_a_key_runs_once_at_a_time():
    queue = WorkQueue()
    lined_up(queue, [due("x")])
    (item,) = taken(queue)
    lined_up(queue, [due("x")], revision=1)
    assert [] == taken(queue)
    queue.finished(item, None, NOW, 1)
    lined_up(queue, [due("x")], revision=2)
    assert ["x"] == names(taken(queue))


def test_no_more_run_than_may_and_half_of_one_account():
    queue = WorkQueue(concurrency=4)
    lined_up(queue, [due(f"a{n}") for n in range(9)])
    assert ["a0", "a1"] == names(taken(queue))
    lined_up(queue, [*(due(f"a{n}") for n in range(9)), *(due(f"b{n}", "b") for n in range(9))])
    assert ["b0", "b1"] == names(taken(queue))
    assert 4 == queue.running


def test_accounts_take_turns_however_much_one_of_them_has():
    queue = WorkQueue(concurrency=2)
    queue.offer("work", [*(due(f"a{n}") for n in range(5)), *(due(f"b{n}", "b") for n in range(3))])
    queue.arrange(NOW, 0)
    order = []
    while (item := queue.take()) is not None:
        order.append(item.account)
        queue.finished(item, None, NOW, 0)
    assert "abababaa" == "".join(order)


def test_what_failed_waits_and_nothing_else_does():
    queue = WorkQueue()
    lined_up(queue, [due("bad"), due("good")])
    bad, good = taken(queue)
    queue.failed(bad, "no", NOW)
    queue.finished(good, None, NOW, 0)
    for seconds, expected in ((0.9, []), (1.0, ["bad"])):
        lined_up(queue, [due("bad")], NOW + timedelta(seconds=seconds))
        assert expected == names(taken(queue))
    queue.failed(bad, "no", NOW)
    lined_up(queue, [due("bad")], NOW + timedelta(seconds=1.9))
    assert [] == taken(queue)


def test_a_key_that_is_no_longer_due_is_forgotten_with_its_failures():
    queue = WorkQueue()
    lined_up(queue, [due("x")])
    (item,) = taken(queue)
    queue.failed(item, "no", NOW)
    lined_up(queue, [])
    assert [] == list(queue.items("work"))


def test_a_run_may_ask_for_the_next():
    queue = WorkQueue()
    lined_up(queue, [due("x")])
    (item,) = taken(queue)
    queue.finished(item, NOW + timedelta(seconds=30), NOW, 0)
    lined_up(queue, [], NOW + timedelta(seconds=29))
    assert [] == taken(queue)
    assert queue.next_scheduled() == NOW + timedelta(seconds=30)
    lined_up(queue, [], NOW + timedelta(seconds=30))
    assert ["x"] == names(taken(queue))
    assert queue.next_scheduled() is None, "it runs"


def test_a_key_that_stays_due_does_not_spin():
    queue = WorkQueue()
    lined_up(queue, [due("x")])
    (item,) = taken(queue)
    queue.finished(item, None, NOW, 7)
    lined_up(queue, [due("x")], revision=7)
    assert [] == taken(queue)
    lined_up(queue, [due("x")], revision=8)
    (item,) = taken(queue)
    queue.finished(item, None, NOW, 8)
    lined_up(queue, [due("x")], NOW + timedelta(seconds=1), revision=8)
    assert ["x"] == names(taken(queue))


def test_when_the_clock_goes_back_waiting_is_no_longer():
    queue = WorkQueue()
    lined_up(queue, [due("x")])
    (item,) = taken(queue)
    queue.failed(item, "no", NOW)
    back = NOW - timedelta(hours=1)
    lined_up(queue, [due("x")], back)
    assert [] == taken(queue)
    lined_up(queue, [due("x")], back + timedelta(seconds=1))
    assert ["x"] == names(taken(queue))


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), max_size=30, unique=True),
    st.lists(st.sampled_from(["finish", "fail", "arrange"]), max_size=60),
    st.integers(1, 6),
)
def test_bounds_hold_whatever_happens_and_nothing_is_lost(keys, events, concurrency):
    queue = WorkQueue(concurrency)
    dues = [due(f"{account}{n}", account) for account, n in keys]
    now, running = NOW, []
    lined_up(queue, dues)
    for revision, event in enumerate(events):
        running += taken(queue)
        assert len(running) == queue.running <= concurrency
        assert len({item.key for item in running}) == len(running)
        for account in "abc":
            of_it = sum(1 for item in running if item.account == account)
            assert of_it <= max(1, concurrency // 2)
        if event == "arrange":
            now += timedelta(seconds=61)
            lined_up(queue, dues, now, revision)
        elif running:
            item = running.pop(0)
            if event == "finish":
                queue.finished(item, None, now, revision)
            else:
                queue.failed(item, "no", now)
    for item in running:
        queue.finished(item, None, now, 0)
    seen = set()
    # Accounts take turns, so a key may wait for a run of each other account before each of its own.
    for round_ in range(3 * len(dues)):
        now += timedelta(seconds=61)
        lined_up(queue, dues, now, 1000 + round_)
        for item in taken(queue):
            seen.add(item.key)
            queue.finished(item, None, now, 1000 + round_)
    assert {each.key for each in dues} == seen
