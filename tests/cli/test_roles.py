"""The catalogue for people and for programs."""

from __future__ import annotations

import json

from understudy_aws.cli.main import main
from understudy_aws.data import service_linked_roles


def listed(capsys, left_state, *options):
    assert 0 == main(["roles", "--state", left_state, *options])
    return capsys.readouterr().out


def test_every_role_has_its_principal_and_its_policy(left_state, capsys):
    lines = listed(capsys, left_state).splitlines()
    at = lines.index("AWSServiceRoleForAppRunnerNetworking")
    assert [
        "  networking.apprunner.amazonaws.com  documented",
        "  AppRunnerNetworkingServiceRolePolicy",
    ] == lines[at + 1 : at + 3]
    assert {role.principal for role in service_linked_roles.catalogue()} <= {
        line.split()[0] for line in lines if line.strip()
    }


def test_the_list_fits_a_terminal_of_80_columns(left_state, capsys):
    assert max(len(line) for line in listed(capsys, left_state).splitlines()) <= 80


def test_a_role_with_a_suffix_is_shown_as_one(left_state, capsys):
    assert "AWSServiceRoleForAutoScaling[_SUFFIX]" in listed(capsys, left_state).splitlines()


def test_policies_whose_roles_are_not_known_are_said_to_be_so(left_state, capsys):
    known, _, unknown = listed(capsys, left_state).partition("\n\n")
    assert "cannot be created here" in unknown
    assert "  AWSEnhancedClassicNetworkingMangementPolicy" in unknown.splitlines()
    assert "AWSEnhancedClassicNetworkingMangementPolicy" not in known


def test_only_those_that_exist(left_state, capsys):
    assert {"roles": [], "unknown": []} == json.loads(listed(capsys, left_state, "--existing", "--json"))
    assert "" == listed(capsys, left_state, "--existing")


def test_for_programs_each_has_its_confidence_and_its_source(left_state, capsys):
    answer = json.loads(listed(capsys, left_state, "--json"))
    assert all(role["confidence"] and role["source"] for role in answer["roles"])
    assert {"policy", "source"} == set(answer["unknown"][0])
