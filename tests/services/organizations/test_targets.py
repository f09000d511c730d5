"""What callers must be allowed to act on (service authorization reference, Organizations), and who may call."""

from __future__ import annotations

import pytest
from estates import SCP, Estate, deny
from refusals import refused

from understudy_aws.testing import Understudy


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


def as_user(estate, *statements):
    """Organizations as a user of the management account with this policy."""
    who = estate.understudy.user("ann", {"Version": "2012-10-17", "Statement": list(statements)})
    return estate.understudy.client("organizations", as_=who)


def arn(estate, tail):
    return f"arn:aws:organizations::{estate.understudy.account}:{tail}"


def test_attaching_takes_the_permission_on_policy_and_target(estate):
    policy, unit = estate.policy(deny("iam:*")), estate.unit("unit")
    on_policy = {"Effect": "Allow", "Action": "organizations:AttachPolicy", "Resource": estate.arn(policy)}
    on_target = {**on_policy, "Resource": arn(estate, f"ou/{estate.id}/{unit}")}
    with refused("AccessDeniedException", status=400) as told:
        as_user(estate, on_policy).attach_policy(PolicyId=policy, TargetId=unit)
    assert on_target["Resource"] in told.text
    estate.understudy.client("iam").delete_user_policy(UserName="ann", PolicyName="given")
    other = estate.understudy.user("bob", {"Version": "2012-10-17", "Statement": [on_policy, on_target]})
    estate.understudy.client("organizations", as_=other).attach_policy(PolicyId=policy, TargetId=unit)


def test_moving_takes_the_permission_on_the_account_and_both_parents(estate):
    account, unit = estate.account(), estate.unit("unit")
    places = {
        "account": arn(estate, f"account/{estate.id}/{account}"),
        "source": arn(estate, f"root/{estate.id}/{estate.root}"),
        "destination": arn(estate, f"ou/{estate.id}/{unit}"),
    }
    move = {"AccountId": account, "SourceParentId": estate.root, "DestinationParentId": unit}
    for number, missing in enumerate(places):
        given = [place for name, place in places.items() if name != missing]
        statement = {"Effect": "Allow", "Action": "organizations:MoveAccount", "Resource": given}
        who = estate.understudy.user(f"u{number}", {"Version": "2012-10-17", "Statement": statement})
        with refused("AccessDeniedException") as told:
            estate.understudy.client("organizations", as_=who).move_account(**move)
        assert places[missing] in told.text


def test_the_policy_type_is_a_condition_key(estate):
    condition = {"StringEquals": {"organizations:PolicyType": SCP}}
    ann = as_user(
        estate,
        {"Effect": "Allow", "Action": "organizations:*", "Resource": "*", "Condition": condition},
    )
    policy = estate.policy(deny("iam:*"))
    assert ann.list_policies(Filter=SCP)
    ann.attach_policy(PolicyId=policy, TargetId=estate.root)
    assert ann.describe_policy(PolicyId="p-FullAWSAccess")
    with refused("AccessDeniedException"):
        ann.list_policies(Filter="RESOURCE_CONTROL_POLICY")
    with refused("AccessDeniedException"):
        ann.describe_policy(PolicyId="p-RCPFullAWSAccess")


def test_tags_of_what_is_acted_on_are_condition_keys(estate):
    unit, other = estate.unit("unit"), estate.unit("other")
    estate.organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "team", "Value": "a"}])
    condition = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    ann = as_user(
        estate,
        {"Effect": "Allow", "Action": "organizations:*", "Resource": "*", "Condition": condition},
    )
    assert ann.describe_organizational_unit(OrganizationalUnitId=unit)
    with refused("AccessDeniedException"):
        ann.describe_organizational_unit(OrganizationalUnitId=other)


def test_tags_at_the_start_take_the_permission_to_tag(estate):
    ann = as_user(
        estate, {"Effect": "Allow", "Action": "organizations:CreateOrganizationalUnit", "Resource": "*"}
    )
    assert ann.create_organizational_unit(ParentId=estate.root, Name="plain")
    with refused("AccessDeniedException") as told:
        ann.create_organizational_unit(
            ParentId=estate.root, Name="tagged", Tags=[{"Key": "team", "Value": "a"}]
        )
    assert "organizations:TagResource" in told.text


MANAGEMENT = {
    "create_policy": {"Content": "{}", "Description": "", "Name": "n", "Type": SCP},
    "list_accounts": {},
    "list_roots": {},
    "list_policies": {"Filter": SCP},
    "describe_policy": {"PolicyId": "p-FullAWSAccess"},
    "delete_organization": {},
    "list_handshakes_for_organization": {},
    "list_tags_for_resource": {"ResourceId": "p-FullAWSAccess"},
    "list_create_account_status": {},
    "list_aws_service_access_for_organization": {},
}


@pytest.fixture(scope="module")
def a_member():
    with Understudy() as understudy:
        estate = Estate(understudy, SCP)
        yield understudy.client("organizations", as_=estate.administrator(estate.account()))


@pytest.mark.parametrize("operation", MANAGEMENT)
def test_a_members_administrator_is_refused_what_is_the_management_accounts(a_member, operation):
    """Shown to many clients: the text names neither action nor resource."""
    with refused("AccessDeniedException", "You don't have permissions to access this resource.", status=400):
        getattr(a_member, operation)(**MANAGEMENT[operation])


@pytest.mark.parametrize("operation", MANAGEMENT)
def test_outside_an_organization_there_is_nothing(understudy, operation):
    with refused("AWSOrganizationsNotInUseException"):
        getattr(understudy.client("organizations"), operation)(**MANAGEMENT[operation])
