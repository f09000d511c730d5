"""Background work: done, retried, kept; and a failure of one kind stops no other."""

from __future__ import annotations

import asyncio
import logging

from understudy.controllers.loop import Loop, Work
from understudy.core.clock import SetClock
from understudy.store.database import Database
from understudy.store.memory import MemoryStore
from understudy.store.tables import Record, Table


class Note(Record, frozen=True, kw_only=True):
    text: str


notes = Table("note", Note, key=lambda note: (note.text,))


def kept(store) -> list[str]:
    return [key for key, _ in store.load("note")]


def test_all_that_is_due_is_done_and_kept():
    left = [3]

    def work(tx, _now):
        if not left[0]:
            return 0
        left[0] -= 1
        notes.put(tx, Note(text=str(left[0])))
        return 1

    store = MemoryStore()
    loop = Loop(Database(store), SetClock(), [Work("count down", work)])
    assert 3 == loop.settle()
    assert ["0", "1", "2"] == kept(store)
    assert 0 == loop.settle()


def test_work_that_fails_leaves_nothing_and_stops_no_other(caplog):
    def fails(tx, _now):
        notes.put(tx, Note(text="half"))
        raise RuntimeError("no")

    def works(tx, _now):
        notes.put(tx, Note(text="whole"))
        return 0

    store = MemoryStore()
    loop = Loop(Database(store), SetClock(), [Work("fails", fails), Work("works", works)])
    with caplog.at_level(logging.ERROR):
        loop.once()
    assert ["whole"] == kept(store)
    assert "background work failed: fails" in caplog.text


def test_a_store_that_refuses_for_a_while_stops_no_loop(caplog):
    class FullDisk(MemoryStore):
        full = True

        def write(self, changes, entries):
            if self.full:
                raise OSError(28, "No space left on device")
            super().write(changes, entries)

    store = FullDisk()
    database = Database(store)

    def work(tx, _now):
        if notes.get(tx, "kept") is None:
            notes.put(tx, Note(text="kept"))
        return 0

    loop = Loop(database, SetClock(), [Work("work", work)])

    async def live() -> None:
        running = asyncio.create_task(loop.run())
        while not caplog.records:
            await asyncio.sleep(0.01)
        store.full = False
        while not kept(store):
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with caplog.at_level(logging.ERROR):
        asyncio.run(asyncio.wait_for(live(), 20))
    assert ["kept"] == kept(store)
