"""Words of the command line made into a question."""

from __future__ import annotations

import pytest

from understudy.cli.explain import context_of
from understudy.cli.main import main
from understudy.core.errors import UserError


def test_a_key_given_twice_holds_a_list():
    assert {"a": "1", "b": ["2", "3", "4=5"]} == context_of(["a=1", "b=2", "b=3", "b=4=5"])


@pytest.mark.parametrize("word", ["a", "=1", ""])
def test_a_word_that_is_no_pair_is_refused(word):
    with pytest.raises(UserError, match="KEY=VALUE"):
        context_of([word])


@pytest.mark.parametrize(
    "arguments",
    [[], ["--as", "arn:aws:iam::000000000000:root"], ["some-id", "--as", "arn:aws:iam::000000000000:root"]],
)
def test_half_a_question_is_one_sentence(arguments, capsys):
    assert 2 == main(["explain", *arguments])
    assert capsys.readouterr().err.startswith("understudy: Give a request id")
