"""The table of service-linked roles is whole, and agrees with AWS's managed policies."""

import json
import re

import pytest

from understudy_aws.data import managed_policies, service_linked_roles

CATALOGUE = service_linked_roles.catalogue()
UNKNOWN = service_linked_roles.unknown()
RESERVED = {policy.arn() for policy in managed_policies.everything() if policy.path == "/aws-service-role/"}


def test_every_policy_of_linked_roles_belongs_to_one_role_or_is_listed_as_unknown():
    assert 362 == len(RESERVED)
    assert sorted(RESERVED) == sorted(role.policy for role in [*CATALOGUE, *UNKNOWN])


def test_principals_and_names_are_unique():
    """Names too: an account has one role of a name."""
    rows = [line.split("\t")[0] for line in service_linked_roles._TABLE.read_text().splitlines()]
    known = [principal for principal in rows if principal.endswith(".amazonaws.com")]
    assert sorted(role.principal for role in CATALOGUE) == sorted(known)
    assert len(CATALOGUE) == len({role.principal for role in CATALOGUE})
    assert len(CATALOGUE) == len({role.role_name for role in CATALOGUE})


def test_the_table_is_in_order():
    assert [role.principal for role in CATALOGUE] == sorted(role.principal for role in CATALOGUE)
    assert [role.policy for role in UNKNOWN] == sorted(role.policy for role in UNKNOWN)


@pytest.mark.parametrize("role", CATALOGUE, ids=lambda role: role.principal)
def test_a_row_is_well_formed(role):
    assert re.fullmatch(r"([a-z0-9]+([.-][a-z0-9]+)*)\.amazonaws\.com", role.principal)
    assert re.fullmatch(r"AWSServiceRoleFor[A-Za-z0-9_-]+", role.role_name)
    assert len(role.role_name) <= 64
    assert f"/aws-service-role/{role.principal}/" == role.path
    assert role.confidence in {"recorded", "documented", "inferred"}
    assert role.source.strip()
    assert role is service_linked_roles.find(role.principal)
    policy = managed_policies.find(role.policy)
    assert policy is not None
    assert managed_policies.is_reserved(policy)
    assert {"Version", "Statement"} <= json.loads(policy.document).keys()


@pytest.mark.parametrize("role", UNKNOWN, ids=lambda role: role.policy)
def test_what_is_unknown_says_where_it_was_looked_for(role):
    assert role.source.strip()


def test_policies_that_name_a_role_agree_with_the_table():
    """AWS's managed policies name roles by ARN: what they say of a principal of ours is what the table says."""
    names = {role.principal: role.role_name for role in CATALOGUE}
    found = 0
    for policy in managed_policies.everything():
        arns = re.findall(r'aws-service-role/([a-z0-9.-]+)/(AWSServiceRoleFor[^"*]+)(\*?)"', policy.document)
        for principal, name, star in arns:
            if (policy.name, principal) in OTHERWISE or principal not in names:
                continue
            found += 1
            named = name.rstrip("_")
            assert names[principal].startswith(named) if star else names[principal] == named, policy.name
    assert found > 100


# Elastic Beanstalk's guide names the roles of maintenance and managed updates otherwise; so do public accounts.
OTHERWISE = {
    ("AdministratorAccess-AWSElasticBeanstalk", "maintenance.elasticbeanstalk.amazonaws.com"),
    ("AdministratorAccess-AWSElasticBeanstalk", "managedupdates.elasticbeanstalk.amazonaws.com"),
}


@pytest.mark.parametrize(
    ("principal", "name", "policy", "description"),
    [
        (
            "networking.apprunner.amazonaws.com",
            "AWSServiceRoleForAppRunnerNetworking",
            "AppRunnerNetworkingServiceRolePolicy",
            "Allows App Runner to manage network interfaces in your VPC on your behalf.",
        ),
        (
            "apprunner.amazonaws.com",
            "AWSServiceRoleForAppRunner",
            "AppRunnerServiceRolePolicy",
            "Allows App Runner to write logs and manage event rules on your behalf.",
        ),
    ],
)
def test_app_runner_says_what_uses_its_roles(principal, name, policy, description):
    """Reference apprunner.md 4.1."""
    role = service_linked_roles.find(principal)
    assert role is not None
    assert name == role.role_name
    assert f"arn:aws:iam::aws:policy/aws-service-role/{policy}" == role.policy
    assert "apprunner" == role.served_by
    assert not role.custom_suffix
    assert description == role.service_description


def test_of_the_services_that_were_tried_three_accept_a_suffix():
    """Recorded from AWS; App Runner's refusal is assumed (service-linked-roles.md 1.9)."""
    accepting = ["autoscaling.amazonaws.com", "connect.amazonaws.com", "lexv2.amazonaws.com"]
    recorded = [role for role in CATALOGUE if role.confidence == "recorded"]
    assert 71 == len(recorded)
    assert accepting == [role.principal for role in recorded if role.custom_suffix]


def test_of_the_others_those_whose_roles_aws_writes_with_a_suffix():
    """Their guides on service-linked roles; AWS's policies for FSx, Customer Profiles and Prometheus."""
    accepting = [
        "channels.lexv2.amazonaws.com",
        "connect-campaigns.amazonaws.com",
        "core.monitron.amazonaws.com",
        "outposts.amazonaws.com",
        "profile.amazonaws.com",
        "s3.data-source.lustre.fsx.amazonaws.com",
        "scraper.aps.amazonaws.com",
        "synchronization.connect.amazonaws.com",
    ]
    others = [role for role in CATALOGUE if role.confidence != "recorded"]
    assert accepting == [role.principal for role in others if role.custom_suffix]


@pytest.mark.parametrize(
    "principal",
    [
        "",
        "-",
        "principal",
        "nobody.amazonaws.com",
        "NETWORKING.apprunner.amazonaws.com",
        "networking.apprunner.amazonaws.com\n",
        "networking.apprunner.amazonaws.com\0",
        "networking.apprunner.amazonaws.com\tAWSServiceRoleForAppRunnerNetworking",
        "a" * 5000,
    ],
)
def test_what_is_no_known_principal_is_none(principal):
    assert service_linked_roles.find(principal) is None
