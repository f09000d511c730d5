"""Answers in the order of their requests, each as soon as what it tells is durable."""

from __future__ import annotations

from understudy_aws.core.http import HttpRequest
from understudy_aws.server.answers import Answer, AnswerQueue
from understudy_aws.store.durability import Durability

REQUEST = HttpRequest("GET", "/", "", {}, b"")


def answer(text: bytes, durability=None):
    return Answer((text,), len(text), durability, REQUEST)


class Collected:
    """A queue, and what has left it so far."""

    def __init__(self) -> None:
        self.left: list[bytes] = []
        self.queue = AnswerQueue(lambda _: answer(b"not kept"), self.ready)

    def ready(self) -> None:
        self.left += self.queue.take()


def test_an_answer_waits_for_its_own_write_and_for_those_before_it():
    collected, first, second = Collected(), Durability(), Durability()
    for text, durability in ((b"a", first), (b"b", second), (b"c", None)):
        collected.queue.append(answer(text, durability))
    collected.ready()
    assert [] == collected.left
    second.finish(None)
    assert [] == collected.left
    first.finish(None)
    assert [b"a", b"b", b"c"] == collected.left
    assert (0, False) == (collected.queue.size, bool(collected.queue))


def test_what_is_durable_already_leaves_at_once():
    collected, done = Collected(), Durability()
    done.finish(None)
    collected.queue.append(answer(b"a", done))
    collected.ready()
    assert [b"a"] == collected.left


def test_every_answer_that_depends_on_a_failed_write_is_replaced():
    collected, failed, later = Collected(), Durability(), Durability()
    for text, durability in ((b"a", failed), (b"b", failed), (b"c", later)):
        collected.queue.append(answer(text, durability))
    collected.ready()
    failed.finish(OSError("disk full"))
    assert [b"not kept", b"not kept"] == collected.left
    later.finish(None)
    assert [b"not kept", b"not kept", b"c"] == collected.left
    assert 0 == collected.queue.size


def test_nobody_is_told_after_the_end():
    collected, turn = Collected(), Durability()
    collected.queue.append(answer(b"a", turn))
    collected.ready()
    collected.queue.close()
    turn.finish(None)
    assert [] == collected.left
