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


def test_the_exit_code_says_whether_it_is_allowed(left_state, capsys):
    administrator = "arn:aws:iam::000000000000:user/Administrator"
    question = ["explain", "--as", administrator, "--action", "ec2:CreateVpc", "--state", left_state]
    assert 0 == main(question)
    assert capsys.readouterr().out.startswith("ALLOWED  ec2:CreateVpc on *\n")
    assert 2 == main([*question, "--as", "arn:aws:iam::000000000000:user/nobody"])
    assert "understudy: There is no user nobody in account 000000000000.\n" == capsys.readouterr().err
