"""The catalogue for people and for programs."""

from __future__ import annotations

import json

from understudy.cli.main import main


def test_every_role_is_a_line_with_its_policy(left_state, capsys):
    assert 0 == main(["roles", "--state", left_state])
    lines = capsys.readouterr().out.splitlines()
    assert ["SERVICE", "PRINCIPAL", "ROLE", "POLICY", "EXISTS", "IN"] == lines[0].split()
    assert [
        "networking.apprunner.amazonaws.com",
        "AWSServiceRoleForAppRunnerNetworking",
        "AppRunnerNetworkingServiceRolePolicy",
        "-",
    ] in [line.split() for line in lines]


def test_only_those_that_exist(left_state, capsys):
    assert 0 == main(["roles", "--existing", "--json", "--state", left_state])
    assert {"roles": []} == json.loads(capsys.readouterr().out)
