"""Services in containers of an engine, where no network can be made: they call the APIs as their instance role."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request

import engines
import pytest
from python_images import PYTHON, write_image
from restrictions import refusal_of, restricted
from running_services import ServiceSite, until

RESTRICTION = "no-unshare"
REFUSED = refusal_of(RESTRICTION) or ("" if PYTHON.exists() else f"there is no {PYTHON}")
pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "it can be restricted")]

PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
# Does what the query asks for: `boto3=SERVICE:OPERATION` as boto3 finds itself, or `fetch=URL` with a token.
APPLICATION = """
import http.server, json, os, urllib.parse, urllib.request
def call(asked):
    import boto3, botocore.config, botocore.exceptions
    service, operation = asked.split(":")
    config = botocore.config.Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 1})
    try:
        return "ok " + getattr(boto3.client(service, config=config), operation)().get("Arn", "")
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        return type(error).__name__ + " " + str(error)
def fetch(url, token):
    try:
        asked = urllib.request.Request(url, headers={"Authorization": token})
        return urllib.request.urlopen(asked, timeout=10).read().decode()
    except OSError as error:
        return repr(error)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        if "boto3" in query:
            said = call(query["boto3"])
        elif "fetch" in query:
            said = fetch(query["fetch"], query["token"])
        else:
            said = json.dumps(dict(os.environ))
        self.send_response(200)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "tasks.apprunner.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
LIST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "secretsmanager:ListSecrets", "Resource": "*"}],
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    write_image(place, PACKAGES, (str(PYTHON), "-c", APPLICATION))
    yield place
    shutil.rmtree(place)


@pytest.fixture(params=[("podman", ()), ("docker", ("--tls",))], ids=["podman", "docker-tls"])
def site(request, images, tmp_path):
    kind, arguments = request.param
    with engines.engine_of(kind) as engine:
        registry = ("--registry", f"public.ecr.aws/team/app=oci:{images}")
        made = ServiceSite(
            tmp_path,
            *registry,
            *arguments,
            restriction=RESTRICTION,
            variables={"DOCKER_HOST": engine.address},
        )
        try:
            yield made
        finally:
            made.end()


def create(site: ServiceSite, name: str, **members) -> dict:
    """Create a service of the image, and wait until it runs."""
    repository = {"ImageIdentifier": "public.ecr.aws/team/app:latest", "ImageRepositoryType": "ECR_PUBLIC"}
    made = site.apprunner.create_service(
        ServiceName=name,
        SourceConfiguration={"ImageRepository": repository, "AutoDeploymentsEnabled": False},
        **members,
    )["Service"]
    service = site.settled(made["ServiceArn"])
    assert service["Status"] == "RUNNING", site.reason()
    return service


def test_one_calls_the_apis_as_its_role_and_nobody_else_has_its_credentials(site, tmp_path):
    iam = site.client("iam")
    role = iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    service = create(site, "mine", InstanceConfiguration={"InstanceRoleArn": role})
    caller = site.answer(service, "/?boto3=sts:get_caller_identity")
    assert caller.startswith("ok arn:aws:sts::000000000000:assumed-role/web/"), caller
    assert "AccessDenied" in site.answer(service, "/?boto3=secretsmanager:list_secrets")
    iam.put_role_policy(RoleName="web", PolicyName="list", PolicyDocument=json.dumps(LIST))
    assert until(lambda: site.answer(service, "/?boto3=secretsmanager:list_secrets") == "ok ", 20)

    # Another container has no way in, not even with the token; nor has this machine, and so none of its users.
    environment = json.loads(site.answer(service))
    credentials, token = (
        environment[f"AWS_CONTAINER_{name}"] for name in ("CREDENTIALS_FULL_URI", "AUTHORIZATION_TOKEN")
    )
    asked = f"/?{urllib.parse.urlencode({'fetch': credentials, 'token': token})}"
    assert "AccessKeyId" in site.answer(service, asked)
    other = create(site, "other")
    assert "AccessKeyId" not in site.answer(other, asked)
    with pytest.raises(OSError):
        urllib.request.urlopen(
            urllib.request.Request(credentials, headers={"Authorization": token}), timeout=5
        )

    # It is said where somebody looks what containers are not held to.
    words = restricted(
        RESTRICTION, sys.executable, "-m", "understudy_aws", "status", "--state", str(tmp_path / "state")
    )
    told = subprocess.run(
        words, env=site.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "no security group acts on their packets" in told.stdout + told.stderr
    assert "reach neither the APIs" not in told.stdout + told.stderr
