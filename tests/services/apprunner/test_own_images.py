"""Images named in registries of this server's accounts that are not there: it is said what is, and no other is asked."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace
from plain_sites import Site

from understudy_aws.dataplane.runtime.registries import ImagePlaces
from understudy_aws.dataplane.tasks import TaskStatus
from understudy_aws.services.apprunner.own_images import is_of_this_server, why_none
from understudy_aws.services.apprunner.service_records import services

ACCOUNT, OTHER = "000000000000", "999988887777"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com"
ELSEWHERE = f"`understudy up --registry {HOST}=https://{HOST}` takes the images of Amazon ECR itself."


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
        made.workloads.end()


def reason(site, image):
    """Why a service of an image can't be made."""
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "build.apprunner.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
    iam = site.understudy.client("iam")
    role = iam.create_role(RoleName="access", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    read = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"
    iam.attach_role_policy(RoleName="access", PolicyArn=read)
    arn = site.create(
        SourceConfiguration={
            "ImageRepository": {"ImageIdentifier": image, "ImageRepositoryType": "ECR"},
            "AuthenticationConfiguration": {"AccessRoleArn": role["Arn"]},
        }
    )
    assert site.ended(arn)[0]["Status"] == "CREATE_FAILED"
    return site.reason(arn)


def test_a_repository_that_is_not_there_is_said(site):
    assert reason(site, f"{HOST}/team/app:v9") == (
        f"There is no repository team/app in account {ACCOUNT} and Region us-east-1. "
        f"Built here by `understudy image build`: none. {ELSEWHERE}"
    )


def test_a_tag_that_is_not_there_is_said(site):
    site.understudy.client("ecr").create_repository(repositoryName="app")
    assert reason(site, f"{HOST}/app:v9") == (
        "There is no image app:v9; tags of the repository: none. "
        f"Built here by `understudy image build`: none. {ELSEWHERE}"
    )


def test_what_was_built_here_is_named(understudy, tmp_path):
    for name in ("app", "team/web"):
        layout = tmp_path / name
        layout.mkdir(parents=True)
        tags = [
            {"digest": "sha256:0", "annotations": {"org.opencontainers.image.ref.name": tag}} for tag in "cab"
        ]
        (layout / "index.json").write_text(json.dumps({"manifests": tags}))
    with understudy.app.database.transaction() as tx:
        told = why_none(tx, f"{HOST}/app:v9", ImagePlaces(built=tmp_path))
    assert "`understudy image build`: app:a, app:b, app:c, team/web:a, team/web:b and 1 more. " in told


@pytest.mark.parametrize(("host", "asked"), [(HOST, False), (HOST.replace(ACCOUNT, OTHER), True)])
def test_a_new_version_of_what_is_gone_is_sought_in_no_other_registry(site, monkeypatch, host, asked):
    """Automatic deployments look at images again and again."""
    arn = site.create()
    site.ended(arn)
    with site.understudy.app.database.transaction() as tx:
        (service,) = services.where(tx, "by_arn", arn)
        source = service.settings.source
        source = replace(source, automatic=True, image=replace(source.image, identifier=f"{host}/app:v9"))
        services.put(tx, replace(service, settings=replace(service.settings, source=source)))
    sought = []

    def pull(id, task):
        sought.append(task.reference)
        return TaskStatus(id=id, state="failed", reason="no such host")

    monkeypatch.setattr(site.workloads, "_carried_out", pull)
    for _ in range(3):
        site.understudy.clock.advance(600)
        site.understudy.settle()
    assert set(sought) == ({f"docker://{host}/app:v9"} if asked else set())


def test_names_in_registries_of_others_are_no_names_of_ours(understudy):
    with understudy.app.database.transaction() as tx:
        assert is_of_this_server(tx, f"{HOST}/app")
        assert not is_of_this_server(tx, f"{HOST.replace(ACCOUNT, OTHER)}/app")
        assert not is_of_this_server(tx, "public.ecr.aws/alias/app")
