"""Custom domains, through boto3 (apprunner-services.md 2.5)."""

from __future__ import annotations

import asyncio
import json
import re

import pytest
from refusals import refused
from service_records_made import made_service

from understudy_aws.cli.main import main
from understudy_aws.controllers import certificate_authority
from understudy_aws.controllers.custom_domains import CustomDomainValidation
from understudy_aws.gateway.controller import World
from understudy_aws.services.apprunner.custom_domain_records import active_hosts
from understudy_aws.services.apprunner.service_records import PAUSED
from understudy_aws.testing import Understudy


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


@pytest.fixture
def service(understudy):
    return made_service(understudy)


def associate(apprunner, service, name="shop.example.com", **more):
    return apprunner.associate_custom_domain(ServiceArn=service, DomainName=name, **more)


def only_domain(apprunner, service):
    (found,) = apprunner.describe_custom_domains(ServiceArn=service)["CustomDomains"]
    return found


def look(understudy, find):
    """Look for the records of all domains that wait, once."""
    app = understudy.app
    controller = CustomDomainValidation(find).controller()
    world = World(app.database, app.gateway.clock, app.gateway.ids, app.gateway)
    with app.database.transaction() as tx:
        due = list(controller.due(tx, app.gateway.clock.now()))
    for each in due:
        asyncio.run(controller.reconcile(each.key, world))
    return len(due)


def hosts(understudy, service):
    with understudy.app.database.transaction() as tx:
        return active_hosts(tx, service, understudy.app.gateway.clock.now())


def test_a_new_domain_has_no_records_yet(apprunner, service):
    made = associate(apprunner, service)
    assert {
        "DomainName": "shop.example.com",
        "EnableWWWSubdomain": True,
        "Status": "creating",
    } == made["CustomDomain"]
    assert (service, []) == (made["ServiceArn"], made["VpcDNSTargets"])
    assert made["DNSTarget"].endswith(".us-east-1.awsapprunner.localhost")


def test_then_it_waits_for_a_record_of_each_name_and_one_more(apprunner, service):
    associate(apprunner, service)
    found = only_domain(apprunner, service)
    assert "pending_certificate_dns_validation" == found["Status"]
    records = found["CertificateValidationRecords"]
    patterns = (r"shop\.example\.com\.", r"www\.shop\.example\.com\.", r"2a57j7\w{25}\.shop\.example\.com\.")
    assert 3 == len(records)
    for record, pattern in zip(records, patterns, strict=True):
        assert re.fullmatch(rf"_[0-9a-f]{{32}}\.{pattern}", record["Name"])
        assert re.fullmatch(r"_[0-9a-f]{32}\.\w{10}\.acm-validations\.aws\.", record["Value"])
        assert ("CNAME", "PENDING_VALIDATION") == (record["Type"], record["Status"])


@pytest.mark.parametrize(
    ("name", "more"), [("shop.example.com", {"EnableWWWSubdomain": False}), ("*.example.com", {})]
)
def test_without_www_there_is_one_record_less(apprunner, service, name, more):
    associate(apprunner, service, name, **more)
    found = only_domain(apprunner, service)
    assert 2 == len(found["CertificateValidationRecords"])
    assert not any("*" in record["Name"] for record in found["CertificateValidationRecords"])


def test_it_is_active_when_all_its_records_are_found(understudy, apprunner, service):
    associate(apprunner, service)
    records = {
        each["Name"]: each["Value"]
        for each in only_domain(apprunner, service)["CertificateValidationRecords"]
    }
    missing = dict(list(records.items())[:-1])
    assert 1 == look(understudy, lambda name: missing.get(name, ""))
    assert "pending_certificate_dns_validation" == only_domain(apprunner, service)["Status"]
    assert () == hosts(understudy, service)
    assert 1 == look(understudy, lambda name: records.get(name, ""))
    found = only_domain(apprunner, service)
    assert "active" == found["Status"]
    assert {"SUCCESS"} == {each["Status"] for each in found["CertificateValidationRecords"]}
    assert ("shop.example.com", "www.shop.example.com") == hosts(understudy, service)
    assert 0 == look(understudy, lambda _: "")


def test_a_domain_is_associated_once(understudy, apprunner, service):
    associate(apprunner, service)
    with refused("InvalidRequestException") as told:
        associate(apprunner, made_service(understudy, "other"), "Shop.example.com")
    assert told.text.startswith("shop.example.com is already associated with")


def test_a_service_has_five_in_pages(apprunner, service):
    names = [f"shop-{number}.example.com" for number in range(5)]
    for name in names:
        associate(apprunner, service, name)
    with refused("InvalidRequestException"):
        associate(apprunner, service, "shop-5.example.com")
    found, token = [], {}
    while True:
        page = apprunner.describe_custom_domains(ServiceArn=service, MaxResults=2, **token)
        found += [each["DomainName"] for each in page["CustomDomains"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert names == found


@pytest.mark.parametrize(
    "name", ["localhost", "a..example.com", "*.*.example.com", "-a.example.com", "a b.com"]
)
def test_what_is_no_domain(apprunner, service, name):
    with refused("InvalidRequestException"):
        associate(apprunner, service, name)


def test_a_wildcard_has_no_www(apprunner, service):
    with refused("InvalidRequestException"):
        associate(apprunner, service, "*.example.com", EnableWWWSubdomain=True)


def test_a_removed_domain_is_free(understudy, apprunner, service):
    associate(apprunner, service)
    gone = apprunner.disassociate_custom_domain(ServiceArn=service, DomainName="shop.example.com")
    assert "deleting" == gone["CustomDomain"]["Status"]
    assert [] == apprunner.describe_custom_domains(ServiceArn=service)["CustomDomains"]
    with refused(
        "InvalidRequestException", "No custom domain shop.example.com found for the provided service"
    ):
        apprunner.disassociate_custom_domain(ServiceArn=service, DomainName="shop.example.com")
    associate(apprunner, made_service(understudy, "other"))


def test_domains_of_a_paused_service_stay(understudy, apprunner):
    service = made_service(understudy, status=PAUSED)
    with refused("InvalidStateException"):
        associate(apprunner, service)
    with refused("InvalidStateException"):
        apprunner.disassociate_custom_domain(ServiceArn=service, DomainName="shop.example.com")
    assert [] == apprunner.describe_custom_domains(ServiceArn=service)["CustomDomains"]


def test_the_owner_takes_the_records_as_found(tmp_path, capsys):
    state = str(tmp_path / "left")
    with Understudy(state=state) as night:
        associate(night.client("apprunner"), made_service(night))
    assert 0 == main(["domain", "list", "--state", state])
    shown = capsys.readouterr().out
    assert "pending_certificate_dns_validation" in shown
    assert 3 == shown.count(".acm-validations.aws.")
    assert "\n\nshop.example.com waits for these CNAME records:\n  " in shown
    assert "\\u" not in shown
    assert 0 == main(["domain", "validate", "shop.example.com", "--state", state])
    assert (
        "shop.example.com is active; it was pending_certificate_dns_validation.\n" in capsys.readouterr().out
    )
    assert 0 == main(["domain", "validate", "shop.example.com", "--state", state, "--json"])
    assert "active" == json.loads(capsys.readouterr().out)["was"]
    assert 2 == main(["domain", "validate", "none.example.com", "--state", state])
    assert "No service has the custom domain none.example.com." in capsys.readouterr().err


def test_where_the_user_gives_a_certificate_it_is_said_which_names_it_is_not_for(tmp_path, capsys):
    """No certificate is made then; a wildcard is for the next level alone."""
    state, given = str(tmp_path / "left"), tmp_path / "given.pem"
    names = ["localhost", "shop.example.com", "*.example.net"]
    given.write_text(certificate_authority.made_authority().signed_for(names))
    with Understudy(state=state) as night:
        service = made_service(night)
        for name in (
            "shop.example.com",
            "a.example.net",
            "b.a.example.net",
            "*.example.net",
            "*.example.org",
        ):
            associate(night.client("apprunner"), service, name, EnableWWWSubdomain=name == "shop.example.com")
    assert 0 == main(["domain", "list", "--state", state])
    assert "is not for" not in capsys.readouterr().out
    assert 0 == main(["domain", "list", "--state", state, "--tls-certificate", str(given)])
    said = [line for line in capsys.readouterr().out.splitlines() if " is not for " in line]
    missing = ("*.example.org", "b.a.example.net", "www.shop.example.com")
    assert [f"{given} is not for {name}: over TLS, clients that verify it are not answered. No certificates are "
            "made beside one that is given." for name in missing] == sorted(said)  # fmt: skip
    given.write_text("nothing")
    assert 0 == main(["domain", "list", "--state", state, "--tls-certificate", str(given), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert str(given) == shown["certificate"]
    assert {
        "shop.example.com": ["shop.example.com", "www.shop.example.com"],
        "*.example.org": ["*.example.org"],
    }.items() <= {each["name"]: each["not_in_certificate"] for each in shown["domains"]}.items()
