"""How one engine is measured: answers checked first, then CPU time per decision, in a process of its own.

An engine is a module with `request(question, principal, always)`, `compile_document(document)`,
`subjects(row, documents)` (what each principal is bound by), `decide(request, subject)`, `is_allowed(answer)` and
`compile_text(texts)`. What a decision takes is made beforehand, in the engine's own form, and only `decide` is timed.
`UNSERVED` says by row why it is not asked.
"""

from __future__ import annotations

import gc
import itertools
import json
import resource
import statistics
import sys
import time
from pathlib import Path

SECONDS, ROUNDS = 0.14, 7
PAGE = resource.getpagesize()


def resident():
    """Resident bytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def measure(engine, given):
    """One line of figures per row, as JSON."""
    documents = {
        name: engine.compile_document(document)
        for name, document in given["documents"].items()
        if not name.startswith("home-")
    }
    for row in given["rows"]:
        if row["row"] in engine.UNSERVED:
            yield {"row": row["row"], "unserved": engine.UNSERVED[row["row"]]}
        else:
            yield measure_row(engine, given, row, documents)
    yield {"row": "compile", **compiling(engine, given)}


def measure_row(engine, given, row, documents):
    asked = [
        (engine.request(question, who, given["always"]), question["allowed"])
        for who in row["principals"]
        for question in who["questions"]
    ]
    before, start = resident(), time.process_time()
    own = {
        name: engine.compile_document(given["documents"][name])
        for who in row["principals"]
        for name in who["identity"]
        if name not in documents
    }
    subjects = engine.subjects(row, {**documents, **own})
    built = time.process_time() - start
    of_each = [
        subject for subject, who in zip(subjects, row["principals"], strict=True) for _ in who["questions"]
    ]
    pairs = [(request, subject) for subject, (request, _allowed) in zip(of_each, asked, strict=True)]
    decide, is_allowed = engine.decide, engine.is_allowed
    right = sum(
        is_allowed(decide(request, subject)) is allowed
        for (request, subject), (_request, allowed) in zip(pairs, asked, strict=True)
    )
    kept = resident() - before
    return {
        "row": row["row"],
        "microseconds": time_of(decide, pairs),
        "right": right,
        "asked": len(pairs),
        "build_seconds": round(built, 3),
        "mebibytes": round(kept / 2**20, 1),
    }


def time_of(decide, pairs):
    """CPU microseconds per decision: the median of rounds that go on where the last one stopped."""
    passed = spend(decide, pairs[:200])
    count = max(1, int(SECONDS / (passed / min(len(pairs), 200))))
    if len(pairs) <= 100:
        count = max(1, round(count / len(pairs))) * len(pairs)
    endless = itertools.cycle(pairs)
    samples = []
    gc.collect()
    gc.freeze()
    gc.disable()
    for _ in range(ROUNDS):
        chunk = list(itertools.islice(endless, count))
        samples.append(spend(decide, chunk) / count * 1e6)
    gc.enable()
    return statistics.median(samples)


def spend(decide, pairs):
    """CPU seconds for one pass, the loop included."""
    start = time.process_time()
    for request, subject in pairs:
        decide(request, subject)
    return time.process_time() - start


def compiling(engine, given):
    """CPU milliseconds to read and compile one document never seen before, by document."""
    if "compile" in engine.UNSERVED:
        return {"unserved": engine.UNSERVED["compile"]}
    spent = {}
    for label, name in given["compile"].items():
        fresh = [
            {
                language: (text if language == "cedar" else json.dumps(text))
                .replace("AWSAppRunnerManaged", f"Managed{number}")
                .replace("svc0", f"svc{number}x")
                for language, text in given["documents"][name].items()
            }
            for number in range(120)
        ]
        samples = []
        for each in fresh:
            start = time.process_time()
            engine.compile_text(each)
            samples.append((time.process_time() - start) * 1e3)
        spent[label] = statistics.median(samples)
    return spent


def main(engine):
    """Measure `engine` with the questions in the file named last on the command line."""
    given = json.loads(Path(sys.argv[-1]).read_text())
    print(json.dumps({"version": engine.VERSION}), flush=True)
    for figures in measure(engine, given):
        print(json.dumps(figures), flush=True)
