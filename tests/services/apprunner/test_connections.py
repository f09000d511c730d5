"""Connections, through boto3 (apprunner.md 2.5, 2.7, 4.4), and the handshake that only the console makes."""

from __future__ import annotations

import pytest
from refusals import refused

from understudy_aws.admin.errors import ConflictError, InvalidRequestError, NotFoundError
from understudy_aws.admin.requests import SettleConnection
from understudy_aws.services.apprunner.service_uses import ServiceUse, service_uses

ARN = "arn:aws:apprunner:us-east-1:000000000000:connection"
TEAM = [{"Key": "team", "Value": "web"}]


@pytest.fixture
def apprunner(understudy):
    return understudy.client("apprunner")


def create(apprunner, name="github", **more):
    return apprunner.create_connection(ConnectionName=name, **{"ProviderType": "GITHUB", **more})[
        "Connection"
    ]


def listed(apprunner, **asked):
    return apprunner.list_connections(**asked)["ConnectionSummaryList"]


@pytest.mark.parametrize("provider", ["GITHUB", "BITBUCKET"])
def test_a_new_connection_waits_for_its_handshake(apprunner, provider):
    """Reference apprunner.md 2.5."""
    made = create(apprunner, ProviderType=provider)
    assert made["ConnectionArn"].startswith(f"{ARN}/github/")
    assert ("github", provider, "PENDING_HANDSHAKE") == (
        made["ConnectionName"],
        made["ProviderType"],
        made["Status"],
    )
    assert [made] == listed(apprunner)


def test_another_provider_is_none(apprunner):
    with refused("InvalidRequestException") as told:
        create(apprunner, ProviderType="GITLAB")
    assert "at 'providerType' failed to satisfy constraint" in told.text


def test_a_name_is_taken_until_its_connection_is_deleted(apprunner, understudy):
    """Reference apprunner.md 2.5: unique in an account and Region; a deleted one answers DELETED."""
    made = create(apprunner)
    with refused("InvalidRequestException", "Connection with the provided name already exists: github."):
        create(apprunner, ProviderType="BITBUCKET")
    create(understudy.client("apprunner", region="eu-west-1"))
    gone = apprunner.delete_connection(ConnectionArn=made["ConnectionArn"])["Connection"]
    assert {**made, "Status": "DELETED"} == gone
    assert [] == listed(apprunner)
    with refused("ResourceNotFoundException"):
        apprunner.delete_connection(ConnectionArn=made["ConnectionArn"])
    assert made["ConnectionArn"] != create(apprunner)["ConnectionArn"]


def test_an_old_arn_is_not_the_new_connection_of_the_name(apprunner):
    old = create(apprunner)["ConnectionArn"]
    apprunner.delete_connection(ConnectionArn=old)
    create(apprunner)
    with refused("ResourceNotFoundException"):
        apprunner.delete_connection(ConnectionArn=old)


def test_lists_are_by_exact_name_and_in_pages(apprunner):
    for number in range(3):
        create(apprunner, f"name-{number}")
    assert ["name-1"] == [each["ConnectionName"] for each in listed(apprunner, ConnectionName="name-1")]
    assert [] == listed(apprunner, ConnectionName="name")
    first = apprunner.list_connections(MaxResults=2)
    rest = apprunner.list_connections(MaxResults=2, NextToken=first["NextToken"])
    assert ["name-0", "name-1", "name-2"] == [
        each["ConnectionName"] for page in (first, rest) for each in page["ConnectionSummaryList"]
    ]
    assert "NextToken" not in rest


def test_an_account_has_10_connections_in_a_region(apprunner):
    """Reference apprunner.md 2.7."""
    for number in range(10):
        create(apprunner, f"name-{number}")
    with refused("ServiceQuotaExceededException"):
        create(apprunner, "name-10")


def test_what_a_service_uses_stays(apprunner, understudy):
    """Reference apprunner.md 2.5."""
    arn = create(apprunner)["ConnectionArn"]
    service = "arn:aws:apprunner:us-east-1:000000000000:service/web/1"
    use = ServiceUse(account=understudy.account, region="us-east-1", resource=arn, service=service)
    with understudy.app.database.transaction() as tx:
        service_uses.put(tx, use)
    with refused("InvalidRequestException"):
        apprunner.delete_connection(ConnectionArn=arn)
    uses = understudy.app.gateway.registry.uses
    with understudy.app.database.transaction() as tx:
        tree = uses.tree(tx, uses.find(tx, arn), most=10, most_nodes=100)
        service_uses.delete(tx, use)
    assert [("apprunner:service", True)] == [(each["kind"], each["holds"]) for each in tree["used_by"]]
    apprunner.delete_connection(ConnectionArn=arn)


def test_tags_are_taken_and_are_conditions(understudy, apprunner):
    """Reference apprunner.md 4.4."""
    arn = create(apprunner, Tags=TEAM)["ConnectionArn"]
    assert TEAM == apprunner.list_tags_for_resource(ResourceArn=arn)["Tags"]
    other = create(apprunner, "other")["ConnectionArn"]
    statement = {
        "Effect": "Allow",
        "Action": ["apprunner:DeleteConnection", "apprunner:TagResource"],
        "Resource": f"{ARN}/*/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}},
    }
    web = understudy.client(
        "apprunner", as_=understudy.user("web", {"Version": "2012-10-17", "Statement": [statement]})
    )
    with refused("AccessDeniedException"):
        web.delete_connection(ConnectionArn=other)
    web.tag_resource(ResourceArn=arn, Tags=[{"Key": "more", "Value": "1"}])
    web.delete_connection(ConnectionArn=arn)


class TestHandshake:
    """`understudy connection` in the place of the console (apprunner.md 2.5)."""

    def test_an_approved_connection_is_available(self, understudy, apprunner):
        made = create(apprunner)
        answered = understudy.app.admin.answer(SettleConnection(name="github"))
        assert {"arn": made["ConnectionArn"], "status": "AVAILABLE", "was": "PENDING_HANDSHAKE"} == answered
        assert [{**made, "Status": "AVAILABLE"}] == listed(apprunner)
        again = understudy.app.admin.answer(SettleConnection(name="github"))
        assert "AVAILABLE" == again["was"]

    def test_a_refused_one_has_an_error_and_may_be_approved_later(self, understudy, apprunner):
        create(apprunner)
        understudy.app.admin.answer(SettleConnection(name="github", outcome="ERROR"))
        assert "ERROR" == listed(apprunner)[0]["Status"]
        understudy.app.admin.answer(SettleConnection(name="github"))
        assert "AVAILABLE" == listed(apprunner)[0]["Status"]

    def test_what_is_available_cannot_be_refused(self, understudy, apprunner):
        create(apprunner)
        understudy.app.admin.answer(SettleConnection(name="github"))
        with pytest.raises(ConflictError, match="AVAILABLE"):
            understudy.app.admin.answer(SettleConnection(name="github", outcome="ERROR"))

    def test_one_of_several_of_a_name_is_chosen_by_its_region_or_its_arn(self, understudy, apprunner):
        create(apprunner)
        elsewhere = understudy.client("apprunner", region="eu-west-1")
        other = create(elsewhere)
        with pytest.raises(InvalidRequestError, match=r"eu-west-1(.|\n)*us-east-1"):
            understudy.app.admin.answer(SettleConnection(name="github"))
        understudy.app.admin.answer(SettleConnection(name="github", region="us-east-1"))
        assert ["AVAILABLE", "PENDING_HANDSHAKE"] == [
            listed(client)[0]["Status"] for client in (apprunner, elsewhere)
        ]
        understudy.app.admin.answer(SettleConnection(name=other["ConnectionArn"]))
        assert "AVAILABLE" == listed(elsewhere)[0]["Status"]

    def test_a_name_that_is_not_there_is_said_with_those_that_are(self, understudy, apprunner):
        create(apprunner, "git-hub")
        with pytest.raises(NotFoundError, match="git-hub"):
            understudy.app.admin.answer(SettleConnection(name="github"))
        with pytest.raises(NotFoundError, match="There is no connection github in eu-west-1"):
            understudy.app.admin.answer(SettleConnection(name="github", region="eu-west-1"))
