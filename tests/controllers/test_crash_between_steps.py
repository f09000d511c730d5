"""Every durable operation, killed after every write: started again, it ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from crash_points import WatchedStore

from understudy_aws.app import operation_kinds
from understudy_aws.dataplane.launcher import NodeLauncher
from understudy_aws.gateway.durable_operations import OperationKind, durable_operations
from understudy_aws.gateway.registry import Registry
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services import SERVICES
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.iam import access_reports, deletion_tasks
from understudy_aws.services.organizations import account_requests
from understudy_aws.testing import Credentials, Understudy

NETWORKING = "networking.apprunner.amazonaws.com"
OTHER = "999999999999"
ROLE = "AWSServiceRoleForAppRunnerNetworking"


@dataclass(frozen=True)
class Case:
    """One way an operation goes.

    `begin` asks for it and answers its ids. `outcome` tells what came of it, without anything drawn at random.
    """

    title: str
    kind: str
    prepare: Callable[[Understudy, Credentials], Any]
    begin: Callable[[Understudy, Credentials], list[str]]
    outcome: Callable[[Understudy, Credentials, list[str]], Any]
    expected: Any


def kinds() -> Sequence[OperationKind]:
    """Every kind of durable operation."""
    return operation_kinds(Registry(SERVICES), Workloads(NodeLauncher(Path("nowhere"), tied=True)))


def rows(understudy: Understudy) -> dict[str, int]:
    """How many records there are of each kind, without those of an account made since, and notes of use."""
    store = understudy.app.database.store
    counts = {
        table: sum(1 for _, body in store.load(table) if OTHER.encode() not in body)
        for table in store.tables()
    }
    return {table: count for table, count in counts.items() if table != "iam/access-key-use"}


# Deletion tasks.


def a_linked_role(understudy: Understudy, who: Credentials) -> None:
    understudy.client("iam", as_=who).create_service_linked_role(AWSServiceName=NETWORKING)


def a_role_in_use(understudy: Understudy, who: Credentials) -> None:
    subnet = understudy.client("ec2", as_=who).describe_subnets()["Subnets"][0]["SubnetId"]
    understudy.client("apprunner", as_=who).create_vpc_connector(VpcConnectorName="main", Subnets=[subnet])


def delete_it(understudy: Understudy, who: Credentials) -> list[str]:
    iam = understudy.client("iam", as_=who)
    return [iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]]


def role_and_status(understudy: Understudy, who: Credentials, ids: list[str]) -> Any:
    iam = understudy.client("iam", as_=who)
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=ids[0])
    usage = status.get("Reason", {}).get("RoleUsageList", [])
    roles = [role["RoleName"] for role in iam.list_roles()["Roles"]]
    return status["Status"], roles, [each["Region"] for each in usage]


# Account creation.


def an_organization(understudy: Understudy, who: Credentials) -> None:
    understudy.client("organizations", as_=who).create_organization()


def create_accounts(*emails: str) -> Callable[[Understudy, Credentials], list[str]]:
    def begin(understudy: Understudy, who: Credentials) -> list[str]:
        organizations = understudy.client("organizations", as_=who)
        answers = [organizations.create_account(Email=email, AccountName="dev") for email in emails]
        return [answer["CreateAccountStatus"]["Id"] for answer in answers]

    return begin


def accounts_and_states(understudy: Understudy, who: Credentials, ids: list[str]) -> Any:
    organizations = understudy.client("organizations", as_=who)
    requests = [organizations.describe_create_account_status(CreateAccountRequestId=id) for id in ids]
    statuses = [request["CreateAccountStatus"] for request in requests]
    members = {each["Id"]: each["Email"] for each in organizations.list_accounts()["Accounts"]}
    made = [members[status["AccountId"]].lower() for status in statuses if "AccountId" in status]
    reasons = sorted(status.get("FailureReason", "") for status in statuses)
    return sorted(status["State"] for status in statuses), reasons, made


# Reports of last access.


def somebody_who_acts(understudy: Understudy, who: Credentials) -> None:
    iam = understudy.client("iam", as_=who)
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    understudy.client("ec2", as_=ann).describe_vpcs()


def report_on_her(understudy: Understudy, who: Credentials) -> list[str]:
    iam = understudy.client("iam", as_=who)
    arn = iam.get_user(UserName="ann")["User"]["Arn"]
    return [iam.generate_service_last_accessed_details(Arn=arn)["JobId"]]


def services_used(understudy: Understudy, who: Credentials, ids: list[str]) -> Any:
    answer = understudy.client("iam", as_=who).get_service_last_accessed_details(JobId=ids[0])
    used = [
        each["ServiceNamespace"] for each in answer["ServicesLastAccessed"] if "LastAuthenticated" in each
    ]
    return answer["JobStatus"], used


def an_account_that_acts(understudy: Understudy, who: Credentials) -> None:
    an_organization(understudy, who)
    organizations = understudy.client("organizations", as_=who)
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    create_accounts("dev@example.com")(understudy, who)
    understudy.settle()
    member = organizations.list_accounts()["Accounts"][-1]["Id"]
    role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
    session = understudy.client("sts", as_=who).assume_role(RoleArn=role, RoleSessionName="admin")
    understudy.client("ec2", as_=understudy.session_of(session)).describe_vpcs()


def report_on_all(understudy: Understudy, who: Credentials) -> list[str]:
    organizations = understudy.client("organizations", as_=who)
    path = f"{organizations.describe_organization()['Organization']['Id']}/{organizations.list_roots()['Roots'][0]['Id']}"
    return [understudy.client("iam", as_=who).generate_organizations_access_report(EntityPath=path)["JobId"]]


def services_used_by_all(understudy: Understudy, who: Credentials, ids: list[str]) -> Any:
    answer = understudy.client("iam", as_=who).get_organizations_access_report(JobId=ids[0], MaxItems=1000)
    used = [each["ServiceNamespace"] for each in answer["AccessDetails"] if "LastAuthenticatedTime" in each]
    return answer["JobStatus"], used


CASES = [
    Case(
        "services that a user used are found",
        access_reports.KIND,
        somebody_who_acts,
        report_on_her,
        services_used,
        ("COMPLETED", ["ec2"]),
    ),
    Case(
        "services that an organization's accounts used are found",
        access_reports.KIND_OF_ACCOUNTS,
        an_account_that_acts,
        report_on_all,
        services_used_by_all,
        ("COMPLETED", ["ec2"]),
    ),
    Case(
        "an unused role is deleted",
        deletion_tasks.KIND,
        a_linked_role,
        delete_it,
        role_and_status,
        ("SUCCEEDED", [], []),
    ),
    Case(
        "a role in use is not",
        deletion_tasks.KIND,
        a_role_in_use,
        delete_it,
        role_and_status,
        ("FAILED", [ROLE], ["us-east-1"]),
    ),
    Case(
        "an account is made",
        account_requests.KIND,
        an_organization,
        create_accounts("dev@example.com"),
        accounts_and_states,
        (["SUCCEEDED"], [""], ["dev@example.com"]),
    ),
    Case(
        "of two accounts with one address one is undone",
        account_requests.KIND,
        an_organization,
        create_accounts("dev@example.com", "DEV@example.com"),
        accounts_and_states,
        (["FAILED", "SUCCEEDED"], ["", "EMAIL_ALREADY_EXISTS"], ["dev@example.com"]),
    ),
]


def test_every_kind_of_operation_has_a_case():
    # Those on services are in test_crash_between_service_steps.py.
    assert {kind.name for kind in kinds()} == {case.kind for case in CASES} | set(history.KINDS.values())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_killed_after_any_write_it_ends_as_if_nothing_had_happened(case):
    store = WatchedStore()
    with Understudy(store=store, settles=False) as first:
        who = first.administrator
        case.prepare(first, who)
        first.settle()
        ids = case.begin(first, who)
        accepted = len(store.crash_points) - 1
        first.settle()
        ended = len(store.crash_points)
        assert case.expected == case.outcome(first, who, ids)
        everything = rows(first)
        with first.app.database.transaction() as tx:
            assert all(operation.ended for operation in durable_operations.scan(tx))
    steps = sum(len(kind.steps) for kind in kinds() if kind.name == case.kind)
    assert ended - accepted > steps
    for point in store.crash_points[accepted:ended]:
        # An account has to be made, for there is one already; it has nothing to do with the operation.
        with Understudy(store=point.store, account=OTHER, settles=False) as again:
            again.settle()
            assert case.expected == case.outcome(again, who, ids)
            assert everything == rows(again)
