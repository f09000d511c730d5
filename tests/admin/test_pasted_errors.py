"""A refusal that is pasted leads to the call it is about, also where AWS names the resource in words (policies.md 4.9)."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from understudy_aws.admin.errors import NotFoundError
from understudy_aws.admin.pasted_errors import _facts, find_call

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'


@pytest.mark.parametrize(
    "resource",
    ["role Deploy", "user ann", "group staff", "instance profile web", "policy arn:aws:iam::aws:policy/A", "policy path /",
     "arn:aws:iam::000000000000:role/new", "*"],
)  # fmt: skip
@pytest.mark.parametrize(
    "reason", [" because no identity-based policy allows it", " with an explicit deny", ""]
)
def test_the_whole_resource_is_read(resource, reason):
    text = f"User: arn:aws:iam::000000000000:user/a is not authorized to perform: iam:GetRole on resource: {resource}{reason}"
    assert resource == _facts(text).resource


def test_of_two_refusals_the_one_about_the_role_is_found(understudy):
    iam = understudy.client("iam")
    nobody = understudy.client("iam", as_=understudy.user("nobody"))
    messages = []
    for name in ("first", "second"):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
        with pytest.raises(ClientError) as refused:
            nobody.get_role(RoleName=name)
        messages.append((str(refused.value), refused.value.response["ResponseMetadata"]["RequestId"]))
    app = understudy.app
    for text, id in messages:
        assert id == find_call(app.database, app.gateway.message_signer, text).row.id


def test_no_text_means_the_latest_refusal_also_of_what_was_in_use(understudy):
    ec2, nobody = understudy.client("ec2"), understudy.client("ec2", as_=understudy.user("nobody"))
    app = understudy.app
    with pytest.raises(NotFoundError, match="No call was refused"):
        find_call(app.database, app.gateway.message_signer, "")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")
    for client, code in ((nobody, "UnauthorizedOperation"), (ec2, "DependencyViolation")):
        with pytest.raises(ClientError, match=code) as refused:
            client.delete_vpc(VpcId=vpc)
        id = refused.value.response["ResponseMetadata"]["RequestId"]
        assert id == find_call(app.database, app.gateway.message_signer, "").row.id
