"""Which known name is meant."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.data import service_catalogue
from understudy_aws.policy.language.nearest_names import (
    Vocabulary,
    nearest,
    nearest_action,
    nearest_namespace,
    nearest_service,
)

INSTANCES = [action.name for action in service_catalogue.service("ec2").actions.values()]


@pytest.mark.parametrize(
    ("prefix", "written", "meant"),
    [
        ("s3", "GetObjects", "s3:GetObject"),
        ("ec2", "DescribeInstance", "ec2:DescribeInstances"),
        ("ec2", "describeinstances", "ec2:DescribeInstances"),
        ("apprunner", "CreateVpcConector", "apprunner:CreateVpcConnector"),
        ("iam", "CreateServiceLinkRole", "iam:CreateServiceLinkedRole"),
        ("s3", "Fly", None),
        ("nothing", "GetObject", None),
    ],
)
def test_the_action_that_is_meant_is_found(prefix, written, meant):
    assert meant == nearest_action(prefix, written)


def test_of_two_that_are_as_much_alike_the_first_is_found():
    # Whatever order the pairs of letters come out of their set.
    script = (
        "from understudy_aws.policy.language.nearest_names import nearest_region as n; print(n('us-esat-1'))"
    )
    for seed in ("1", "2", "3", "4", "5", "6"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout == "us-east-1\n"


def test_services_are_found():
    assert "dynamodb" == nearest_service("dynamdb")
    assert "elasticloadbalancing" == nearest_namespace("elasticloadbalancer")
    assert nearest_service("xyzzy") is None


@given(st.sampled_from(INSTANCES), st.data())
def test_a_name_with_one_letter_lost_is_found_or_another_as_near(name, data):
    place = data.draw(st.integers(0, len(name) - 1))
    written = name[:place] + name[place + 1 :]
    found = Vocabulary(INSTANCES).nearest(written)
    assert found is not None
    # Another action may be as near, such as its plural.
    assert abs(len(found) - len(written)) <= 1


@given(st.text(max_size=200))
def test_any_text_is_answered_with_a_known_name_or_none(text):
    assert nearest(text, ["Action", "Effect"]) in ("Action", "Effect", None)
