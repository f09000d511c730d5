"""Reports of last access by the accounts of an organization: last-accessed.md 33.6."""

from __future__ import annotations

import pytest
from estates import SCP, Estate, allow, deny


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP)


@pytest.fixture
def dev(estate):
    """A member account below a unit, with the unit's path: the account's number and its path."""
    unit, account = estate.unit("dev"), estate.account("dev")
    estate.move(account, unit)
    return account, f"{estate.id}/{estate.root}/{unit}/{account}"


def report(iam, path, policy=None, **more):
    """A whole report: the answer, and its services by their namespaces."""
    asked = {"OrganizationsPolicyId": policy} if policy else {}
    job = iam.generate_organizations_access_report(EntityPath=path, **asked)["JobId"]
    answer = iam.get_organizations_access_report(JobId=job, MaxItems=1000, **more)
    assert "COMPLETED" == answer["JobStatus"]
    return answer, {each["ServiceNamespace"]: each for each in answer["AccessDetails"]}


def test_an_account_has_the_services_that_its_policies_allow(understudy, estate, iam, dev):
    account, path = dev
    only = estate.policy(allow("ec2:*", "s3:*", "sts:*"), name="only")
    estate.only(only, path.split("/")[2])
    estate.attach(estate.policy(deny("s3:*")), account)
    understudy.client("ec2", region="eu-west-1", as_=estate.administrator(account)).describe_vpcs()
    answer, found = report(iam, path)
    assert ["ec2", "sts"] == list(found)
    assert {
        "ServiceName": "Amazon EC2",
        "ServiceNamespace": "ec2",
        "Region": "eu-west-1",
        "EntityPath": path,
        "LastAuthenticatedTime": found["ec2"]["LastAuthenticatedTime"],
        "TotalAuthenticatedEntities": 1,
    } == found["ec2"]
    assert (2, 1) == (answer["NumberOfServicesAccessible"], answer["NumberOfServicesNotAccessed"])
    assert "LastAuthenticatedTime" not in found["sts"]


def test_the_root_stands_for_all_accounts_but_the_managing_one(understudy, estate, iam, dev):
    account, path = dev
    iam.list_users()
    other = estate.account("other")
    for each in (account, other):
        understudy.client("ec2", as_=estate.administrator(each)).describe_vpcs()
    _, found = report(iam, f"{estate.id}/{estate.root}")
    assert 400 < len(found)
    assert (2, f"{estate.id}/{estate.root}/{other}") == (
        found["ec2"]["TotalAuthenticatedEntities"],
        found["ec2"]["EntityPath"],
    )
    assert 0 == found["iam"]["TotalAuthenticatedEntities"]
    _, found = report(iam, path.rpartition("/")[0])
    assert 1 == found["ec2"]["TotalAuthenticatedEntities"]


def test_the_managing_account_is_bound_by_no_policy(understudy, estate, iam):
    estate.attach(estate.policy(deny("ec2:*")), estate.root)
    understudy.client("ec2").describe_vpcs()
    _, found = report(iam, f"{estate.id}/{estate.root}/{understudy.account}")
    assert 1 == found["ec2"]["TotalAuthenticatedEntities"]


def test_a_policy_is_about_the_accounts_that_it_binds(understudy, estate, iam, dev):
    account, path = dev
    other = estate.account("other")
    policy = estate.policy(allow("ec2:*"), name="network")
    estate.attach(policy, path.split("/")[2])
    for each in (account, other):
        understudy.client("ec2", as_=estate.administrator(each)).describe_vpcs()
    _, found = report(iam, f"{estate.id}/{estate.root}", policy)
    assert ["ec2"] == list(found)
    assert (1, path) == (found["ec2"]["TotalAuthenticatedEntities"], found["ec2"]["EntityPath"])


def test_services_are_sorted_as_asked_for(understudy, estate, iam, dev):
    account, path = dev
    ec2 = understudy.client("ec2", as_=estate.administrator(account))
    ec2.describe_vpcs()
    _, descending = report(iam, path, SortKey="SERVICE_NAMESPACE_DESCENDING")
    assert sorted(descending, reverse=True) == list(descending)
    _, latest = report(iam, path, SortKey="LAST_AUTHENTICATED_TIME_DESCENDING")
    assert "ec2" == next(iter(latest))
    _, oldest = report(iam, path, SortKey="LAST_AUTHENTICATED_TIME_ASCENDING")
    assert "ec2" == list(oldest)[-1]


def test_a_path_must_lead_somewhere(understudy, estate, iam, dev, refused):
    _, path = dev
    for wrong in (
        path.replace(estate.id, "o-0000000000"),
        f"{estate.id}/{estate.root}/{path.rpartition('/')[2]}",
        f"{path}/ou-0000-00000000",
    ):
        with refused("InvalidInput", f"{wrong} is the path of no entity of the organization.", 400):
            iam.generate_organizations_access_report(EntityPath=wrong)


def test_organizations_is_asked_with_the_callers_permissions(understudy, estate, dev, refused):
    """Service Authorization Reference: dependent actions; and the key of the policy that is named."""
    _, path = dev
    narrow = understudy.allowing("narrow", "iam:GenerateOrganizationsAccessReport")
    with refused("AccessDeniedException"):
        understudy.client("iam", as_=narrow).generate_organizations_access_report(EntityPath=path)
    statement = {
        "Effect": "Allow",
        "Action": ["iam:GenerateOrganizationsAccessReport", "organizations:List*", "organizations:Describe*"],
        "Resource": "*",
        "Condition": {"StringNotEquals": {"iam:OrganizationsPolicyId": "p-FullAWSAccess"}},
    }
    wide = understudy.user("wide", {"Version": "2012-10-17", "Statement": [statement]})
    hers = understudy.client("iam", as_=wide)
    assert hers.generate_organizations_access_report(EntityPath=path)["JobId"]
    with refused("AccessDenied"):
        hers.generate_organizations_access_report(EntityPath=path, OrganizationsPolicyId="p-FullAWSAccess")


def test_a_member_account_gets_none(understudy, estate, dev, refused):
    account, path = dev
    iam = understudy.client("iam", as_=estate.administrator(account))
    with refused("AccessDeniedException"):
        iam.generate_organizations_access_report(EntityPath=path)


def test_without_an_organization_there_is_none(iam, refused):
    with refused("AWSOrganizationsNotInUseException"):
        iam.generate_organizations_access_report(EntityPath="o-0000000000/r-0000")


def test_a_job_is_for_whoever_asked_and_of_its_kind(understudy, estate, iam, dev, refused):
    _, path = dev
    job = iam.generate_organizations_access_report(EntityPath=path)["JobId"]
    with refused("NoSuchEntity", f"Job {job} was not found.", 404):
        iam.get_service_last_accessed_details(JobId=job)
    other = understudy.allowing("other", "iam:*")
    with refused("NoSuchEntity"):
        understudy.client("iam", as_=other).get_organizations_access_report(JobId=job)
