"""IAM's texts for names and paths, over every operation of its API description (iam.md 2.4)."""

from __future__ import annotations

import pytest

from understudy_aws.wire.model import load
from understudy_aws.wire.names import camel
from understudy_aws.wire.protocols import PROTOCOLS
from understudy_aws.wire.validation import validator

IAM, STS = load("iam"), load("sts")
OWN = {
    "path": "It must begin and end with / and contain only alphanumeric characters and/or / characters.",
    "prefix": "It must begin with the / character and contain only alphanumeric characters and/or / characters.",
    "name": "It must contain only alphanumeric characters and/or the following: +=,.@_-",
}


def told(service, operation, params):
    problems = []
    validator(operation.input)(params, "", "", problems)
    return PROTOCOLS["query"].invalid(service, problems).message


def patterned():
    """Every parameter of every operation that has a pattern, and can be given alone."""
    for name in sorted(IAM.operation_names):
        operation = IAM.operation(name)
        for member, of in (operation.input.members if operation.input else {}).items():
            if of.shape.type == "string" and of.shape.pattern:
                yield operation, member


def kind(member):
    if member in ("Path", "NewPath"):
        return "path"
    if member == "PathPrefix":
        return "prefix"
    return "name" if member.endswith("Name") and member != "AWSServiceName" else None


def only(operation, member, value):
    """The problems of this parameter; those that are missing are no concern here."""
    problems = []
    validator(operation.input.members[member].shape)(value, camel(member), member, problems)
    return PROTOCOLS["query"].invalid(IAM, problems).message


CASES = list(patterned())


def test_there_are_parameters_of_each_kind():
    counts = {each: sum(kind(member) == each for _, member in CASES) for each in ("path", "prefix", "name")}
    assert counts["path"] >= 10
    assert counts["prefix"] >= 10
    assert counts["name"] >= 100


@pytest.mark.parametrize(("operation", "member"), CASES, ids=lambda part: getattr(part, "name", part))
def test_each_has_its_own_text_and_no_other_has(operation, member):
    """Logs of 2017 to 2024, such as cfn-lint#3020 and amazon.aws#2065."""
    message = only(operation, member, "\x01\x02\x03\x04\x05\x06\x07\x08\x0e")
    own = kind(member)
    if own is not None:
        assert f"The specified value for {camel(member)} is invalid. {OWN[own]}" == message
    else:
        assert f"detected: Value at '{camel(member)}' failed to satisfy constraint: Member must " in message


def test_a_length_keeps_the_general_text_and_is_told_first():
    role = IAM.operation("CreateRole")
    message = told(IAM, role, {"RoleName": "a b" * 40, "AssumeRolePolicyDocument": "{}"})
    assert message == (
        "1 validation error detected: Value at 'roleName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_other_services_keep_the_general_text():
    message = told(STS, STS.operation("GetFederationToken"), {"Name": "a b"})
    assert message.startswith("1 validation error detected: Value 'a b' at 'name' failed")
