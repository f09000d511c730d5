"""Ordered indexes: what is due, found without looking at the rest."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.store.database import Database
from understudy_aws.store.memory import MemoryStore
from understudy_aws.store.tables import Record, Table


class Job(Record, frozen=True, kw_only=True):
    name: str
    kind: str
    due: int | None = None


def table() -> Table[Job]:
    return Table(
        "job",
        Job,
        key=lambda job: (job.name,),
        ordered={
            "due": lambda job: job.due,
            "due_of_kind": lambda job: None if job.due is None else (job.kind, job.due),
        },
    )


JOBS = st.builds(
    Job,
    name=st.sampled_from("abcdef"),
    kind=st.sampled_from(["delete", "make"]),
    due=st.none() | st.integers(0, 5),
)
# Whether a transaction is kept, and what it puts (a job) or deletes (a name).
TRANSACTIONS = st.lists(
    st.tuples(st.booleans(), st.lists(JOBS | st.sampled_from("abcdef"), max_size=5)), max_size=8
)


def check(jobs: Table[Job], tx, model: dict[str, Job]) -> None:
    expected = sorted((job.due, job.name) for job in model.values() if job.due is not None)
    assert expected == [(job.due, job.name) for job in jobs.in_order(tx, "due")]
    assert len(expected) == jobs.count_in_order(tx, "due")
    for low, high in ((None, 2), (2, None), (1, 3)):
        inside = [
            pair for pair in expected if (low is None or low <= pair[0]) and (high is None or pair[0] <= high)
        ]
        assert inside == [(job.due, job.name) for job in jobs.in_order(tx, "due", first=low, last=high)]
    of_kind = [pair for pair in expected if model[pair[1]].kind == "make" and pair[0] <= 3]
    found = jobs.in_order(tx, "due_of_kind", first=("make",), last=("make", 3))
    assert of_kind == [(job.due, job.name) for job in found]


@given(TRANSACTIONS)
def test_an_ordered_index_agrees_with_a_sorted_list_through_changes_and_rollbacks(transactions):
    store = MemoryStore()
    database, jobs = Database(store), table()
    model: dict[str, Job] = {}
    for kept, changes in transactions:
        after = dict(model)
        with contextlib.suppress(ZeroDivisionError), database.transaction() as tx:
            for change in changes:
                if isinstance(change, Job):
                    after[change.name] = jobs.put(tx, change)
                elif (found := jobs.get(tx, change)) is not None:
                    jobs.delete(tx, found)
                    del after[change]
            if not kept:
                raise ZeroDivisionError
        model = after if kept else model
        with database.transaction() as tx:
            check(jobs, tx, model)
    database.flush()
    with Database(store).transaction() as tx:
        check(table(), tx, model)
