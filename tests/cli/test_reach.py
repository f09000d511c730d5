"""`understudy reach`, as far as it needs no server."""

from __future__ import annotations

import pytest

from understudy_aws.cli import reach
from understudy_aws.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("", "10.0.0.1:80"), "FROM is empty"),
        (("eni-1", ""), "TO is empty"),
        (("eni-1", ":80"), "TO is empty"),
        (("eni-1", "10.0.0.1:http"), "A port is a number between 1 and 65535"),
        (("eni-1", "10.0.0.1:90-80"), "A port is a number between 1 and 65535"),
    ],
)
def test_what_asks_for_nothing_is_refused_in_one_sentence(words, said, tmp_path, capsys):
    assert main(["reach", *words, "--state", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


PATH = {
    "from": "eni-1", "address": "10.0.0.4", "subnet": "subnet-1", "to": "198.18.255.1", "interface": "", "attached": True,
    "hypothetical": False, "protocol": "tcp", "ports": [443, 443], "passes": True, "hops": [], "changes": [], "advice": "",
}  # fmt: skip


REFUSED = {
    **PATH, "passes": False, "hops": [{"at": "sg-1", "passes": False, "why": "no rule", "answer": False}],
    "changes": ["aws one"], "alternatives": ["aws for-group"], "rests_on": "Ports are Linux's.",
}  # fmt: skip


def test_a_group_stands_beside_an_address_and_others_that_need_another_call_are_counted(
    monkeypatch, tmp_path, capsys
):
    others = [{**REFUSED, "address": f"10.0.0.{number}", "changes": [f"aws {number}"]} for number in range(7)]
    answer = {
        "target": "10.0.0.9", "passes": False, "paths": [REFUSED, *others], "alike": [list(range(8))],
        "not_looked_at": 0, "obstacle": "", "node": "",
    }  # fmt: skip
    monkeypatch.setattr(reach, "ask", lambda _settings, _request: dict(answer))
    assert main(["reach", "subnet-1", "10.0.0.9", "--state", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "  aws one\n  or, for all in its group: aws for-group\nPorts are Linux's.\n" in said
    assert (
        "and 2 more\n7 of these need changes with other addresses than the first, which --json has." in said
    )


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("aws:sts", "TCP 443 from eni-1 (10.0.0.4) to aws:sts, at 198.18.255.1, passes."),
        ("198.18.255.1", "TCP 443 from eni-1 (10.0.0.4) to 198.18.255.1 passes."),
    ],
)
def test_an_api_is_called_by_its_name_beside_its_address(monkeypatch, tmp_path, capsys, target, said):
    answer = {
        "target": target, "passes": True, "paths": [PATH], "alike": [[0]], "not_looked_at": 0, "obstacle": "", "node": "",
    }  # fmt: skip
    monkeypatch.setattr(reach, "ask", lambda _settings, _request: dict(answer))
    assert main(["reach", "eni-1", target, "--state", str(tmp_path)]) == 0
    assert said in capsys.readouterr().out
