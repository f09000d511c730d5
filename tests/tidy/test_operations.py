"""The registry as a whole: every operation exists at AWS, takes what AWS takes, and needs a permission."""

from __future__ import annotations

import inspect
from pathlib import Path

import botocore
import pytest
from permissions import table
from refusals import refusal
from samples import GIVEN, valid

from understudy_aws.data.newer_actions import newer_actions
from understudy_aws.data.service_catalogue import action as find_action
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

OPERATIONS = sorted(Registry(SERVICES), key=lambda operation: operation.action)
GOLDEN = Path(__file__).parent.parent / "golden" / "permissions.txt"
# Handled by the pipeline, for every operation alike.
THE_PIPELINES = {"dry_run"}
# The newest description that was compared with the functions, and its members that none of them takes.
COMPARED_WITH = (1, 44, 8)
# Replicas of secrets, managed kinds of them, rotation, and several policies of one.
NOT_TAKEN = {"add_replica_regions", "force_overwrite_replica_secret", "cross_account_primary_arn"}
NOT_TAKEN |= {"type", "rotation_token", "policy_name"}
# Policies inside parameters, and shares that Resource Access Manager made.
NOT_TAKEN |= {"policies", "deletion_mode"}
# Trusted identity propagation of SAML providers, and what goes through IAM Identity Center.
NOT_TAKEN |= {"context_provider", "identity_center_instance_arn"}
NOT_TAKEN |= {"remove_context_provider", "remove_identity_center_instance"}
# Exclusions of tags from mutability.
NOT_TAKEN |= {"image_tag_mutability_exclusion_filters"}
# Answered to any caller whose signature is good (sts.md 3.2).
FOR_EVERYONE = {"sts:GetCallerIdentity", "sts:GetSessionToken"}


def untaken(operation) -> set[str]:
    """The members of AWS's input that the function does not take."""
    shape = load(operation.service).operation(operation.name)
    assert shape is not None, f"AWS has no {operation.action}"
    return set(shape.members) - THE_PIPELINES - operation.takes


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_its_signature_is_the_api(operation):
    shape = load(operation.service).operation(operation.name)
    parameters = inspect.signature(operation.function).parameters
    assert operation.takes <= set(shape.members)
    # Where one function serves several operations it names no parameter, and requires none.
    named = operation.takes & parameters.keys()
    required = {name for name in named if parameters[name].default is inspect.Parameter.empty}
    assert set(shape.required) == required


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.action)
def test_a_member_is_left_out_on_purpose_or_is_new(operation):
    """AWS adds members at any time, and whoever installs this gets the newest description."""
    if tuple(map(int, botocore.__version__.split(".")[:3])) <= COMPARED_WITH:
        assert untaken(operation) <= NOT_TAKEN


def test_a_member_that_is_not_taken_is_refused_by_name():
    """Whichever they are in the description that is installed."""
    refused = [(operation, member) for operation in OPERATIONS for member in sorted(untaken(operation))]
    named = []
    with Understudy() as understudy:
        for operation, member in refused:
            shape = load(operation.service).operation(operation.name).input
            wire_name = next(each for each in shape.members if snake(each) == member)
            params = {**valid(shape), wire_name: valid(shape.members[wire_name].shape)}
            told = refusal(getattr(understudy.client(operation.service), snake(operation.name)), **params)
            # A role that is not there cannot be assumed, nor one by a text that is no token, whatever else is asked.
            if not operation.action.startswith(("sts:AssumeRole", "sts:AssumeRoot")):
                assert (operation.action, "NotImplemented") == (operation.action, told.code)
                assert wire_name in told.message
                named.append(wire_name)
    assert named, "AWS's descriptions have had such members for as long as these functions exist"


def test_only_the_documented_few_need_no_permission():
    assert FOR_EVERYONE == {operation.action for operation in OPERATIONS if operation.on is None}


def test_every_action_has_the_prefix_that_iam_knows():
    """It is the name under which requests to the service are signed."""
    for operation in OPERATIONS:
        assert f"{load(operation.service).signing_name}:{operation.name}" == operation.action
        prefix, _, own = operation.action.partition(":")
        newer = own.lower() in newer_actions(prefix)
        assert newer or find_action(operation.action) is not None, operation.action


@pytest.mark.timeout(300)
def test_what_callers_need_is_what_is_written_down(request):
    """A change of permissions is a line in this file's difference (`--update-golden` writes it).

    Every operation is called, with what it requires and with all it takes, and each question put to the policies is
    written down: those of implied actions and of the calls that a service makes for it too.
    """
    text = "\n".join(table(OPERATIONS)) + "\n"
    if request.config.getoption("--update-golden", default=False):
        GOLDEN.write_text(text)
    assert GOLDEN.read_text() == text


def test_the_table_has_every_operation_and_what_is_implied():
    """The documented few; a table that lost them would be a table of names."""
    found: dict[str, set[str]] = {}
    for line in GOLDEN.read_text().splitlines():
        if not line.startswith(" "):
            current = found.setdefault(line, set())
        elif line.strip() not in ("any caller", "whoever shows a good token"):
            current.add(line.split()[line.split().index("on") - 1])
    assert [operation.action for operation in OPERATIONS] == list(found)
    for operation, implied in {
        "iam:AddRoleToInstanceProfile": "iam:PassRole",
        "iam:CreateRole": "iam:TagRole",
        "iam:CreateUser": "iam:TagUser",
        "ec2:CreateVpc": "ec2:CreateTags",
        "ec2:CreateNetworkInterface": "ec2:CreateTags",
        "apprunner:CreateVpcConnector": "iam:CreateServiceLinkedRole",
        "organizations:CreateOrganization": "iam:CreateServiceLinkedRole",
        "sts:AssumeRole": "sts:TagSession",
    }.items():
        assert {operation, implied} <= found[operation], operation


def test_a_caller_without_policies_is_refused_everything():
    """Called with parameters of the right shape by a user who may do nothing, each answers a denial.

    Those that know their callers by a token have no such user.
    """
    with Understudy() as understudy:
        nobody = understudy.user("nobody")
        for operation in OPERATIONS:
            # Where a token or an assertion says who it is, there is nobody before that is verified.
            if operation.on is None or operation.identifies is not None:
                continue
            client = understudy.client(operation.service, as_=nobody)
            shape = load(operation.service).operation(operation.name)
            params = {**(valid(shape.input) if shape.input else {}), **GIVEN.get(operation.action, {})}
            told = refusal(getattr(client, snake(operation.name)), **params)
            assert told.code in ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation"), told
