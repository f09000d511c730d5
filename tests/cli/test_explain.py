"""Words of the command line made into a question."""

from __future__ import annotations

import json

import pytest

from understudy_aws.cli.explain import context_of
from understudy_aws.cli.main import main
from understudy_aws.core.errors import UserError

ROOT = "arn:aws:iam::000000000000:root"


def test_a_key_given_twice_holds_a_list():
    assert {"a": "1", "b": ["2", "3", "4=5"]} == context_of(["a=1", "b=2", "b=3", "b=4=5"])


@pytest.mark.parametrize("word", ["a", "=1", ""])
def test_a_word_that_is_no_pair_is_refused(word):
    with pytest.raises(UserError, match="KEY=VALUE"):
        context_of([word])


@pytest.mark.parametrize(
    "arguments",
    [["--as", ROOT], ["--action", "a:B"], ["some-id", "--as", ROOT], ["--resource", "x"]],
)
def test_half_a_question_is_one_sentence(arguments, capsys):
    assert 2 == main(["explain", *arguments])
    said = capsys.readouterr().err
    assert "--action" in said
    assert 1 == said.count("\n")


def test_the_exit_code_says_whether_it_is_allowed(left_state, capsys):
    administrator = "arn:aws:iam::000000000000:user/Administrator"
    question = ["explain", "--as", administrator, "--action", "ec2:CreateVpc", "--state", left_state]
    assert 0 == main(question)
    assert capsys.readouterr().out.startswith("ALLOWED  ec2:CreateVpc on *\n")
    assert 2 == main([*question, "--as", "arn:aws:iam::000000000000:user/nobody"])
    assert "understudy: There is no user nobody in account 000000000000.\n" == capsys.readouterr().err


ADMINISTRATOR = "arn:aws:iam::000000000000:user/Administrator"


def asked(left_state, *words) -> list[str]:
    return ["explain", "--state", left_state, "--as", ADMINISTRATOR, *words]


def test_the_exit_codes_are_written_down(capsys):
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "The exit code is 0 when the request was carried out or would be allowed, 1 when it was or would"
        in said
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--action", "ec2:DescribeVpcs"], 0),
        (["--action", "ec2:DescribeVpcs", "--as", ROOT], 0),
        (["--action", "ec2:DescribeVpcs", "--as", "ec2.amazonaws.com"], 1),
        (["--action", "sts:AssumeRole", "--resource", "arn:aws:iam::000000000000:role/absent"], 1),
        (["--action", "ec2:DescribeVpcs", "--as", "arn:aws:sts::000000000000:assumed-role/absent/x"], 2),
        (["--action", "DescribeVpcs"], 2),
    ],
)
def test_each_answer_has_its_exit_code(left_state, words, code, capsys):
    assert code == main(asked(left_state, *words))
    assert bool(capsys.readouterr().err) is (code == 2)


def test_an_action_that_is_none_is_remarked_on(left_state, capsys):
    assert 0 == main(asked(left_state, "--action", "ec2:DescribeVpc"))
    assert (
        "ec2 has no action DescribeVpc: no request asks for it. Is ec2:DescribeVpcs meant?"
        in capsys.readouterr().out
    )


def test_a_program_gets_everything_on_one_line(left_state, capsys):
    assert 0 == main(asked(left_state, "--action", "ec2:CreateVpc", "--json"))
    answer = json.loads(capsys.readouterr().out)
    assert ("allow", "identity", 0) == (answer["effect"], answer["layer"], answer["statement"])
    assert {"start", "end"} == set(answer["position"])
    statement = answer["layers"][0]["statements"][0]
    assert answer["position"] == statement["position"]
    assert ["names-no-resource"] == [remark["kind"] for remark in answer["remarks"]]


def test_a_request_nobody_made_is_one_sentence(left_state, capsys):
    assert 2 == main(["explain", "nothing", "--state", left_state])
    assert capsys.readouterr().err.startswith("understudy: The trail holds no request nothing.")
