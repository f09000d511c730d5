"""What clients are told of policy documents that IAM refuses, and of values that are out of bounds: every row, by boto3."""

from __future__ import annotations

import json

import pytest

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
LEGACY = "The policy failed legacy parsing"
SYNTAX = "Syntax errors in policy."
ACTIONS = (
    "Trust Policy statement actions can only be sts:AssumeRole, sts:AssumeRoleWithSAML,  and "
    "sts:AssumeRoleWithWebIdentity"
)


def document(*statements, version="2012-10-17"):
    return json.dumps({**({"Version": version} if version else {}), "Statement": list(statements)})


def without(statement, *names):
    return {name: value for name, value in statement.items() if name not in names}


# iam.md 2.5: documents of identity policies and their refusals.
IDENTITY = {
    "no JSON": ("{", SYNTAX),
    "an unknown element": (document({**ALLOW, "Resources": "*"}), SYNTAX),
    "no version there is": (document(ALLOW, version="2012-10-18"), SYNTAX),
    "an operator that is none": (document({**ALLOW, "Condition": {"Equals": {"aws:username": "a"}}}), SYNTAX),
    "a date that is none": (
        document({**ALLOW, "Condition": {"DateGreaterThan": {"aws:CurrentTime": "soon"}}}),
        LEGACY,
    ),
    "an effect in another letter case": (document({**ALLOW, "Effect": "allow"}), LEGACY),
    "two statements of one Sid": (
        document({**ALLOW, "Sid": "a"}, {**ALLOW, "Sid": "a"}),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    "no action": (document(without(ALLOW, "Action")), "Policy statement must contain actions."),
    "no resource": (document(without(ALLOW, "Resource")), "Policy statement must contain resources."),
    "an action without a vendor": (
        document({**ALLOW, "Action": "GetObject"}),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    "an action of two colons": (
        document({**ALLOW, "Action": "s3:Get:Object"}),
        "Actions/Condition can contain only one colon.",
    ),
    "a vendor that is none": (document({**ALLOW, "Action": "s 3:GetObject"}), "Vendor s 3 is not valid"),
    "a wildcard in an action's vendor": (
        document({**ALLOW, "Action": "*:GetObject"}),
        "Action vendors (e.g., aws, ec2, etc.) must not contain wildcards",
    ),
    "a resource that is no ARN": (
        document({**ALLOW, "Resource": "bucket"}),
        'Resource bucket must be in ARN format or "*".',
    ),
    "another partition": (
        document({**ALLOW, "Resource": "arn:aws-cn:s3:::b"}),
        'Partition "aws-cn" is not valid for resource "arn:aws-cn:s3:::b".',
    ),
    "three parts": (
        document({**ALLOW, "Resource": "a:b:c"}),
        'Partition "b" is not valid for resource "arn:b:c:*:*:*".',
    ),
    "a wildcard in a resource's vendor": (
        document({**ALLOW, "Resource": "arn:aws:s*:::b"}),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    "a Region in a resource of IAM": (
        document({**ALLOW, "Resource": "arn:aws:iam:us-east-1::user/a"}),
        "IAM resource arn:aws:iam:us-east-1::user/a cannot contain region information.",
    ),
    "a Region in a resource of S3": (
        document({**ALLOW, "Resource": "arn:aws:s3:us-east-1::b"}),
        "Resource arn:aws:s3:us-east-1::b can not contain region information.",
    ),
    "white space before the document": (f" {document(ALLOW)}", LEGACY),
    "a lone statement before the version": (
        json.dumps({"Statement": ALLOW, "Version": "2012-10-17"}),
        LEGACY,
    ),
}

# iam.md 2.5: trust policies and their refusals.
TRUST_POLICIES = {
    "no JSON": ("{", "This policy contains invalid Json"),
    "white space before the document": (f" {document(TRUST)}", "JSON strings must not have leading spaces"),
    "a resource": (document({**TRUST, "Resource": "*"}), "Has prohibited field Resource."),
    "a user that is not there": (
        document({**TRUST, "Principal": {"AWS": "arn:aws:iam::000000000000:user/nobody"}}),
        'Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:user/nobody"',
    ),
    "a service that is not there": (
        document({**TRUST, "Principal": {"Service": "nope.amazonaws.com"}}),
        'Invalid principal in policy: "SERVICE":"nope.amazonaws.com"',
    ),
    "a federated principal that is none": (
        document({**TRUST, "Principal": {"Federated": "not a provider"}}),
        "Federated principals must be valid domain names or SAML metadata ARNs",
    ),
    "everybody": (
        document({**TRUST, "Principal": "*"}),
        'AssumeRolepolicy contained an invalid principal: "STAR":"*".',
    ),
    "another action": (
        document({**TRUST, "Action": "s3:GetObject"}),
        ACTIONS,
    ),
}


@pytest.mark.parametrize("case", IDENTITY)
def test_an_identity_policy_is_refused_wherever_it_is_put(iam, refused, case):
    """iam.md 2.5."""
    text, said = IDENTITY[case]
    iam.create_user(UserName="ann")
    with refused("MalformedPolicyDocument", said, 400):
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    with refused("MalformedPolicyDocument", said, 400):
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=text)
    arn = iam.create_policy(PolicyName="good", PolicyDocument=document(ALLOW))["Policy"]["Arn"]
    with refused("MalformedPolicyDocument", said, 400):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=text)
    assert [] == iam.list_user_policies(UserName="ann")["PolicyNames"]
    assert ["v1"] == [each["VersionId"] for each in iam.list_policy_versions(PolicyArn=arn)["Versions"]]


@pytest.mark.parametrize("version", ["2008-10-17", ""])
def test_a_managed_policy_must_be_of_the_newest_version(iam, refused, version):
    """iam.md 2.5; an inline one need not be."""
    text = document(ALLOW, version=version)
    with refused("MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater.", 400):
        iam.create_policy(PolicyName="p", PolicyDocument=text)
    iam.create_user(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=text)
    assert ["p"] == iam.list_user_policies(UserName="ann")["PolicyNames"]


@pytest.mark.parametrize("case", TRUST_POLICIES)
def test_a_trust_policy_is_refused_when_a_role_is_made_and_when_it_changes(iam, refused, case):
    """iam.md 2.5."""
    text, said = TRUST_POLICIES[case]
    with refused("MalformedPolicyDocument", said, 400):
        iam.create_role(RoleName="role", AssumeRolePolicyDocument=text)
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=document(TRUST))
    with refused("MalformedPolicyDocument", said, 400):
        iam.update_assume_role_policy(RoleName="role", PolicyDocument=text)
    kept = iam.get_role(RoleName="role")["Role"]["AssumeRolePolicyDocument"]
    assert TRUST["Principal"] == kept["Statement"][0]["Principal"]


class TestValuesOutOfBounds:
    """iam.md 2.4."""

    def test_a_version_that_cannot_be_one(self, iam, refused):
        arn = iam.create_policy(PolicyName="p", PolicyDocument=document(ALLOW))["Policy"]["Arn"]
        for version in ("1", "v0", "latest"):
            with refused(
                "ValidationError",
                "1 validation error detected: Value at 'versionId' failed to satisfy constraint: Member must satisfy "
                r"regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?",
                400,
            ):
                iam.get_policy_version(PolicyArn=arn, VersionId=version)

    def test_names_and_paths_have_texts_of_their_own(self, iam, refused):
        for call, member in (
            (lambda name: iam.get_user(UserName=name), "userName"),
            (lambda name: iam.get_role(RoleName=name), "roleName"),
            (lambda name: iam.get_group(GroupName=name), "groupName"),
            (lambda name: iam.get_instance_profile(InstanceProfileName=name), "instanceProfileName"),
        ):
            with refused(
                "ValidationError",
                f"The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the "
                "following: +=,.@_-",
                400,
            ):
                call("a b")
        with refused(
            "ValidationError",
            "The specified value for pathPrefix is invalid. It must begin with the / character and contain only "
            "alphanumeric characters and/or / characters.",
            400,
        ):
            iam.list_users(PathPrefix="a")

    def test_several_are_counted_and_joined(self, iam, refused):
        with refused("ValidationError", status=400) as told:
            iam.list_users(MaxItems=0, Marker="m" * 321)
        assert told.text.startswith("2 validation errors detected: Value at 'm")
        assert "; Value at 'm" in told.text

    def test_more_than_fifty_tags_at_once(self, iam, refused):
        """iam.md 2.3: of a 51st in all it is LimitExceeded."""
        iam.create_user(UserName="ann")
        tags = [{"Key": f"k{number}", "Value": ""} for number in range(51)]
        with refused("ValidationError", status=400):
            iam.tag_user(UserName="ann", Tags=tags)
        iam.tag_user(UserName="ann", Tags=tags[:50])
        with refused("LimitExceeded", status=409):
            iam.tag_user(UserName="ann", Tags=tags[50:])
        assert 50 == len(iam.list_user_tags(UserName="ann")["Tags"])
