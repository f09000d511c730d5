"""Work that an older version began, in the records it kept then: it goes on, and what it ended can still be read.

The bodies are what version 0.1.0 wrote, with the ids of the state they are put into.
"""

from __future__ import annotations

import json

import pytest

from understudy_aws.services.iam.deletion_tasks import old_deletion_tasks
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.organizations.account_requests import old_account_requests
from understudy_aws.services.organizations.organization_records import organizations
from understudy_aws.testing import Understudy

NETWORKING = "networking.apprunner.amazonaws.com"
ROLE = "AWSServiceRoleForAppRunnerNetworking"
PREFIX = f"task/aws-service-role/{NETWORKING}/{ROLE}/"
UNDER_WAY = PREFIX + "01d2aa0a-79d0-4496-82ff-9f05a1cc18f8"
FAILED = PREFIX + "55fff535-ab6b-4b36-a6a8-07f9142058ec"
SUCCEEDED = PREFIX + "ef0ab359-21cb-46c9-a35e-3bc68d154ec8"
CONNECTOR = "arn:aws:apprunner:us-east-1:000000000000:vpcconnector/main/1/724d03397c08e3b4a78633f03d5d617f"
REASON = (
    f"SLR [{ROLE}] is in use by other resources: [RoleUsageType(Region=us-east-1, Resources=[{CONNECTOR}])]"
)


def written(**body) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def put(understudy, table, *bodies: bytes) -> None:
    with understudy.app.database.transaction() as tx:
        for body in bodies:
            table.put(tx, table.decode(body))


@pytest.fixture
def restarted(tmp_path):
    """Runs what is given in one server, and answers the next on the same state with the administrator of the first."""
    opened = []

    def restart(prepare):
        with Understudy(state=str(tmp_path), settles=False) as first:
            prepare(first)
            who = first.administrator
        second = Understudy(state=str(tmp_path), account="999999999999", settles=False)
        opened.append(second)
        return second, who

    yield restart
    for each in opened:
        each.app.close()


def test_deletion_tasks_go_on_and_are_told_of(restarted):
    def prepare(first):
        first.client("iam").create_service_linked_role(AWSServiceName=NETWORKING)
        with first.app.database.transaction() as tx:
            role_id = roles.get(tx, first.account, ROLE.lower()).id
        task = {
            "account": first.account,
            "role": ROLE.lower(),
            "role_id": role_id,
            "created": "2026-11-28T09:28:29.674297Z",
            "due": "2026-11-28T09:28:29.674297Z",
        }
        ended = {"ended": "2026-11-28T09:28:29.661170Z"}
        put(
            first,
            old_deletion_tasks,
            written(id=UNDER_WAY, **task),
            written(id=SUCCEEDED, **task, status="SUCCEEDED", **ended),
            written(
                id=FAILED,
                **task,
                status="FAILED",
                reason=REASON,
                usage=[["us-east-1", [CONNECTOR]]],
                **ended,
            ),
        )

    second, who = restarted(prepare)
    iam = second.client("iam", as_=who)

    def status(task):
        return iam.get_service_linked_role_deletion_status(DeletionTaskId=task)

    assert "IN_PROGRESS" == status(UNDER_WAY)["Status"]
    assert UNDER_WAY == iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
    second.settle()
    assert "SUCCEEDED" == status(UNDER_WAY)["Status"]
    assert [] == iam.list_roles()["Roles"]
    assert "SUCCEEDED" == status(SUCCEEDED)["Status"]
    failed = status(FAILED)
    usage = [{"Region": "us-east-1", "Resources": [CONNECTOR]}]
    assert ("FAILED", {"Reason": REASON, "RoleUsageList": usage}) == (failed["Status"], failed["Reason"])


def test_account_requests_go_on_and_are_told_of(restarted):
    def prepare(first):
        first.client("organizations").create_organization()
        with first.app.database.transaction() as tx:
            (organization,) = organizations.scan(tx)
        request = {
            "organization": organization.id,
            "role": "OrganizationAccountAccessRole",
            "requested": "2026-11-28T09:28:29.696627Z",
            "due": "2026-11-28T09:28:29.696627Z",
        }
        put(
            first,
            old_account_requests,
            written(id="car-under-way", name="c", email="c@example.com", tags=[["team", "a"]], **request),
            written(
                id="car-failed",
                name="b",
                email="a@example.com",
                state="FAILED",
                completed="2026-11-28T09:28:29.684867Z",
                failure="EMAIL_ALREADY_EXISTS",
                **request,
            ),
            written(
                id="car-succeeded",
                name="a",
                email="a@example.com",
                state="SUCCEEDED",
                completed="2026-11-28T09:28:29.661316Z",
                account="639777388329",
                **request,
            ),
            written(
                id="car-of-none", name="a", email="a@example.com", **{**request, "organization": "o-gone"}
            ),
        )

    second, who = restarted(prepare)
    client = second.client("organizations", as_=who)

    def statuses():
        listed = client.list_create_account_status()["CreateAccountStatuses"]
        return {
            each["Id"]: (each["State"], each.get("FailureReason"), each.get("AccountId")) for each in listed
        }

    ended = {
        "car-failed": ("FAILED", "EMAIL_ALREADY_EXISTS", None),
        "car-succeeded": ("SUCCEEDED", None, "639777388329"),
    }
    assert {**ended, "car-under-way": ("IN_PROGRESS", None, None)} == statuses()
    second.settle()
    state, _, account = statuses()["car-under-way"]
    assert "SUCCEEDED" == state
    assert [{"Key": "team", "Value": "a"}] == client.list_tags_for_resource(ResourceId=account)["Tags"]
