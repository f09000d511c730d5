"""Where our own time goes: microseconds per question, and the functions they are spent in."""

from __future__ import annotations

import cProfile
import json
import pstats
import time

import understudy_engine as engine

SECONDS, ROUNDS = 0.05, 5


def show(given):
    """Print, per row of one principal, the time of each question, then the functions by their own time."""
    documents = {name: engine.compile_document(document) for name, document in given["documents"].items()}
    print(f"{1e6 * spent(nothing, None, None):6.3f} us  calling an empty function, loop included")
    for row in given["rows"]:
        if len(row["principals"]) > 1:
            continue
        (who,), (bindings,) = row["principals"], engine.subjects(row, documents)
        requests = [engine.request(question, who, given["always"]) for question in who["questions"]]
        print(f"\n{row['row']}")
        for question, request in zip(who["questions"], requests, strict=True):
            microseconds = 1e6 * spent(engine.decide, request, bindings)
            answer = "allow" if question["allowed"] else "deny"
            print(
                f"{microseconds:6.3f} us  {answer:<5}  {question['action']}  {json.dumps(question['context'])}"
            )
        functions(requests, bindings)


def nothing(_request, _subject):
    """What is measured besides a decision."""


def spent(decide, request, bindings):
    """CPU seconds for one answer: the best of a few rounds."""
    count, best = 1000, float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(count):
            decide(request, bindings)
        taken = (time.process_time() - start) / count
        count, best = max(1000, int(SECONDS / taken)), min(best, taken)
    return best


def functions(requests, bindings):
    """The calls of a thousand passes, by the time they keep for themselves; the profiler's own cost is in it."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(1000):
        for request in requests:
            engine.decide(request, bindings)
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(12)
