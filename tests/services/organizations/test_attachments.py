"""Policies on the root, on organizational units and on accounts."""

from __future__ import annotations

import pytest
from estates import RCP, SCP, Estate, deny
from refusals import refused

from understudy_aws.services.organizations.attachments import MOST_ATTACHED

PRINCIPAL = {SCP: {}, RCP: {"Principal": "*"}}


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP, RCP)


def test_a_policy_tells_what_it_is_attached_to(estate):
    unit, account = estate.unit("Prod"), estate.account("dev")
    policy = estate.policy(deny("iam:*"))
    for target in (estate.root, unit, account):
        estate.attach(policy, target)
    found = estate.organizations.list_targets_for_policy(PolicyId=policy)["Targets"]
    management = estate.understudy.account
    assert {
        (estate.root, "ROOT", "Root", f"arn:aws:organizations::{management}:root/{estate.id}/{estate.root}"),
        (
            unit,
            "ORGANIZATIONAL_UNIT",
            "Prod",
            f"arn:aws:organizations::{management}:ou/{estate.id}/{unit}",
        ),
        (
            account,
            "ACCOUNT",
            "dev",
            f"arn:aws:organizations::{management}:account/{estate.id}/{account}",
        ),
    } == {(each["TargetId"], each["Type"], each["Name"], each["Arn"]) for each in found}


def test_a_target_tells_what_is_attached_to_itself_alone(estate):
    account = estate.account()
    policy = estate.policy(deny("iam:*"))
    estate.attach(policy, estate.root)

    def attached(target):
        found = estate.organizations.list_policies_for_target(TargetId=target, Filter=SCP)["Policies"]
        return {each["Id"] for each in found}

    assert ({policy, "p-FullAWSAccess"}, {"p-FullAWSAccess"}) == (attached(estate.root), attached(account))


def test_attached_twice_is_refused_in_awss_words(estate):
    policy = estate.policy(deny("iam:*"))
    estate.attach(policy, estate.root)
    text = "A policy with the specified name and type already exists."
    with refused("DuplicatePolicyAttachmentException", text, status=400):
        estate.attach(policy, estate.root)


@pytest.mark.parametrize("type", [SCP, RCP])
def test_a_target_holds_so_many_of_a_type(estate, type):
    """Quotas: ten service control policies since May 2026, five resource control policies; AWS's count."""
    account = estate.account()
    for number in range(MOST_ATTACHED[type] - 1):
        estate.attach(estate.policy(deny("sts:*", **PRINCIPAL[type]), type=type, name=f"{number}"), account)
    one_more = estate.policy(deny("sts:*", **PRINCIPAL[type]), type=type, name="one more")
    text = "You have attached the maximum number of policies to the specified target."
    with refused("ConstraintViolationException", text):
        estate.attach(one_more, account)
    other = RCP if type == SCP else SCP
    estate.attach(estate.policy(deny("sts:*", **PRINCIPAL[other]), type=other, name="other"), account)


def test_a_target_keeps_one_service_control_policy(estate):
    text = (
        "You cannot remove the last policy attached to the specified target. "
        "You must have at least one attached at all times."
    )
    with refused("ConstraintViolationException", text, status=400):
        estate.detach("p-FullAWSAccess", estate.root)
    policy = estate.policy(deny("iam:*"))
    estate.only(policy, estate.root)
    with refused("ConstraintViolationException"):
        estate.detach(policy, estate.root)


def test_the_resource_control_policy_that_allows_everything_stays(estate):
    """User guide, "Detaching organization policies": RCPFullAWSAccess can't be detached."""
    estate.attach(estate.policy(deny("sts:*", Principal="*"), type=RCP), estate.root)
    with refused("InvalidInputException"):
        estate.detach("p-RCPFullAWSAccess", estate.root)


def test_what_is_not_attached_is_not_detached(estate):
    with refused("PolicyNotAttachedException"):
        estate.detach(estate.policy(deny("iam:*")), estate.root)


def test_a_type_must_be_enabled(understudy):
    estate = Estate(understudy)
    with refused(
        "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types."
    ):
        estate.attach(estate.policy(deny("iam:*")), estate.root)


@pytest.mark.parametrize("target", ["r-none", "ou-none-12345678", "999999999999"])
def test_an_unknown_target_is_not_found(estate, target):
    policy = estate.policy(deny("iam:*"))
    with refused("TargetNotFoundException", "You specified a target that doesn't exist."):
        estate.attach(policy, target)
    with refused("TargetNotFoundException"):
        estate.organizations.list_policies_for_target(TargetId=target, Filter=SCP)


def test_an_unknown_policy_is_not_found(estate):
    with refused("PolicyNotFoundException"):
        estate.attach("p-12345678", estate.root)
