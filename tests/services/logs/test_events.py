"""Events: what is taken, in which order and in which pages they are given, and for how long they are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import refused

from understudy_aws.services.logs import chunks
from understudy_aws.services.logs.records import group_usages, log_groups
from understudy_aws.testing import Understudy

HOUR = 60 * 60 * 1000
DAY = 24 * HOUR


def test_what_was_put_is_given_in_the_order_of_time(stream):
    now = stream.now()
    stream.put("c", "d", at=now)
    stream.put("a", "b", at=now - 10)
    stream.put("🙀 - 参よ", at=now + 5)
    assert ["a", "b", "c", "d", "🙀 - 参よ"] == stream.texts()
    assert ["a", "b", "c", "d", "🙀 - 参よ"] == stream.filtered()
    assert ["b", "c"] == stream.texts(startTime=now - 9, endTime=now + 1)
    assert ["b", "c"] == stream.filtered(startTime=now - 9, endTime=now)


class TestWhatIsRefused:
    """logs.md 21.1."""

    def test_events_out_of_order(self, stream):
        now = stream.now()
        events = [{"timestamp": now, "message": "a"}, {"timestamp": now - 1, "message": "b"}]
        with refused(
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        ):
            stream.client.put_log_events(**stream.place, logEvents=events)

    def test_more_than_a_day_at_once(self, stream):
        now = stream.now()
        events = [{"timestamp": now - DAY - 1, "message": "a"}, {"timestamp": now, "message": "b"}]
        with refused(
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ):
            stream.client.put_log_events(**stream.place, logEvents=events)

    def test_a_batch_that_is_too_large(self, stream):
        assert not stream.put("x" * (1_048_576 - 26)).get("rejectedLogEventsInfo")
        with refused("InvalidParameterException", "Upload too large: 1048577 bytes exceeds limit of 1048576"):
            stream.put("x" * (1_048_576 - 25))

    def test_too_many_events(self, stream):
        with refused("InvalidParameterException"):
            stream.put(*["x"] * 10_001)

    def test_a_stream_that_is_not_there(self, stream):
        with refused("ResourceNotFoundException", "The specified log stream does not exist."):
            stream.put("x", name="none")

    def test_tokens_that_nobody_gave(self, stream):
        for token in ("invalid-token", "f/12/s", "x"):
            with refused("InvalidParameterException", "The specified nextToken is invalid."):
                stream.client.get_log_events(**stream.place, nextToken=token)
            with refused("InvalidParameterException", "The specified nextToken is invalid."):
                stream.client.filter_log_events(logGroupName=stream.group, nextToken=token)


def test_what_is_too_old_or_too_new_is_left_out_and_told(stream):
    now = stream.now()
    times = [now - 15 * DAY, now, now + HOUR, now + 2 * HOUR + 60_000]
    told = stream.client.put_log_events(
        **stream.place, logEvents=[{"timestamp": at, "message": str(at)} for at in times]
    )
    assert {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 3} == told["rejectedLogEventsInfo"]
    assert list(map(str, times[1:3])) == stream.texts()
    stream.client.put_retention_policy(logGroupName=stream.group, retentionInDays=1)
    told = stream.client.put_log_events(
        **stream.place,
        logEvents=[
            {"timestamp": now - 25 * HOUR, "message": "expired"},
            {"timestamp": now - HOUR, "message": "a"},
        ],
    )
    assert {"expiredLogEventEndIndex": 1} == told["rejectedLogEventsInfo"]


def test_pages_go_forwards_and_backwards_and_follow_what_is_new(stream):
    now = stream.now()
    stream.put(*map(str, range(10)), at=now)

    def page(**asked):
        told = stream.client.get_log_events(**stream.place, limit=4, **asked)
        return "".join(each["message"] for each in told["events"]), told

    texts, newest = page()
    assert "6789" == texts
    texts, earlier = page(nextToken=newest["nextBackwardToken"])
    assert "2345" == texts
    assert "01" == page(nextToken=earlier["nextBackwardToken"])[0]
    assert "6789" == page(nextToken=earlier["nextForwardToken"])[0]
    texts, end = page(nextToken=newest["nextForwardToken"])
    assert ("", newest["nextForwardToken"]) == (texts, end["nextForwardToken"])
    stream.put("+", at=now + 20)
    assert "+" == page(nextToken=end["nextForwardToken"])[0]
    assert "0123" == page(startFromHead=True)[0]


def test_a_page_has_a_megabyte_at_most(stream):
    for number in range(3):
        stream.put(str(number) * 600_000)
    assert ["2"] == [each["message"][0] for each in stream.client.get_log_events(**stream.place)["events"]]
    first = stream.client.filter_log_events(logGroupName=stream.group)
    assert (1, True) == (len(first["events"]), "nextToken" in first)
    assert "012" == "".join(text[0] for text in stream.filtered())


def test_streams_of_a_group_are_interleaved_or_chosen(stream):
    now = stream.now()
    for name in ("two", "three"):
        stream.client.create_log_stream(logGroupName=stream.group, logStreamName=name)
    stream.put("1", at=now)
    stream.put("2", at=now + 1, name="two")
    stream.put("3", at=now + 2, name="three")
    stream.put("4", at=now + 3)
    assert ["1", "2", "3", "4"] == stream.filtered()
    assert ["2", "3"] == stream.filtered(logStreamNamePrefix="t")
    assert ["1", "2", "4"] == stream.filtered(logStreamNames=["one", "two"])
    assert ["4", "3", "2", "1"] == stream.filtered(startFromHead=False, PaginationConfig={"PageSize": 1})
    with refused("InvalidParameterException"):
        stream.filtered(logStreamNamePrefix="t", logStreamNames=["one"])
    with refused("ResourceNotFoundException", "The specified log stream does not exist."):
        stream.filtered(logStreamNames=["none"])
    ids = [each["eventId"] for each in stream.client.filter_log_events(logGroupName=stream.group)["events"]]
    assert 4 == len(set(ids))
    assert all(len(id) == 56 and id.isdecimal() for id in ids)


def test_a_search_that_finds_nothing_goes_on_in_pages(stream):
    for number in range(3):
        stream.put(*[f"text {number}"] * 9000)
    stream.put("needle", at=stream.now() + HOUR)
    told = stream.client.filter_log_events(logGroupName=stream.group, filterPattern="needle")
    assert ([], True) == (told["events"], "nextToken" in told)
    assert ["needle"] == stream.filtered("needle")


def test_expired_events_are_not_shown_and_then_deleted(stream):
    now = stream.now()
    stream.put("old", at=now - 2 * DAY)
    stream.put("new", at=now)
    stream.client.put_retention_policy(logGroupName=stream.group, retentionInDays=1)
    assert ["new"] == stream.texts()
    assert ["new"] == stream.filtered()
    stream.understudy.settle()
    assert 1 == len(kept(stream.understudy))
    stream.understudy.clock.advance(2 * 24 * 60 * 60)
    assert [] == stream.texts()


def kept(understudy):
    """The chunks that take space, and that nothing else does."""
    with understudy.app.database.transaction() as tx:
        found = list(chunks.chunks.scan(tx))
        weights = {each.group: each.weight for each in group_usages.scan(tx)}
        for group in {each.group for each in found}:
            assert weights[group] == sum(each.weight for each in found if each.group == group)
    understudy.app.database.flush()
    assert len(found) == understudy.app.database.store.count("logs/events")
    return found


def test_what_was_deleted_takes_no_space(stream):
    stream.put("x" * 30_000)
    stream.client.create_log_stream(logGroupName=stream.group, logStreamName="two")
    stream.put("y", name="two")
    stream.client.delete_log_stream(logGroupName=stream.group, logStreamName="two")
    stream.understudy.settle()
    assert 1 == len(kept(stream.understudy))
    stream.client.delete_log_group(logGroupName=stream.group)
    stream.understudy.settle()
    assert [] == kept(stream.understudy)
    stream.client.create_log_group(logGroupName=stream.group)
    stream.client.create_log_stream(**stream.place)
    assert [] == stream.filtered()


def test_a_group_keeps_the_newest_when_it_is_full(stream, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_OF_GROUP", 64 * 1024)
    for number in range(10):
        stream.put(f"{number}" * 15_000)
    assert "6789" == "".join(text[0] for text in stream.texts())
    assert 4 == len(kept(stream.understudy))


def test_all_groups_together_keep_the_newest_when_they_are_full(stream, monkeypatch):
    monkeypatch.setattr(chunks, "MOST_OF_STATE", 64 * 1024)
    stream.client.create_log_group(logGroupName="other")
    stream.client.create_log_stream(logGroupName="other", logStreamName="one")
    other = stream._replace(group="other")
    now = stream.now() - 10
    for number in range(5):
        # Of events of the same millisecond none is older.
        stream.put(f"{number}" * 15_000, at=now + 2 * number)
        other.put(f"{number}" * 15_000, at=now + 2 * number + 1)
    assert ["34", "34"] == ["".join(text[0] for text in each.texts()) for each in (stream, other)]
    assert 4 == len(kept(stream.understudy))


def test_a_call_that_is_undone_leaves_no_event(stream):
    before = stream.understudy.app.database.revision
    with pytest.raises(ZeroDivisionError), stream.understudy.app.database.transaction() as tx:
        group = next(log_groups.scan(tx))
        found = next(each for each in chunks.log_streams.scan(tx, group.id))
        chunks.append(tx, found, [(stream.now(), "never")], stream.now())
        raise ZeroDivisionError
    assert before == stream.understudy.app.database.revision
    assert [] == stream.texts()


def test_events_are_there_after_a_restart(tmp_path):
    with Understudy(state=str(tmp_path)) as understudy:
        logs = understudy.client("logs")
        logs.create_log_group(logGroupName="a")
        logs.create_log_stream(logGroupName="a", logStreamName="s")
        now = int(understudy.clock.now().timestamp() * 1000)
        logs.put_log_events(
            logGroupName="a", logStreamName="s", logEvents=[{"timestamp": now, "message": "kept"}]
        )
        administrator = understudy.administrator
    with Understudy(state=str(tmp_path), account="999999999999") as understudy:
        logs = understudy.client("logs", as_=administrator)
        (event,) = logs.get_log_events(logGroupName="a", logStreamName="s")["events"]
        assert ("kept", now) == (event["message"], event["timestamp"])


BATCHES = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.lists(st.tuples(st.integers(0, 400), st.integers(1, 3000)), min_size=1, max_size=6),
    ),
    max_size=12,
)


@settings(max_examples=25)
@given(BATCHES, st.integers(1, 5), st.booleans())
def test_every_event_is_given_once_and_in_order_whatever_the_pages(batches, size, head):
    """Against a list: events by time, then by stream, then in the order they came."""
    with Understudy() as understudy:
        logs = understudy.client("logs")
        logs.create_log_group(logGroupName="a")
        for number in range(3):
            logs.create_log_stream(logGroupName="a", logStreamName=str(number))
        base = int(understudy.clock.now().timestamp() * 1000) - HOUR
        model = []
        for number, (name, events) in enumerate(batches):
            ordered = sorted(events)
            texts = [
                (base + at, f"{number}-{place} " + "x" * length) for place, (at, length) in enumerate(ordered)
            ]
            model += [(at, name, text) for at, text in texts]
            logs.put_log_events(
                logGroupName="a",
                logStreamName=str(name),
                logEvents=[{"timestamp": at, "message": text} for at, text in texts],
            )
        wanted = sorted(model, key=lambda each: each[:2])
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName="a", startFromHead=head, PaginationConfig={"PageSize": size}
        )
        found = [
            (each["timestamp"], int(each["logStreamName"]), each["message"])
            for page in pages
            for each in page["events"]
        ]
        assert (wanted if head else wanted[::-1]) == found
        token: dict[str, str] = {}
        read: list[str] = []
        while True:
            told = logs.get_log_events(
                logGroupName="a", logStreamName="1", limit=size, startFromHead=head, **token
            )
            texts = [each["message"] for each in told["events"]]
            read = [*read, *texts] if head else [*texts, *read]
            following = told["nextForwardToken" if head else "nextBackwardToken"]
            if token and following == token["nextToken"]:
                break
            token = {"nextToken": following}
        assert [text for _, name, text in wanted if name == 1] == read
