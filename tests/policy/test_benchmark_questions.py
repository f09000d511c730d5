"""The benchmark compares right answers only, so ours to its questions are checked here."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "policy"
PRINCIPALS = 50


@pytest.fixture
def benchmark(monkeypatch):
    """Imports a module of the benchmark, whose modules find each other in their own folder."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


@pytest.mark.parametrize("row", ["seed", "layers", "statements", "principals"])
def test_every_question_of_the_benchmark_is_answered_right(benchmark, row):
    given = benchmark("questions").everything(PRINCIPALS)
    engine = benchmark("understudy_engine")
    documents = {name: engine.compile_document(each) for name, each in given["documents"].items()}
    (asked,) = [each for each in given["rows"] if each["row"] == row]
    wrong = [
        (question["action"], question["resource"], question["context"])
        for who, bindings in zip(asked["principals"], engine.subjects(asked, documents), strict=True)
        for question in who["questions"]
        if engine.is_allowed(engine.decide(engine.request(question, who, given["always"]), bindings))
        is not question["allowed"]
    ]
    assert [] == wrong


def test_every_document_is_there_in_both_languages(benchmark):
    documents = benchmark("questions").documents(PRINCIPALS)
    asked = {
        name
        for row in benchmark("questions").rows(PRINCIPALS)
        for who in row["principals"]
        for level in (who["identity"], [who["boundary"]] if who["boundary"] else [], *who["scps"])
        for name in level
    }
    assert asked == set(documents)
    assert [] == [name for name, each in documents.items() if set(each) != {"aws", "cedar"}]
