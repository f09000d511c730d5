"""How services do, as `understudy services`, `understudy status SERVICE` and `understudy events` ask."""

from __future__ import annotations

import pytest
from plain_sites import PUBLIC, Site

from understudy_aws.admin.errors import InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import ListServiceStates, ListStateChanges


@pytest.fixture
def site(tmp_path, monkeypatch):
    made = Site(tmp_path, monkeypatch)
    with made.understudy:
        yield made
    made.workloads.end()


def states(site, **asked):
    return site.understudy.answer_administrative(ListServiceStates(**asked))["services"]


def test_a_running_service_tells_its_url_and_its_instances(site):
    arn = site.create()
    service, _ = site.ended(arn)
    (told,) = states(site)
    assert ("site", arn, "RUNNING", service["ServiceUrl"]) == (
        told["name"],
        told["arn"],
        told["status"],
        told["url"],
    )
    assert [(id, "serving") for id in site.records()[0]] == [
        (each["id"], each["purpose"]) for each in told["instances"]
    ]
    assert ("CREATE_SERVICE", "SUCCEEDED", "") == (
        told["operation"]["type"],
        told["operation"]["status"],
        told["operation"]["reason"],
    )
    assert "sha256:one" == told["version"]["image"]


def test_one_that_failed_says_why(site):
    site.ended(site.create("3"))
    (told,) = states(site, service="site")
    assert f"There is no image docker://{PUBLIC}:3." == told["operation"]["reason"]
    assert ("CREATE_FAILED", "FAILED") == (told["status"], told["operation"]["status"])


def test_a_failure_is_not_told_once_a_later_operation_has_succeeded(site):
    arn = site.create()
    site.ended(arn)
    told = []
    for image in ("3", "1"):
        source = {
            "ImageRepository": {"ImageIdentifier": f"{PUBLIC}:{image}", "ImageRepositoryType": "ECR_PUBLIC"}
        }
        site.apprunner.update_service(ServiceArn=arn, SourceConfiguration=source)
        site.ended(arn)
        told.append(states(site)[0]["operation"])
    assert [bool(each["reason"]) for each in told] == [True, False]
    assert all(each["ended_seconds_ago"] >= 0 for each in told)


def test_a_deleted_one_is_told_of_by_name_alone(site):
    arn = site.create("3")
    site.ended(arn)
    site.apprunner.delete_service(ServiceArn=arn)
    site.ended(arn)
    assert [] == states(site)
    assert "DELETED" == states(site, service="site")[0]["status"]
    with pytest.raises(NotFoundError):
        states(site, service="other")


def test_events_go_on_from_where_an_answer_ended(site):
    """Reference apprunner-services.md 5.8."""

    def events(**asked):
        return site.understudy.answer_administrative(ListStateChanges(**asked))

    arn = site.create("3")
    site.ended(arn)
    first = events()
    statuses = [each["detail"].get("operationStatus") for each in first["events"]]
    assert ["CreateServiceStarted", "CreateServiceFailed", None] == statuses
    assert first["events"][-1:] == events(limit=1)["events"]
    assert ([], first["next"]) == (events(after=first["next"])["events"], first["next"])
    site.apprunner.delete_service(ServiceArn=arn)
    site.ended(arn)
    rest = events(after=first["next"])["events"]
    assert ["DeleteServiceStarted", "DeleteServiceCompletedSuccessfully", None] == [
        each["detail"].get("operationStatus") for each in rest
    ]
    with pytest.raises(InvalidRequestError):
        events(after="x")
