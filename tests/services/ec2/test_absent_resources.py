"""What there is none of is an empty list, and what is named does not exist."""

from __future__ import annotations

import pytest
from refusals import refusal

from understudy_aws.gateway.operations import operations_in
from understudy_aws.services.ec2 import absent_resources
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

OPERATIONS = sorted(operations_in([absent_resources]), key=lambda operation: operation.name)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_there_is_none(ec2, operation, refused):
    ask = getattr(ec2, snake(operation.name))
    answer = ask()
    lists = [value for name, value in answer.items() if name != "ResponseMetadata"]
    assert [[]] == lists
    members = load("ec2").operation(operation.name).members
    if "filters" in operation.takes:
        filters = [{"Name": "vpc-id", "Values": ["vpc-0123456789abcdef0"]}]
        assert answer.keys() == ask(Filters=filters).keys()
        with refused("MissingParameter"):
            ask(Filters=[{"Name": "vpc-id"}])
    if "max_results" in operation.takes:
        ask(MaxResults=5)
        with refused("InvalidParameterValue"):
            ask(MaxResults=1)
        with refused("InvalidParameterValue"):
            ask(NextToken="nothing")
    for name in operation.takes:
        if name.endswith("_ids") and name not in {"vpc_ids", "owner_ids", "restorable_by_user_ids"}:
            assert "x-0123456789abcdef0" in refusal(ask, **{members[name]: ["x-0123456789abcdef0"]}).message


@pytest.mark.parametrize(
    ("ask", "code", "text"),
    [
        (
            lambda ec2: ec2.describe_instances(InstanceIds=["i-0123456789abcdef0"]),
            "InvalidInstanceID.NotFound",
            "The instance ID 'i-0123456789abcdef0' does not exist",
        ),
        (
            lambda ec2: ec2.describe_images(ImageIds=["ami-0123456789abcdef0"]),
            "InvalidAMIID.NotFound",
            "The image id '[ami-0123456789abcdef0]' does not exist",
        ),
        (
            lambda ec2: ec2.describe_key_pairs(KeyNames=["mine"]),
            "InvalidKeyPair.NotFound",
            "The key pair 'mine' does not exist",
        ),
        (
            lambda ec2: ec2.describe_instance_types(InstanceTypes=["t3.micro"]),
            "InvalidInstanceType",
            "The following supplied instance types do not exist: [t3.micro]",
        ),
    ],
)
def test_what_is_named_does_not_exist(ec2, refused, ask, code, text):
    """Texts: public reports that quote AWS's answers."""
    with refused(code, text):
        ask(ec2)
