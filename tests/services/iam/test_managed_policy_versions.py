"""AWS managed policies have versions too (iam.md 2.11)."""

from __future__ import annotations

from refusals import refused

ARN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def test_earlier_versions_are_listed_and_read(understudy):
    iam = understudy.client("iam")
    versions = iam.list_policy_versions(PolicyArn=ARN)["Versions"]
    assert [("v3", True), ("v2", False), ("v1", False)] == [
        (each["VersionId"], each["IsDefaultVersion"]) for each in versions
    ]
    first = iam.get_policy_version(PolicyArn=ARN, VersionId="v1")["PolicyVersion"]
    assert (False, 2015) == (first["IsDefaultVersion"], first["CreateDate"].year)
    assert ["s3:Get*", "s3:List*"] == first["Document"]["Statement"][0]["Action"]
    with refused("NoSuchEntity"):
        iam.get_policy_version(PolicyArn=ARN, VersionId="v9")


def test_pages_of_versions(understudy):
    iam = understudy.client("iam")
    pages = iam.get_paginator("list_policy_versions").paginate(
        PolicyArn=ARN, PaginationConfig={"PageSize": 1}
    )
    assert ["v3", "v2", "v1"] == [each["VersionId"] for page in pages for each in page["Versions"]]


def test_what_is_in_force_is_the_default_version(understudy):
    """The object lambdas of v2 and later are in force, which v1 does not allow."""
    iam = understudy.client("iam")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=ARN)
    (found,) = iam.simulate_principal_policy(
        PolicySourceArn="arn:aws:iam::000000000000:user/ann", ActionNames=["s3-object-lambda:GetObject"]
    )["EvaluationResults"]
    assert "allowed" == found["EvalDecision"]
