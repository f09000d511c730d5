"""An empty text counts as absent in EC2, in every parameter of every operation (ec2.md 7.2).

localstack#2788 and terraform-provider-aws#35639: Terraform sends `AvailabilityZone=` beside an id, and AWS takes it.
"""

from __future__ import annotations

import pytest
from raw_requests import action
from served import route

from understudy_aws.core.errors import ApiError
from understudy_aws.wire.ec2_query import _wire_name
from understudy_aws.wire.model import load

EC2 = load("ec2")
OPERATIONS = [
    found for name in sorted(EC2.operation_names) if (found := EC2.operation(name)).input is not None
]


def read(operation, *pairs):
    found = route(action("ec2", operation.name, *pairs))
    return found.protocol.read(found)


def parsed(operation, *pairs):
    found = route(action("ec2", operation.name, *pairs))
    return found.protocol.parse(found)


def members(operation, *, lists):
    """The parameters of an operation on the wire: those with one value, or lists of them."""
    for name, member in operation.input.members.items():
        shape = member.shape
        if lists and shape.type == "list" and shape.element.shape.type not in ("structure", "list"):
            yield f"{_wire_name(member, name)}.1"
        if not lists and shape.type not in ("structure", "list"):
            yield _wire_name(member, name)


def test_every_parameter_with_one_value():
    tried = 0
    for operation in OPERATIONS:
        for name in members(operation, lists=False):
            if name == "Value":
                continue
            assert {} == read(operation, (name, "")), (operation.name, name)
            tried += 1
    assert tried > 2500


def test_every_member_of_a_structure_but_a_value():
    tried = 0
    for operation in OPERATIONS:
        for name, member in operation.input.members.items():
            if member.shape.type != "structure":
                continue
            for inner, below in member.shape.members.items():
                if below.shape.type in ("structure", "list"):
                    continue
                wire = f"{_wire_name(member, name)}.{_wire_name(below, inner)}"
                if wire.endswith(".Value"):
                    continue
                assert {name: {}} == read(operation, (wire, "")), (operation.name, wire)
                tried += 1
    assert tried > 300


def test_an_element_of_a_list_cannot_be_empty():
    """ansible#29519: `Value () for parameter groupId is invalid. The value cannot be empty`."""
    tried = 0
    for operation in OPERATIONS:
        for name in members(operation, lists=True):
            if name == "Value.1":
                continue
            with pytest.raises(
                ApiError, match=r"Value \(\) for parameter \w+ is invalid. The value cannot be empty$"
            ):
                read(operation, (name, ""))
            tried += 1
    assert tried > 300


@pytest.mark.parametrize(
    ("name", "pairs", "value"),
    [
        ("CreateTags", [("ResourceId.1", "vpc-1"), ("Tag.1.Key", "a"), ("Tag.1.Value", "")], {"tags": [{"Key": "a", "Value": ""}]}),
        ("DescribeVpcs", [("Filter.1.Name", "tag:a"), ("Filter.1.Value.1", "")], {"filters": [{"Name": "tag:a", "Values": [""]}]}),
        ("ModifyNetworkInterfaceAttribute", [("NetworkInterfaceId", "eni-1"), ("Description.Value", "")], {"description": {"Value": ""}}),
    ],
)  # fmt: skip
def test_values_of_tags_filters_and_attributes_may_be_empty(name, pairs, value):
    """API reference, DeleteTags: a tag with an empty value is another than one without value."""
    found = parsed(EC2.operation(name), *pairs)
    assert value.items() <= found.items()


def test_what_is_required_is_missing_then():
    """Every operation names the first parameter it misses: moto#112 (`GroupDescription`)."""
    tried = 0
    for operation in OPERATIONS:
        required = [operation.input.members[name] for name in operation.input.required]
        if not required:
            continue
        pairs = [
            (_wire_name(member, name), "")
            for name, member in zip(operation.input.required, required, strict=True)
            if member.shape.type not in ("structure", "list")
        ]
        with pytest.raises(ApiError, match=r"The request must contain the parameter \w+$") as refused:
            parsed(operation, *pairs)
        assert "MissingParameter" == refused.value.code
        tried += 1
    assert tried > 400


@pytest.mark.parametrize(
    ("name", "pairs", "missing"),
    [
        ("CreateSecurityGroup", [("GroupName", "a"), ("GroupDescription", "")], "GroupDescription"),
        ("CreateSubnet", [("VpcId", "")], "VpcId"),
        ("CreateTags", [("Tag.1.Key", "a")], "resourceIdSet"),
        ("DeleteTags", [], "resourceIdSet"),
        ("CreateTags", [("ResourceId.1", "vpc-1")], "tagSet"),
        ("CreateDhcpOptions", [], "dhcpConfigurations"),
    ],
)
def test_names_of_what_is_missing(name, pairs, missing):
    """Reference ec2.md 7.3, 7.7: a single parameter is named as on the wire, a list has a name of its own."""
    with pytest.raises(ApiError) as refused:
        parsed(EC2.operation(name), *pairs)
    assert ("MissingParameter", f"The request must contain the parameter {missing}") == (
        refused.value.code,
        refused.value.message,
    )
