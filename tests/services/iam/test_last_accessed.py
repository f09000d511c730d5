"""Reports of last access, and the policies that give access to a service: last-accessed.md 33.1 to 33.5."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest

from understudy_aws.testing import Credentials, Understudy


@pytest.fixture
def ann(iam, policy):
    """A user who may use EC2 and IAM, with a key."""
    arn = iam.create_user(UserName="ann", Path="/web/")["User"]["Arn"]
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(["ec2:Describe*", "iam:*"]))
    return arn


def acting(understudy, name):
    """A client maker with a new key of a user."""
    key = understudy.client("iam").create_access_key(UserName=name)["AccessKey"]

    def client(service, region="us-east-1"):
        return understudy.client(
            service, as_=Credentials(key["AccessKeyId"], key["SecretAccessKey"]), region=region
        )

    return client


def report(iam, arn, **more):
    """A whole report: its services by their namespaces."""
    job = iam.generate_service_last_accessed_details(Arn=arn, **more)["JobId"]
    answer = iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
    assert "COMPLETED" == answer["JobStatus"]
    return {each["ServiceNamespace"]: each for each in answer["ServicesLastAccessed"]}


def entities(iam, arn, namespace):
    job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
    answer = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace=namespace)
    return [(each["EntityInfo"]["Name"], "LastAuthenticated" in each) for each in answer["EntityDetailsList"]]


class TestServices:
    def test_a_user_has_the_services_of_its_policies_with_their_last_use(self, understudy, iam, ann):
        """33.2, 33.3."""
        acting(understudy, "ann")("ec2", region="eu-west-1").describe_vpcs()
        found = report(iam, ann)
        assert ["ec2", "iam"] == list(found)
        assert {
            "ServiceName": "Amazon EC2",
            "ServiceNamespace": "ec2",
            "LastAuthenticated": found["ec2"]["LastAuthenticated"],
            "LastAuthenticatedEntity": ann,
            "LastAuthenticatedRegion": "eu-west-1",
            "TotalAuthenticatedEntities": 1,
        } == found["ec2"]
        assert {"ServiceName", "ServiceNamespace", "TotalAuthenticatedEntities"} == found["iam"].keys()
        assert 0 == found["iam"]["TotalAuthenticatedEntities"]

    def test_attempts_that_were_refused_count(self, understudy, iam, ann, refused):
        """33.3: all attempts, and not those alone that succeeded."""
        ec2 = acting(understudy, "ann")("ec2")
        with refused("UnauthorizedOperation"):
            ec2.create_vpc(CidrBlock="10.0.0.0/16")
        assert 1 == report(iam, ann)["ec2"]["TotalAuthenticatedEntities"]

    def test_a_wrong_signature_is_nobodys_attempt(self, understudy, iam, ann, refused):
        """33.3: unauthenticated requests are not reported."""
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        ec2 = understudy.client("ec2", as_=Credentials(key["AccessKeyId"], "wrong"))
        with refused("AuthFailure"):
            ec2.describe_vpcs()
        assert 0 == report(iam, ann)["ec2"]["TotalAuthenticatedEntities"]

    def test_what_is_denied_everywhere_is_no_access(self, iam, ann, policy):
        """33.2: permissions policies decide, boundaries do not."""
        iam.put_user_policy(UserName="ann", PolicyName="no", PolicyDocument=policy("iam:*", effect="Deny"))
        assert ["ec2"] == list(report(iam, ann))
        iam.put_user_policy(
            UserName="ann",
            PolicyName="no",
            PolicyDocument=policy("iam:*", effect="Deny", resource="arn:aws:iam::*:user/x"),
        )
        assert ["ec2", "iam"] == list(report(iam, ann))

    def test_a_group_is_known_by_its_users(self, understudy, iam, ann, policy):
        """33.3: of a group the member who came last."""
        group = iam.create_group(GroupName="web")["Group"]["Arn"]
        iam.put_group_policy(GroupName="web", PolicyName="s", PolicyDocument=policy("ec2:*"))
        for name in ("bob", "cy"):
            iam.create_user(UserName=name)
        for name in ("ann", "bob", "cy"):
            iam.add_user_to_group(GroupName="web", UserName=name)
        acting(understudy, "bob")("ec2").describe_vpcs()
        understudy.clock.advance(60)
        acting(understudy, "ann")("ec2").describe_vpcs()
        found = report(iam, group)
        assert ["ec2"] == list(found)
        assert (ann, 2) == (
            found["ec2"]["LastAuthenticatedEntity"],
            found["ec2"]["TotalAuthenticatedEntities"],
        )
        assert [("ann", True), ("bob", True), ("cy", False)] == entities(iam, group, "ec2")

    def test_a_role_is_known_by_its_sessions(self, understudy, iam, role):
        """33.3: the role's ARN, not the session's."""
        iam.attach_role_policy(
            RoleName="builder", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"
        )
        principal = {"AWS": role["Arn"].split(":")[4]}
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam.update_assume_role_policy(
            RoleName="builder", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )
        session = understudy.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="one")
        understudy.client("ec2", as_=understudy.session_of(session)).describe_vpcs()
        found = report(iam, role["Arn"])["ec2"]
        assert role["Arn"] == found["LastAuthenticatedEntity"]

    def test_a_policy_is_known_by_all_who_have_it(self, understudy, iam, ann, role, policy):
        """33.3: attached, or of a group."""
        arn = iam.create_policy(PolicyName="see", PolicyDocument=policy("ec2:*"))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="builder", PolicyArn=arn)
        iam.create_group(GroupName="web")
        iam.attach_group_policy(GroupName="web", PolicyArn=arn)
        iam.add_user_to_group(GroupName="web", UserName="ann")
        acting(understudy, "ann")("ec2").describe_vpcs()
        assert ["ec2"] == list(report(iam, arn))
        assert [("ann", True), ("builder", False)] == entities(iam, arn, "ec2")
        assert [] == entities(iam, arn, "s3")

    def test_everything_gives_access_to_all_services(self, iam, understudy):
        iam.create_user(UserName="boss")
        iam.attach_user_policy(UserName="boss", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        arn = iam.get_user(UserName="boss")["User"]["Arn"]
        assert 400 < len(report(iam, arn))
        iam.put_user_policy(
            UserName="boss",
            PolicyName="no",
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": {"Effect": "Deny", "NotAction": ["s3:*", "sts:*"], "Resource": "*"},
                }
            ),
        )
        assert ["s3", "sts"] == list(report(iam, arn))

    def test_services_come_in_pages(self, iam, pages):
        arn = "arn:aws:iam::aws:policy/PowerUserAccess"
        job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
        found = pages(iam.get_service_last_accessed_details, "ServicesLastAccessed", size=100, JobId=job)
        names = [each["ServiceNamespace"] for each in found]
        assert sorted(names) == names
        assert 100 == len(iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"])

    def test_what_is_older_than_the_tracking_period_is_forgotten(self, understudy, iam, ann):
        """33.3: 400 days."""
        acting(understudy, "ann")("ec2").describe_vpcs()
        understudy.clock.advance(timedelta(days=399).total_seconds())
        assert 1 == report(iam, ann)["ec2"]["TotalAuthenticatedEntities"]
        understudy.clock.advance(timedelta(days=2).total_seconds())
        assert 0 == report(iam, ann)["ec2"]["TotalAuthenticatedEntities"]


class TestActions:
    def test_each_tracked_action_has_its_last_use(self, understudy, iam, ann):
        """33.4; those that were not used have their names alone (docs/decisions/0049)."""
        acting(understudy, "ann")("ec2").describe_vpcs()
        found = report(iam, ann, Granularity="ACTION_LEVEL")
        actions = {each["ActionName"]: each for each in found["ec2"]["TrackedActionsLastAccessed"]}
        used = actions["DescribeVpcs"]
        assert (ann, "us-east-1") == (used["LastAccessedEntity"], used["LastAccessedRegion"])
        assert found["ec2"]["LastAuthenticated"] == used["LastAccessedTime"]
        assert {"ActionName": "DescribeSubnets"} == actions["DescribeSubnets"]
        assert "TrackedActionsLastAccessed" not in found["iam"]

    def test_a_report_about_services_has_no_actions(self, understudy, iam, ann):
        acting(understudy, "ann")("ec2").describe_vpcs()
        assert "TrackedActionsLastAccessed" not in report(iam, ann)["ec2"]


class TestJobs:
    def test_a_job_is_in_progress_and_then_completed(self, refused):
        """33.1."""
        with Understudy(clock="aws") as understudy:
            iam = understudy.client("iam")
            arn = iam.get_user()["User"]["Arn"]
            job = iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
            assert 36 == len(job)
            answer = iam.get_service_last_accessed_details(JobId=job)
            assert ("IN_PROGRESS", "ACTION_LEVEL", []) == (
                answer["JobStatus"],
                answer["JobType"],
                answer["ServicesLastAccessed"],
            )
            assert "JobCompletionDate" not in answer
            understudy.clock.advance(10)
            understudy.settle()
            answer = iam.get_service_last_accessed_details(JobId=job)
            assert "COMPLETED" == answer["JobStatus"]
            assert answer["JobCompletionDate"] >= answer["JobCreationDate"]

    def test_a_job_whose_subject_is_gone_fails(self, understudy, iam, ann, monkeypatch):
        """33.1: the answer says why."""
        monkeypatch.setattr(understudy, "settles", False)
        job = iam.generate_service_last_accessed_details(Arn=ann)["JobId"]
        iam.delete_user_policy(UserName="ann", PolicyName="own")
        iam.delete_user(UserName="ann")
        understudy.settle()
        answer = iam.get_service_last_accessed_details(JobId=job)
        assert ("FAILED", "NoSuchEntity") == (answer["JobStatus"], answer["Error"]["Code"])
        assert [] == answer["ServicesLastAccessed"]

    def test_a_job_is_for_whoever_asked(self, understudy, iam, ann, refused):
        """33.1."""
        job = iam.generate_service_last_accessed_details(Arn=ann)["JobId"]
        other = acting(understudy, "ann")("iam")
        with refused("NoSuchEntity", f"Job {job} was not found.", 404):
            other.get_service_last_accessed_details(JobId=job)

    def test_a_job_that_nobody_began(self, iam, refused):
        with refused("NoSuchEntity", status=404):
            iam.get_service_last_accessed_details(JobId=str(uuid4()))
        with refused("NoSuchEntity", status=404):
            iam.get_service_last_accessed_details_with_entities(JobId=str(uuid4()), ServiceNamespace="s3")

    def test_jobs_are_forgotten_after_a_week(self, understudy, iam, ann, refused):
        """docs/decisions/0049."""
        job = iam.generate_service_last_accessed_details(Arn=ann)["JobId"]
        understudy.clock.advance(timedelta(days=8).total_seconds())
        understudy.settle()
        with refused("NoSuchEntity"):
            iam.get_service_last_accessed_details(JobId=job)

    def test_the_subject_must_be_there(self, iam, ann, refused):
        start = ann.removesuffix("user/web/ann")
        for kind in ("user", "group", "role"):
            with refused("NoSuchEntity", f"The {kind} with name nobody cannot be found.", 404):
                iam.generate_service_last_accessed_details(Arn=f"{start}{kind}/nobody")
        with refused("NoSuchEntity", f"Policy {start}policy/none was not found.", 404):
            iam.generate_service_last_accessed_details(Arn=f"{start}policy/none")
        with refused("ValidationError", "Invalid ARN:  Could not be parsed!"):
            iam.generate_service_last_accessed_details(Arn="no ARN, but long enough")
        with refused("InvalidInput"):
            iam.generate_service_last_accessed_details(Arn=f"{start}instance-profile/x")
        with refused("AccessDenied"):
            iam.generate_service_last_accessed_details(Arn="arn:aws:iam::210987654321:role/x")

    def test_the_service_must_be_one(self, iam, ann, refused):
        job = iam.generate_service_last_accessed_details(Arn=ann)["JobId"]
        with refused("InvalidInput", "Invalid service namespace: nope"):
            iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="nope")


class TestPoliciesGrantingServiceAccess:
    def ask(self, iam, arn, *namespaces):
        answer = iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=list(namespaces))
        assert not answer["IsTruncated"]
        return {
            each["ServiceNamespace"]: each["Policies"] for each in answer["PoliciesGrantingServiceAccess"]
        }

    def test_a_users_policies_and_those_of_its_groups(self, iam, ann, policy):
        """33.5: managed ones have ARNs, inline ones have holders."""
        arn = iam.create_policy(PolicyName="see", PolicyDocument=policy("ec2:*"))["Policy"]["Arn"]
        group = iam.create_group(GroupName="web")["Group"]["Arn"]
        iam.attach_group_policy(GroupName="web", PolicyArn=arn)
        iam.put_group_policy(GroupName="web", PolicyName="own", PolicyDocument=policy("s3:*"))
        iam.add_user_to_group(GroupName="web", UserName="ann")
        see = {"PolicyName": "see", "PolicyType": "MANAGED", "PolicyArn": arn}
        own = {"PolicyName": "own", "PolicyType": "INLINE"}
        assert {
            "iam": [{**own, "EntityType": "USER", "EntityName": "ann"}],
            "s3": [{**own, "EntityType": "GROUP", "EntityName": "web"}],
            "ec2": [{**own, "EntityType": "USER", "EntityName": "ann"}, see],
            "sqs": [],
        } == self.ask(iam, ann, "iam", "s3", "ec2", "sqs")
        assert {"ec2": [see]} == self.ask(iam, group, "ec2")

    def test_a_boundary_and_a_trust_policy_give_nothing(self, iam, role):
        """33.5."""
        iam.put_role_permissions_boundary(
            RoleName="builder", PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
        )
        assert {"ec2": [], "sts": []} == self.ask(iam, role["Arn"], "ec2", "sts")

    def test_policies_and_unknown_services_are_refused(self, iam, ann, refused):
        with refused("InvalidInput"):
            self.ask(iam, "arn:aws:iam::aws:policy/AdministratorAccess", "s3")
        with refused("InvalidInput", "Invalid service namespace: nope"):
            self.ask(iam, ann, "nope")
