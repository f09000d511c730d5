"""Terraform's AWS provider makes, reads, changes, imports and removes services that really run, and what is around them."""

from __future__ import annotations

import shutil
import tempfile
import urllib.request
from pathlib import Path

import pytest
from nodes import refusal_for
from plain_workloads import repository
from served_account import TOOLS
from terraform import Terraform, why_not

from understudy_aws.cli.service_scenario import missing_for_services

REFUSED = (
    why_not()
    or ("" if TOOLS.is_dir() else "it takes minutes: scripts/try-tools runs it")
    or refusal_for(None)
    or missing_for_services()
)
pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(900),
    pytest.mark.skipif(bool(REFUSED), reason=REFUSED or "services can run"),
]
APPLICATION = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = os.environ.get("ANSWER", "inner").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
CHANGED = "-var=changed=true"


@pytest.fixture(scope="module")
def terraform():
    # Sockets have short paths, and instances see nothing beneath the directories of tests.
    place = Path(tempfile.mkdtemp())
    made = Terraform("services", place, state=str(place / "state"))
    code = repository(place / "code", **{"application.py": APPLICATION})
    made.environment["TF_VAR_repository"] = f"file://{code}"
    yield made
    made.understudy("stop")
    made.close()
    shutil.rmtree(place, ignore_errors=True)


def arns(terraform):
    """The ARNs of the services there are, by their names."""
    found = terraform.client("apprunner").list_services()["ServiceSummaryList"]
    return {each["ServiceName"]: each["ServiceArn"] for each in found}


def answer(service):
    host = service["url"]
    request = urllib.request.Request(f"http://127.0.0.1:{host.partition(':')[2]}/", headers={"Host": host})
    with urllib.request.urlopen(request, timeout=20) as got:
        return got.read().decode()


def test_1_a_service_is_made_and_read_back_as_it_was_asked_for(terraform):
    """Reference apprunner-services.md 2.3, 2.5, 2.6: no status outside those that the provider waits in."""
    done = terraform.run("apply", "-auto-approve", "-target=aws_apprunner_connection.source")
    assert done.returncode == 0, done.stderr
    terraform.understudy("connection", "approve", "source")
    made = terraform.apply()
    assert "RUNNING" == made["service"]["status"]
    assert "first" == answer(made["service"])
    assert "AVAILABLE" == made["inner"]["entry"]
    assert made["inner"]["domain"].endswith(".us-east-1.awsapprunner.com")
    assert "pending_certificate_dns_validation" == made["domain"]["status"]
    assert {"CNAME"} == set(made["domain"]["types"])
    assert "" == terraform.changes()


def test_2_what_is_imported_is_what_was_made(terraform):
    """Import reads all again by the identifiers that the provider documents."""
    service = arns(terraform)["web-site"]
    for address, identifier in (
        ("aws_apprunner_service.web", service),
        ("aws_apprunner_custom_domain_association.shop", f"shop.example.com,{service}"),
    ):
        assert terraform.run("state rm", address).returncode == 0
        done = terraform.run("import", address, identifier)
        assert done.returncode == 0, done.stderr
    assert "" == terraform.changes()


def test_3_changes_are_made_in_place_or_by_another_resource(terraform):
    before = arns(terraform)
    made = terraform.apply(CHANGED)
    assert {"web-site": before["web-site"], "inner-site-2": made["inner"]["arn"]} == arns(terraform)
    assert "changed" == answer(made["service"])
    assert "" == terraform.changes(CHANGED)
    described = terraform.client("apprunner").describe_service(ServiceArn=made["service"]["arn"])["Service"]
    assert {"Cpu": "1024", "Memory": "3072"}.items() <= described["InstanceConfiguration"].items()


def test_4_after_the_destruction_nothing_is_left(terraform):
    terraform.destroy(CHANGED)
    apprunner = terraform.client("apprunner")
    assert [] == apprunner.list_services()["ServiceSummaryList"]
    assert [] == apprunner.list_vpc_connectors()["VpcConnectors"]
    assert [] == apprunner.list_vpc_ingress_connections()["VpcIngressConnectionSummaryList"]
    assert [] == apprunner.list_connections()["ConnectionSummaryList"]
    assert not terraform.left()
