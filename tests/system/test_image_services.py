"""Services from images of the account's own registry: pushed by skopeo, taken as the access role, run by a node."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request

import pytest
from images import missing_for_web_images, web_image
from served_account import REGION, ServedAccount

MISSING = missing_for_web_images()
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(MISSING), reason=MISSING or "images can run")]
ACCOUNT = "000000000000"
NAME = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web:latest"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "build.apprunner.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
READ = "arn:aws:iam::aws:policy/service-role/AWSAppRunnerServicePolicyForECRAccess"
LONGEST = 120.0


@pytest.fixture
def account(home, user):
    made = ServedAccount(home, state=str(home / "state"), user=user)
    made.place = home
    made.client("ecr").create_repository(repositoryName="web")
    yield made
    made.understudy("stop")
    made.close()


def push(account, text):
    """Push an image whose server answers with a text."""
    image = account.place / "image"
    shutil.rmtree(image, ignore_errors=True)
    web_image(image, text)
    password = account.aws("ecr", "get-login-password").stdout.strip()
    there = f"docker://{account.server.said['endpoint'].rpartition('/')[2]}/web:latest"
    done = subprocess.run(
        ["skopeo", "--insecure-policy", "copy", "--dest-tls-verify=false", f"--dest-creds=AWS:{password}",
         f"oci:{image}:latest", there],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def role(account, name, *policies):
    iam = account.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return made["Arn"]


def create(account, name, access_role, **configuration):
    made = account.client("apprunner").create_service(
        ServiceName=name,
        SourceConfiguration={
            "ImageRepository": {
                "ImageIdentifier": NAME,
                "ImageRepositoryType": "ECR",
                "ImageConfiguration": {"Port": "8080", **configuration},
            },
            "AuthenticationConfiguration": {"AccessRoleArn": access_role},
            "AutoDeploymentsEnabled": True,
        },
    )
    return made["Service"]["ServiceArn"]


def settled(account, arn):
    service = {}
    for _ in range(int(LONGEST / 0.2)):
        service = account.client("apprunner").describe_service(ServiceArn=arn)["Service"]
        if service["Status"] != "OPERATION_IN_PROGRESS":
            return service
        time.sleep(0.2)
    raise AssertionError(f"{service} is still under way")


def answer(service):
    host, _, port = service["ServiceUrl"].partition(":")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=10) as answered:
        return answered.read().decode()


def test_an_image_of_the_accounts_own_runs_and_a_new_one_is_deployed_by_itself(account):
    push(account, "one")
    service = settled(account, create(account, "image-web", role(account, "access", READ)))
    assert "RUNNING" == service["Status"]
    assert "one" == answer(service)
    push(account, "two")
    for _ in range(int(LONGEST / 0.2)):
        if answer(service) == "two":
            break
        time.sleep(0.2)
    assert "two" == answer(service)
    kinds = account.client("apprunner").list_operations(ServiceArn=service["ServiceArn"])
    assert ["START_DEPLOYMENT", "CREATE_SERVICE"] == [each["Type"] for each in kinds["OperationSummaryList"]]
    settled(account, service["ServiceArn"])
    assert [] == list((account.place / "state/registry/taken").iterdir())


def test_without_the_roles_permission_the_image_is_not_taken_and_the_reason_says_so(account):
    push(account, "one")
    arn = create(account, "image-web", role(account, "powerless"))
    assert "CREATE_FAILED" == settled(account, arn)["Status"]
    told = account.understudy("status", "image-web")
    assert "ecr:BatchGetImage" in told
    assert "powerless" in told


def test_an_image_that_is_not_there_is_named(account):
    arn = create(account, "image-web", role(account, "access", READ))
    assert "CREATE_FAILED" == settled(account, arn)["Status"]
    assert "web" in account.understudy("status", "image-web")


def test_a_start_command_that_the_image_has_not_got_fails_at_once_and_is_named(account):
    """Not after the five minutes that an application has to start (apprunner-services.md 5.3)."""
    push(account, "one")
    arn = create(account, "image-web", role(account, "access", READ), StartCommand="/bin/nothing --port 8080")
    assert "CREATE_FAILED" == settled(account, arn)["Status"]
    told = account.understudy("status", "image-web")
    assert "StartCommand can't be run: there is no /bin/nothing in the image." in told
    assert "started again" not in told
