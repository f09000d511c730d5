"""What clients wait for, at every moment: only documented statuses, in order and spelled exactly.

A moment is a write of the store: no answer tells of less. Each state that a service comes through is started from again,
and asked for through boto3 (apprunner-services.md 2.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from crash_points import WatchedStore
from plain_sites import machines, settle, source
from service_records_made import made_service

from understudy_aws.admin.requests import ValidateCustomDomain
from understudy_aws.gateway.durable_operations import durable_operations
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_records import services
from understudy_aws.store.table_cache import TableCache
from understudy_aws.testing import Understudy

MODEL = botocore.session.get_session().get_service_model("apprunner")
# What Terraform's provider waits in, and for: any other status ends its wait (apprunner-services.md 2.3).
WAITS = {
    "CREATE_SERVICE": {"OPERATION_IN_PROGRESS", "RUNNING"},
    "UPDATE_SERVICE": {"OPERATION_IN_PROGRESS", "RUNNING"},
    "DELETE_SERVICE": {"OPERATION_IN_PROGRESS", "RUNNING", "DELETED"},
}
# A service's status, and that of the operation on it.
Moment = tuple[str, str]
BEGUN = [("OPERATION_IN_PROGRESS", "PENDING"), ("OPERATION_IN_PROGRESS", "IN_PROGRESS")]


@dataclass(frozen=True)
class Case:
    """One way an operation goes: what was there before, who asks for it, and the moments it comes through."""

    title: str
    type: str
    before: tuple[Callable[[Any, str], Any], ...]
    begin: Callable[[Any, str], Any]
    moments: list[Moment]


def created(apprunner: Any, _arn: str) -> str:
    made = apprunner.create_service(ServiceName="site", SourceConfiguration=source("1"))
    return str(made["Service"]["ServiceArn"])


def failed(apprunner: Any, _arn: str) -> str:
    made = apprunner.create_service(ServiceName="site", SourceConfiguration=source("bad"))
    return str(made["Service"]["ServiceArn"])


def updated(tag: str) -> Callable[[Any, str], Any]:
    return lambda apprunner, arn: apprunner.update_service(ServiceArn=arn, SourceConfiguration=source(tag))


def called(name: str) -> Callable[[Any, str], Any]:
    return lambda apprunner, arn: getattr(apprunner, name)(ServiceArn=arn)


ROLLED_BACK = [("OPERATION_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"), ("RUNNING", "ROLLBACK_SUCCEEDED")]
CASES = [
    Case("creation", "CREATE_SERVICE", (), created, [*BEGUN, ("RUNNING", "SUCCEEDED")]),
    Case("creation that fails", "CREATE_SERVICE", (), failed, [*BEGUN, ("CREATE_FAILED", "FAILED")]),
    Case("update", "UPDATE_SERVICE", (created,), updated("2"), [*BEGUN, ("RUNNING", "SUCCEEDED")]),
    Case("update that fails", "UPDATE_SERVICE", (created,), updated("bad"), [*BEGUN, *ROLLED_BACK]),
    Case("update of what failed", "UPDATE_SERVICE", (failed,), updated("1"), [*BEGUN, ("RUNNING", "SUCCEEDED")]),
    Case(
        "update of what failed that fails", "UPDATE_SERVICE", (failed,), updated("bad"),
        [*BEGUN, ("CREATE_FAILED", "FAILED")],
    ),
    Case(
        "deployment", "START_DEPLOYMENT", (created,), called("start_deployment"), [*BEGUN, ("RUNNING", "SUCCEEDED")]
    ),
    Case("pause", "PAUSE_SERVICE", (created,), called("pause_service"), [*BEGUN, ("PAUSED", "SUCCEEDED")]),
    Case(
        "resumption", "RESUME_SERVICE", (created, called("pause_service")), called("resume_service"),
        [*BEGUN, ("RUNNING", "SUCCEEDED")],
    ),
    Case("deletion", "DELETE_SERVICE", (created,), called("delete_service"), [*BEGUN, ("DELETED", "SUCCEEDED")]),
    Case(
        "deletion of what failed", "DELETE_SERVICE", (failed,), called("delete_service"),
        [*BEGUN, ("DELETED", "SUCCEEDED")],
    ),
]  # fmt: skip


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes understudies over a store, whose services run as plain processes."""
    with machines(tmp_path, monkeypatch) as start:
        yield start


def moments_in(points: list[Any]) -> list[tuple[Moment, Any]]:
    """The states that a service comes through, one after another, each with the store that holds it first."""
    found: list[tuple[Moment, Any]] = []
    for point in points:
        (service,) = TableCache.read(services, point.store.load(services.name)).records.values()
        operations = TableCache.read(
            durable_operations, point.store.load(durable_operations.name)
        ).records.values()
        latest = max(operations, key=lambda each: (each.accepted, each.id))
        moment = (service.status, history.status_of(latest))
        if not found or found[-1][0] != moment:
            found.append((moment, point.store))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_an_operation_comes_through_these_states_and_no_others(case, machine):
    """Reference apprunner-services.md 2.3: what Terraform waits in, and the history at the same moment."""
    store = WatchedStore()
    with machine(store) as understudy:
        apprunner, arn = understudy.client("apprunner"), ""
        for step in case.before:
            answer = step(apprunner, arn)
            arn = arn or answer
            settle(understudy)
            understudy.clock.advance(1)
        earlier = len(store.crash_points)
        answer = case.begin(apprunner, arn)
        arn = arn or answer
        understudy.app.database.flush()
        settle(understudy)
        understudy.settle()
    found = moments_in(store.crash_points[earlier:])
    # The first write may be of a request's own, such as of the service-linked role, in the state before.
    moments = [moment for moment, _ in found]
    assert case.moments == moments[-len(case.moments) :]
    assert len(moments) <= len(case.moments) + (1 if case.before else 0)
    if case.type in WAITS and "FAILED" not in moments[-1]:
        assert {status for status, _ in case.moments} <= WAITS[case.type]
    started = set()
    for moment, kept in found[-len(case.moments) :]:
        # A new start makes an account of its own.
        with machine(kept, account="999999999999") as again:
            client = again.client("apprunner", as_=understudy.administrator)
            started.add(assert_told(client, arn, case, moment)["StartedAt"])
    assert 1 == len(started)


def assert_told(apprunner: Any, arn: str, case: Case, moment: Moment) -> Any:
    """Every operation tells of a service as it is at a moment; returns the operation on it."""
    status, of_operation = moment
    described = apprunner.describe_service(ServiceArn=arn)["Service"]
    assert status == described["Status"]
    assert (status == "DELETED") == ("DeletedAt" in described)
    assert ([] if status == "DELETED" else [status]) == [
        each["Status"] for each in apprunner.list_services()["ServiceSummaryList"]
    ]
    operations = apprunner.list_operations(ServiceArn=arn)["OperationSummaryList"]
    assert len(case.before) + 1 == len(operations)
    latest, former = operations[0], operations[1:]
    assert (case.type, of_operation, arn) == (latest["Type"], latest["Status"], latest["TargetArn"])
    assert (status == "OPERATION_IN_PROGRESS") == ("EndedAt" not in latest)
    assert latest["StartedAt"] <= latest["UpdatedAt"]
    assert {"SUCCEEDED", "FAILED"} >= {each["Status"] for each in former}
    assert status in MODEL.shape_for("ServiceStatus").enum
    assert of_operation in MODEL.shape_for("OperationStatus").enum
    return latest


def test_a_deletion_that_cannot_be_made_is_told_and_asked_for_again(machine):
    """Reference apprunner-services.md 2.3: DELETE_FAILED, and the call may be repeated."""
    store = WatchedStore()
    with machine(store) as understudy:
        apprunner = understudy.client("apprunner")
        arn = created(apprunner, "")
        settle(understudy)
        earlier = len(store.crash_points)
        workloads = understudy.app.workloads
        look = workloads.look
        workloads.look = refuse
        apprunner.delete_service(ServiceArn=arn)
        understudy.app.database.flush()
        for _ in range(20):
            understudy.settle()
            understudy.clock.advance(10)
        workloads.look = look
        assert [*BEGUN, ("DELETE_FAILED", "FAILED")] == [
            moment for moment, _ in moments_in(store.crash_points[earlier:])
        ][-3:]
        apprunner.delete_service(ServiceArn=arn)
        settle(understudy)
        assert "DELETED" == apprunner.describe_service(ServiceArn=arn)["Service"]["Status"]


async def refuse() -> None:
    raise OSError("the node does not answer")


def sampled(understudy: Understudy, ask: Callable[[], str], seconds: int) -> list[str]:
    """The statuses that are told, one after another, when it is asked at each second."""
    found: list[str] = []
    for _ in range(seconds):
        status = ask()
        if not found or found[-1] != status:
            found.append(status)
        understudy.clock.advance(1)
    return found


def of_ingress_connection(apprunner: Any, arn: str) -> str:
    found = apprunner.describe_vpc_ingress_connection(VpcIngressConnectionArn=arn)
    return str(found["VpcIngressConnection"]["Status"])


def test_an_ingress_connection_comes_through_these_states_and_no_others():
    """Reference apprunner-services.md 2.6: Terraform waits in the PENDING ones, for AVAILABLE and for DELETED."""
    with Understudy(clock="aws") as understudy:
        ec2, apprunner = understudy.client("ec2"), understudy.client("apprunner")
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
        endpoint = ec2.create_vpc_endpoint(
            VpcId=vpc, ServiceName="com.amazonaws.us-east-1.apprunner.requests", VpcEndpointType="Interface",
            SubnetIds=[subnet], PrivateDnsEnabled=False,
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
        where = {"VpcId": vpc, "VpcEndpointId": endpoint}
        arn = apprunner.create_vpc_ingress_connection(
            ServiceArn=made_service(understudy, public=False),
            VpcIngressConnectionName="from-vpc",
            IngressVpcConfiguration=where,
        )["VpcIngressConnection"]["VpcIngressConnectionArn"]

        def ask() -> str:
            return of_ingress_connection(apprunner, arn)

        assert ["PENDING_CREATION", "AVAILABLE"] == sampled(understudy, ask, 120)
        apprunner.update_vpc_ingress_connection(VpcIngressConnectionArn=arn, IngressVpcConfiguration=where)
        assert ["PENDING_UPDATE", "AVAILABLE"] == sampled(understudy, ask, 120)
        apprunner.delete_vpc_ingress_connection(VpcIngressConnectionArn=arn)
        assert ["PENDING_DELETION", "DELETED"] == sampled(understudy, ask, 120)
        understudy.clock.advance(7 * 24 * 3600)
        understudy.settle()
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            ask()


def test_a_custom_domain_comes_through_these_states_and_no_others():
    """Reference apprunner-services.md 2.5: in lower case, as Terraform and Copilot compare them."""
    with Understudy(clock="aws") as understudy:
        apprunner, service = understudy.client("apprunner"), made_service(understudy)
        named = {"ServiceArn": service, "DomainName": "shop.example.com"}
        made = apprunner.associate_custom_domain(**named)["CustomDomain"]

        def ask() -> str:
            domains = apprunner.describe_custom_domains(ServiceArn=service)["CustomDomains"]
            return str(domains[0]["Status"]) if domains else "none"

        assert ["creating", "pending_certificate_dns_validation"] == [
            made["Status"],
            *[each for each in sampled(understudy, ask, 120) if each != "creating"],
        ]
        understudy.answer_administrative(ValidateCustomDomain(name="shop.example.com"))
        assert ["binding_certificate", "active"] == sampled(understudy, ask, 300)
        assert "deleting" == apprunner.disassociate_custom_domain(**named)["CustomDomain"]["Status"]
        assert ["deleting", "none"] == sampled(understudy, ask, 120)


def test_connectors_connections_and_configurations_have_their_states_at_once():
    """Reference apprunner.md 2.4 to 2.6: no state in between, and lower case for auto scaling alone."""
    with Understudy(clock="aws") as understudy:
        apprunner = understudy.client("apprunner")
        subnet = understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        made = apprunner.create_vpc_connector(VpcConnectorName="main", Subnets=[subnet])["VpcConnector"]
        named = {"VpcConnectorArn": made["VpcConnectorArn"]}
        ask = apprunner.describe_vpc_connector
        assert ("ACTIVE", "ACTIVE") == (made["Status"], ask(**named)["VpcConnector"]["Status"])
        gone = apprunner.delete_vpc_connector(**named)["VpcConnector"]
        assert ("INACTIVE", "INACTIVE") == (gone["Status"], ask(**named)["VpcConnector"]["Status"])

        made = apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB")["Connection"]
        gone = apprunner.delete_connection(ConnectionArn=made["ConnectionArn"])["Connection"]
        assert ("PENDING_HANDSHAKE", "DELETED") == (made["Status"], gone["Status"])
        assert [] == apprunner.list_connections()["ConnectionSummaryList"]

        for kind, states in (
            ("AutoScaling", ("active", "inactive")),
            ("Observability", ("ACTIVE", "INACTIVE")),
        ):
            name, word = f"{kind}Configuration", kind.replace("Auto", "auto_").lower()
            made = getattr(apprunner, f"create_{word}_configuration")(**{f"{name}Name": "mine"})[name]
            named = {f"{name}Arn": made[f"{name}Arn"]}
            gone = getattr(apprunner, f"delete_{word}_configuration")(**named)[name]
            found = getattr(apprunner, f"describe_{word}_configuration")(**named)[name]
            assert (*states, states[1]) == (made["Status"], gone["Status"], found["Status"])
