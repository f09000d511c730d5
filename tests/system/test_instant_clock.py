"""With the clock at `instant`, work that is due is done before the next answer is given to who waits for it."""

from __future__ import annotations

import boto3
import pytest
from server_process import ServerProcess

pytestmark = pytest.mark.system

PRINCIPAL = "networking.apprunner.amazonaws.com"


@pytest.fixture(params=["memory:", "directory"])
def state(request, tmp_path):
    return "memory:" if request.param == "memory:" else str(tmp_path / "state")


def client_of(server, service):
    said = server.said
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=said["endpoint"],
        aws_access_key_id=said["access_key_id"],
        aws_secret_access_key=said["secret_access_key"],
    )


def first_answer(iam) -> str:
    """The status of a deletion at the first question."""
    iam.create_service_linked_role(AWSServiceName=PRINCIPAL)
    name = "AWSServiceRoleForAppRunnerNetworking"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    return iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"]


def test_a_deletion_has_ended_at_the_first_question(state):
    with ServerProcess("--json", "--state", state) as server:
        iam = client_of(server, "iam")
        assert {"SUCCEEDED"} == {first_answer(iam) for _ in range(10)}
        assert (0, "", "") == server.end()


def test_an_account_in_the_making_is_in_progress_in_its_answer_and_made_at_the_first_question(state):
    with ServerProcess("--json", "--state", state) as server:
        organizations = client_of(server, "organizations")
        organizations.create_organization(FeatureSet="ALL")
        for number in range(3):
            asked = organizations.create_account(Email=f"{number}@example.org", AccountName="a")
            status = asked["CreateAccountStatus"]
            assert "IN_PROGRESS" == status["State"]
            found = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
            assert "SUCCEEDED" == found["CreateAccountStatus"]["State"]
        assert (0, "", "") == server.end()


def test_with_awss_clock_nobody_waits(tmp_path):
    with ServerProcess("--json", "--state", str(tmp_path / "state"), "--clock", "aws") as server:
        iam = client_of(server, "iam")
        assert "IN_PROGRESS" == first_answer(iam)
        assert 0 == server.end()[0]
