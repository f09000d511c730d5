"""Repositories of Elastic Container Registry, through boto3 (registry.md 24.1, 24.4, 24.5)."""

from __future__ import annotations

import json

import pytest
from refusals import refused

ACCOUNT, OTHER = "000000000000", "111122223333"
ARN = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/team/app"
EMPTY = '{"schemaVersion":2,"manifests":[]}'
NOT_THERE = f"The repository with name 'team/app' does not exist in the registry with id '{ACCOUNT}'"


@pytest.fixture
def client(understudy):
    return understudy.client("ecr")


@pytest.fixture
def made(client):
    return client.create_repository(repositoryName="team/app", tags=[{"Key": "team", "Value": "web"}])[
        "repository"
    ]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def user_client(understudy, *actions, resource="*", name="somebody", condition=None):
    statement = {"Effect": "Allow", "Action": [f"ecr:{each}" for each in actions], "Resource": resource}
    if condition:
        statement["Condition"] = condition
    who = understudy.user(name, {"Version": "2012-10-17", "Statement": [statement]})
    return understudy.client("ecr", as_=who)


class TestLife:
    def test_what_is_told_of_it(self, client, made, understudy):
        assert understudy.clock.now().replace(microsecond=0) == made.pop("createdAt").replace(microsecond=0)
        assert made == {
            "repositoryArn": ARN,
            "registryId": ACCOUNT,
            "repositoryName": "team/app",
            "repositoryUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/app",
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": False},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        }

    def test_a_name_is_taken_once(self, client, made):
        text = f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'"
        with refused("RepositoryAlreadyExistsException", text):
            client.create_repository(repositoryName="team/app")
        with refused("InvalidParameterException"):
            client.create_repository(repositoryName="Upper")
        with refused("InvalidParameterException"):
            client.create_repository(repositoryName="other", registryId=OTHER)

    def test_what_is_not_served_is_said(self, client):
        with refused("NotImplemented"):
            client.create_repository(repositoryName="a0", encryptionConfiguration={"encryptionType": "KMS"})
        with refused("NotImplemented"):
            client.create_repository(repositoryName="a0", imageTagMutability="MUTABLE_WITH_EXCLUSION")
        with refused("NotImplemented") as told:
            client.start_image_scan(repositoryName="a0", imageId={"imageTag": "x"})
        assert "ecr:StartImageScan" in told.text

    def test_they_are_described_by_name_and_page_by_page(self, client, made):
        for name in ("b0", "c0"):
            client.create_repository(repositoryName=name)
        first = client.describe_repositories(maxResults=2)
        rest = client.describe_repositories(maxResults=2, nextToken=first["nextToken"])
        assert ["b0", "c0", "team/app"] == [
            each["repositoryName"] for page in (first, rest) for each in page["repositories"]
        ]
        assert "nextToken" not in rest
        (one,) = client.describe_repositories(repositoryNames=["c0"])["repositories"]
        assert "c0" == one["repositoryName"]
        with refused("RepositoryNotFoundException"):
            client.describe_repositories(repositoryNames=["c0", "none"])
        with refused("InvalidParameterException"):
            client.describe_repositories(nextToken="x")

    def test_one_with_images_is_deleted_only_when_forced(self, client, made):
        client.put_image(repositoryName="team/app", imageManifest=EMPTY, imageTag="a")
        text = (
            f"The repository with name 'team/app' in registry with id '{ACCOUNT}' cannot be deleted because it still "
            "contains images"
        )
        with refused("RepositoryNotEmptyException", text):
            client.delete_repository(repositoryName="team/app")
        deleted = client.delete_repository(repositoryName="team/app", force=True)["repository"]
        assert ARN == deleted["repositoryArn"]
        with refused("RepositoryNotFoundException", NOT_THERE):
            client.list_images(repositoryName="team/app")
        client.create_repository(repositoryName="team/app")
        assert [] == client.list_images(repositoryName="team/app")["imageIds"]

    def test_what_can_be_set(self, client, made):
        client.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
        client.put_image_scanning_configuration(
            repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True}
        )
        (found,) = client.describe_repositories()["repositories"]
        assert ("IMMUTABLE", True) == (
            found["imageTagMutability"],
            found["imageScanningConfiguration"]["scanOnPush"],
        )

    def test_tags(self, client, made):
        client.tag_resource(resourceArn=ARN, tags=[{"Key": "a", "Value": "1"}])
        client.untag_resource(resourceArn=ARN, tagKeys=["team", "none"])
        assert [{"Key": "a", "Value": "1"}] == client.list_tags_for_resource(resourceArn=ARN)["tags"]
        with refused("InvalidTagParameterException"):
            client.tag_resource(resourceArn=ARN, tags=[{"Key": "aws:a", "Value": ""}])
        with refused("TooManyTagsException"):
            client.tag_resource(
                resourceArn=ARN, tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)]
            )
        with refused("RepositoryNotFoundException"):
            client.list_tags_for_resource(resourceArn=f"{ARN}2")
        with refused("InvalidParameterException"):
            client.list_tags_for_resource(resourceArn="arn:aws:s3:::bucket")


class TestPolicies:
    def test_a_lifecycle_policy_is_kept(self, client, made):
        with refused("LifecyclePolicyNotFoundException"):
            client.get_lifecycle_policy(repositoryName="team/app")
        rules = {
            "rules": [
                {
                    "rulePriority": 1,
                    "selection": {"tagStatus": "any", "countType": "x"},
                    "action": {"type": "expire"},
                }
            ]
        }
        client.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=json.dumps(rules))
        told = client.get_lifecycle_policy(repositoryName="team/app")["lifecyclePolicyText"]
        assert rules == json.loads(told)
        client.delete_lifecycle_policy(repositoryName="team/app")
        with refused("LifecyclePolicyNotFoundException"):
            client.delete_lifecycle_policy(repositoryName="team/app")

    @pytest.mark.parametrize("text", ["{}" + " " * 100, '{"rules":[]}', '{"rules":[{}]}', "[" * 3000])
    def test_what_is_no_lifecycle_policy(self, client, made, text):
        with refused("InvalidParameterException"):
            client.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=text.ljust(100))

    def test_a_repository_s_policy_lets_in_another_account(self, understudy, client, made):
        client.put_image(repositoryName="team/app", imageManifest=EMPTY, imageTag="a")
        there = understudy.client("ecr", as_=understudy.account_administrator(OTHER))
        wanted = {"registryId": ACCOUNT, "repositoryName": "team/app"}
        with refused("AccessDeniedException"):
            there.batch_get_image(**wanted, imageIds=[{"imageTag": "a"}])
        policy = document({"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "ecr:BatchGetImage"})
        client.set_repository_policy(repositoryName="team/app", policyText=policy)
        assert policy == client.get_repository_policy(repositoryName="team/app")["policyText"]
        assert 1 == len(there.batch_get_image(**wanted, imageIds=[{"imageTag": "a"}])["images"])
        with refused("AccessDeniedException"):
            there.describe_images(**wanted)
        with refused("RepositoryNotFoundException"):
            there.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "a"}])
        client.delete_repository_policy(repositoryName="team/app")
        with refused("AccessDeniedException"):
            there.batch_get_image(**wanted, imageIds=[{"imageTag": "a"}])
        with refused("RepositoryPolicyNotFoundException"):
            client.get_repository_policy(repositoryName="team/app")

    @pytest.mark.parametrize("text", ["{}", "no json", document({"Effect": "Allow"}), "[" * 3000])
    def test_what_is_no_policy(self, client, made, text):
        with refused("InvalidParameterException"):
            client.set_repository_policy(repositoryName="team/app", policyText=text)

    def test_a_denial_in_it_binds_its_own_account(self, understudy, client, made):
        who = user_client(understudy, "DescribeImages")
        who.describe_images(repositoryName="team/app")
        denial = document({"Effect": "Deny", "Principal": "*", "Action": "ecr:DescribeImages"})
        client.set_repository_policy(repositoryName="team/app", policyText=denial)
        with refused("AccessDeniedException") as told:
            who.describe_images(repositoryName="team/app")
        assert "with an explicit deny in a resource-based policy" in told.text


class TestPermissions:
    def test_the_resource_is_the_repository(self, understudy, made):
        user_client(understudy, "DescribeImages", resource=ARN).describe_images(repositoryName="team/app")
        with refused("AccessDeniedException") as told:
            user_client(understudy, "DescribeImages", resource=f"{ARN}2", name="other").describe_images(
                repositoryName="team/app"
            )
        assert f"is not authorized to perform: ecr:DescribeImages on resource: {ARN} because" in told.text

    def test_a_list_is_asked_for_all_repositories(self, understudy, made):
        with refused("AccessDeniedException") as told:
            user_client(understudy, "DescribeRepositories", resource=ARN).describe_repositories()
        assert f"on resource: arn:aws:ecr:us-east-1:{ACCOUNT}:repository/* because" in told.text

    @pytest.mark.parametrize("key", ["aws:ResourceTag/team", "ecr:ResourceTag/team"])
    def test_tags_of_the_repository(self, understudy, made, key):
        fits, fits_not = ({"StringEquals": {key: value}} for value in ("web", "ops"))
        user_client(understudy, "ListImages", condition=fits).list_images(repositoryName="team/app")
        with refused("AccessDeniedException"):
            user_client(understudy, "ListImages", condition=fits_not, name="no").list_images(
                repositoryName="team/app"
            )

    def test_tags_at_creation_need_tag_resource(self, understudy):
        who = user_client(understudy, "CreateRepository")
        with refused("AccessDeniedException") as told:
            who.create_repository(repositoryName="a0", tags=[{"Key": "team", "Value": "web"}])
        assert "ecr:TagResource" in told.text
        who.create_repository(repositoryName="a0")
