"""An organization's policies."""

from __future__ import annotations

import json
import re

import pytest
from estates import RCP, SCP, Estate, allow, deny, document
from refusals import refused

from understudy_aws.services.organizations.policies import LARGEST


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


def create(estate, content, type=SCP, name="guard"):
    return estate.organizations.create_policy(Name=name, Description="d", Type=type, Content=content)[
        "Policy"
    ]


def test_a_policy_is_described_as_it_was_made(estate):
    content = document(deny("iam:*"))
    made = create(estate, content)
    summary = made["PolicySummary"]
    assert re.fullmatch("p-[a-z0-9]{10,32}", summary["Id"])
    place = f"policy/{estate.id}/service_control_policy/{summary['Id']}"
    assert {
        "Id": summary["Id"],
        "Arn": f"arn:aws:organizations::{estate.understudy.account}:{place}",
        "Name": "guard",
        "Description": "d",
        "Type": SCP,
        "AwsManaged": False,
    } == summary
    assert content == made["Content"]
    assert made == estate.organizations.describe_policy(PolicyId=summary["Id"])["Policy"]


@pytest.mark.parametrize(
    ("type", "id", "principal"),
    [(SCP, "p-FullAWSAccess", {}), (RCP, "p-RCPFullAWSAccess", {"Principal": "*"})],
)
def test_aws_has_one_of_each_type_that_allows_everything(estate, type, id, principal):
    shown = estate.organizations.describe_policy(PolicyId=id)["Policy"]
    summary = shown["PolicySummary"]
    assert f"arn:aws:organizations::aws:policy/{type.lower()}/{id}" == summary["Arn"]
    assert (id[2:], type, True) == (summary["Name"], summary["Type"], summary["AwsManaged"])
    (statement,) = json.loads(shown["Content"])["Statement"]
    assert {"Effect": "Allow", "Action": "*", "Resource": "*", **principal} == statement
    assert [id] == [each["Id"] for each in estate.organizations.list_policies(Filter=type)["Policies"]]
    for call in (estate.organizations.update_policy, estate.organizations.delete_policy):
        with refused("InvalidInputException"):
            call(PolicyId=id)


class TestReview:
    @pytest.mark.parametrize(
        "content",
        [
            "nothing",
            "{}",
            document(),
            document({"Effect": "Deny", "Resource": "*"}),
            document(deny("iam:*", Principal="*")),
            document({"Effect": "Deny", "Action": "iam", "Resource": "*"}),
        ],
    )
    def test_what_is_no_service_control_policy_is_refused_with_awss_text(self, estate, content):
        with refused("MalformedPolicyDocumentException", status=400) as told:
            create(estate, content)
        text = "The provided policy document does not meet the requirements of the specified policy type."
        assert told.text.startswith(text)

    @pytest.mark.parametrize(
        "statement",
        [
            allow("sts:*", Principal="*"),
            deny("sts:*"),
            deny("*", Principal="*"),
            deny("sts:*", Principal={"AWS": "111111111111"}),
            {"Effect": "Deny", "NotAction": "sts:*", "Resource": "*", "Principal": "*"},
        ],
    )
    def test_what_no_resource_control_policy_may_say_is_refused(self, estate, statement):
        """Reference policies.md 4.8: deny only, Principal `*` only, no NotAction, no lone `*`."""
        with refused("MalformedPolicyDocumentException"):
            create(estate, document(statement), RCP)

    @pytest.mark.parametrize(("type", "principal"), [(SCP, {}), (RCP, {"Principal": "*"})])
    def test_blanks_count_towards_the_size(self, estate, type, principal):
        """Quotas: 10,240 characters for service control policies since May 2026, 5,120 for the other type."""
        content = document(deny("sts:*", **principal))
        fits = content + " " * (LARGEST[type] - len(content))
        assert create(estate, fits, type)
        with refused("ConstraintViolationException", "You have exceeded the maximum policy size."):
            create(estate, fits + " ", type, "larger")


class TestNames:
    def test_one_is_used_once_in_a_type(self, estate):
        create(estate, document(deny("iam:*")))
        with refused("DuplicatePolicyException", "A policy with the specified name and type already exists."):
            create(estate, document(deny("ec2:*")))
        assert create(estate, document(deny("sts:*", Principal="*")), RCP)

    def test_awss_own_are_taken(self, estate):
        with refused("DuplicatePolicyException"):
            create(estate, document(deny("iam:*")), name="FullAWSAccess")

    def test_changing_one_to_a_name_in_use_is_refused(self, estate):
        create(estate, document(deny("iam:*")))
        other = create(estate, document(deny("ec2:*")), name="other")["PolicySummary"]["Id"]
        with refused("DuplicatePolicyException"):
            estate.organizations.update_policy(PolicyId=other, Name="guard")
        same = estate.organizations.update_policy(PolicyId=other, Name="other", Description="new")
        assert "new" == same["Policy"]["PolicySummary"]["Description"]


def test_what_is_not_changed_stays(estate):
    made = create(estate, document(deny("iam:*")))
    id = made["PolicySummary"]["Id"]
    changed = estate.organizations.update_policy(PolicyId=id, Content=document(deny("ec2:*")))["Policy"]
    assert {"PolicySummary": made["PolicySummary"], "Content": document(deny("ec2:*"))} == changed
    with refused("MalformedPolicyDocumentException"):
        estate.organizations.update_policy(PolicyId=id, Content="{}")


def test_a_policy_that_is_attached_is_not_deleted(estate):
    policy = estate.policy(deny("iam:*"))
    estate.attach(policy, estate.root)
    with refused("PolicyInUseException", status=400):
        estate.organizations.delete_policy(PolicyId=policy)
    estate.detach(policy, estate.root)
    estate.organizations.delete_policy(PolicyId=policy)
    with refused("PolicyNotFoundException", "You specified a policy that doesn't exist."):
        estate.organizations.describe_policy(PolicyId=policy)


def test_another_organizations_policies_are_not_seen(estate):
    policy = estate.policy(deny("iam:*"))
    other = estate.understudy.client(
        "organizations", as_=estate.understudy.account_administrator("111111111111")
    )
    other.create_organization()
    with refused("PolicyNotFoundException"):
        other.describe_policy(PolicyId=policy)
