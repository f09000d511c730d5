"""Fuzzes the decision: two interpreters and an oracle agree, and the remedies do what they promise."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

with atheris.instrument_imports(include=["understudy_aws"]):
    from inventions import invention
    from lots import Lots
    from oracle import answer

    from understudy_aws.policy import MalformedPolicy, decide, explain, render
    from understudy_aws.policy.explanation.remedy import MAX_REMEDIES, with_remedy


def one_input(data: bytes) -> None:
    try:
        made = invention(Lots(data))
    except MalformedPolicy:
        # Its strings hold NUL or half of a surrogate pair, which no document may.
        return
    question, bindings = made.question, made.bindings
    decision = decide(question, bindings)
    assert answer(question, made.documents) == decision.effect, (made.question, made.documents, decision)
    explanation = explain(question, bindings)
    assert explanation.decision == decision, (made.question, made.documents)
    assert decide(question, bindings) == decision
    render(explanation)
    json.dumps(explanation.to_dict())
    for remedy in explanation.remedies:
        bindings = with_remedy(bindings, remedy)
    enough = len(explanation.remedies) < MAX_REMEDIES
    assert decide(question, bindings).allowed or not enough, (
        made.question,
        made.documents,
        explanation.remedies,
    )


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
