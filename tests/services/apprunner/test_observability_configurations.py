"""Observability configurations, through boto3 (apprunner.md 2.4, 2.7, 4.4)."""

from __future__ import annotations

import pytest
from refusals import refused

from understudy_aws.services.apprunner.service_uses import ServiceUse, service_uses

ARN = "arn:aws:apprunner:us-east-1:000000000000:observabilityconfiguration"
PROVIDED = f"{ARN}/DefaultConfiguration/1/00000000000000000000000000000001"
TRACED = {"TraceConfiguration": {"Vendor": "AWSXRAY"}}


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


def create(apprunner, name, **settings):
    return apprunner.create_observability_configuration(ObservabilityConfigurationName=name, **settings)[
        "ObservabilityConfiguration"
    ]


def describe(apprunner, arn):
    return apprunner.describe_observability_configuration(ObservabilityConfigurationArn=arn)[
        "ObservabilityConfiguration"
    ]


def delete(apprunner, arn):
    return apprunner.delete_observability_configuration(ObservabilityConfigurationArn=arn)[
        "ObservabilityConfiguration"
    ]


def listed(apprunner, **asked):
    found = apprunner.list_observability_configurations(**asked)["ObservabilityConfigurationSummaryList"]
    return [
        (each["ObservabilityConfigurationName"], each["ObservabilityConfigurationRevision"]) for each in found
    ]


def test_a_new_name_has_revision_1_and_traces_when_told_to(apprunner):
    """Reference apprunner.md 2.4: without a trace configuration there is no tracing; the status is in upper case."""
    made = create(apprunner, "xray-tracing", **TRACED)
    assert made["ObservabilityConfigurationArn"].startswith(f"{ARN}/xray-tracing/1/")
    assert (1, True, "ACTIVE", {"Vendor": "AWSXRAY"}) == tuple(
        made[name]
        for name in ("ObservabilityConfigurationRevision", "Latest", "Status", "TraceConfiguration")
    )
    assert "TraceConfiguration" not in create(apprunner, "nothing")


def test_the_same_name_makes_the_next_revision_which_alone_is_the_latest(apprunner):
    first, second = create(apprunner, "xray-tracing"), create(apprunner, "xray-tracing", **TRACED)
    assert 2 == second["ObservabilityConfigurationRevision"]
    assert {**first, "Latest": False} == describe(apprunner, f"{ARN}/xray-tracing/1")
    assert second == describe(apprunner, f"{ARN}/xray-tracing")


def test_the_provided_one_is_described_and_its_name_reserved(apprunner):
    """Reference apprunner.md 2.4: of observability configurations the name is reserved still."""
    assert ("ACTIVE", {"Vendor": "AWSXRAY"}) == tuple(
        describe(apprunner, PROVIDED)[name] for name in ("Status", "TraceConfiguration")
    )
    with refused("InvalidRequestException") as told:
        create(apprunner, "DefaultConfiguration")
    assert "reserved" in told.text
    with refused("InvalidRequestException") as told:
        delete(apprunner, PROVIDED)
    assert "reserved" in told.text


def test_lists_have_arn_name_and_revision_of_active_ones(apprunner):
    """Reference apprunner.md 2.4."""
    for name in ("xray-tracing", "api-tracing", "xray-tracing"):
        create(apprunner, name)
    default = ("DefaultConfiguration", 1)
    assert [default, ("api-tracing", 1), ("xray-tracing", 2)] == listed(apprunner)
    assert [("xray-tracing", 1), ("xray-tracing", 2)] == listed(
        apprunner, ObservabilityConfigurationName="xray-tracing", LatestOnly=False
    )
    gone = delete(apprunner, f"{ARN}/xray-tracing")
    assert (2, "INACTIVE", False, True) == (
        gone["ObservabilityConfigurationRevision"],
        gone["Status"],
        gone["Latest"],
        "DeletedAt" in gone,
    )
    assert [("xray-tracing", 1)] == listed(apprunner, ObservabilityConfigurationName="xray-tracing")
    (one,) = apprunner.list_observability_configurations(ObservabilityConfigurationName="api-tracing")[
        "ObservabilityConfigurationSummaryList"
    ]
    assert {
        "ObservabilityConfigurationArn",
        "ObservabilityConfigurationName",
        "ObservabilityConfigurationRevision",
    } == one.keys()


def test_pages_make_up_the_whole(apprunner):
    for number in range(3):
        create(apprunner, f"name-{number}")
    first = apprunner.list_observability_configurations(MaxResults=3)
    rest = apprunner.list_observability_configurations(MaxResults=3, NextToken=first["NextToken"])
    names = [
        each["ObservabilityConfigurationName"]
        for page in (first, rest)
        for each in page["ObservabilityConfigurationSummaryList"]
    ]
    assert ["DefaultConfiguration", "name-0", "name-1", "name-2"] == names
    assert "NextToken" not in rest
    with refused("InvalidRequestException"):
        apprunner.list_auto_scaling_configurations(NextToken=first["NextToken"])


def test_a_deleted_revision_is_inactive_for_an_hour_and_then_gone(apprunner, understudy):
    made = create(apprunner, "xray-tracing")["ObservabilityConfigurationArn"]
    gone = delete(apprunner, made)
    assert gone == describe(apprunner, made)
    with refused("InvalidRequestException"):
        delete(apprunner, made)
    understudy.clock.advance(3700)
    understudy.settle()
    with refused("ResourceNotFoundException"):
        describe(apprunner, made)
    assert 1 == create(apprunner, "xray-tracing")["ObservabilityConfigurationRevision"]


def test_what_a_service_uses_stays(apprunner, understudy):
    """Reference apprunner.md 2.4."""
    arn = create(apprunner, "xray-tracing")["ObservabilityConfigurationArn"]
    service = "arn:aws:apprunner:us-east-1:000000000000:service/web/1"
    use = ServiceUse(account=understudy.account, region="us-east-1", resource=arn, service=service)
    with understudy.app.database.transaction() as tx:
        service_uses.put(tx, use)
    with refused("InvalidRequestException") as told:
        delete(apprunner, f"{ARN}/xray-tracing")
    assert told.text.startswith("You can't delete the observability configuration.")
    uses = understudy.app.gateway.registry.uses
    with understudy.app.database.transaction() as tx:
        tree = uses.tree(tx, uses.find(tx, arn), most=10, most_nodes=100)
        service_uses.delete(tx, use)
    assert [("apprunner:service", True)] == [(each["kind"], each["holds"]) for each in tree["used_by"]]
    delete(apprunner, arn)


def test_an_account_has_10_names_of_10_revisions_in_a_region(apprunner):
    """Reference apprunner.md 2.7."""
    for _ in range(10):
        create(apprunner, "name-0")
    with refused("ServiceQuotaExceededException"):
        create(apprunner, "name-0")
    for number in range(1, 10):
        create(apprunner, f"name-{number}")
    with refused("ServiceQuotaExceededException"):
        create(apprunner, "name-10")


def test_what_is_no_such_arn_is_said_to_be_none_and_what_is_not_there_is_not_found(apprunner):
    wrong = "arn:aws:apprunner:us-east-1:000000000000:autoscalingconfiguration/DefaultConfiguration"
    expected = f"The observability configuration ARN you specified isn't valid. ARN: '{wrong}'"
    with refused("InvalidRequestException", expected):
        describe(apprunner, wrong)
    with refused("ResourceNotFoundException"):
        describe(apprunner, f"{ARN}/xray-tracing")


def test_a_vendor_is_one_of_the_model_s(apprunner):
    with refused("InvalidRequestException") as told:
        create(apprunner, "xray-tracing", TraceConfiguration={"Vendor": "ZIPKIN"})
    assert "traceConfiguration.vendor" in told.text


def test_tags_are_conditions_of_what_may_be_deleted(understudy, apprunner):
    """Reference apprunner.md 4.4: every type of resource has aws:ResourceTag."""
    create(apprunner, "xray-tracing")
    made = create(apprunner, "web-tracing", Tags=[{"Key": "team", "Value": "web"}])
    statement = {
        "Effect": "Allow",
        "Action": "apprunner:Delete*",
        "Resource": f"{ARN}/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}},
    }
    who = understudy.user("web", {"Version": "2012-10-17", "Statement": [statement]})
    web = understudy.client("apprunner", as_=who)
    with refused("AccessDeniedException"):
        delete(web, f"{ARN}/xray-tracing")
    assert (
        made["ObservabilityConfigurationArn"]
        == delete(web, f"{ARN}/web-tracing")["ObservabilityConfigurationArn"]
    )
