"""What keeps a service from being as it should, outside of its operations: told once, and again when it changes.

A problem is told in the service's event log when it comes, when its cause changes and when it is over.
"""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType

from understudy_aws.services.apprunner.denials import Denial
from understudy_aws.services.apprunner.service_events import note_event
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

LAUNCHING = "launching"
INTERFACES = "interfaces"
# What is said when it comes, and when it is over.
_WORDS = MappingProxyType(
    {
        LAUNCHING: ("More instances can't be launched.", "As many instances run as are needed again."),
        INTERFACES: (
            "Network interfaces of stopped instances can't be deleted.",
            "The network interfaces of stopped instances are deleted.",
        ),
    }
)


class ServiceProblem(Record, frozen=True, kw_only=True):
    """A problem of a service: `service` is its ARN, `topic` one of those above, `text` what is told of it."""

    account: str
    region: str
    service: str
    topic: str
    cause: str
    text: str
    since: datetime


service_problems = Table(
    "apprunner/service-problem",
    ServiceProblem,
    key=lambda problem: (problem.account, problem.region, problem.service, problem.topic),
    indexes={"by_service": lambda problem: (problem.service,)},
)


def note_problem(tx: Transaction, service: Service, topic: str, denial: Denial, at: datetime) -> None:
    """Tell of a problem, if it is not known with this cause."""
    known = problem_of(tx, service, topic)
    if known is not None and known.cause == denial.cause:
        return
    text = f"{_WORDS[topic][0]} {denial.text}"
    problem = ServiceProblem(
        account=service.account,
        region=service.region,
        service=service.arn,
        topic=topic,
        cause=denial.cause,
        text=text,
        since=at,
    )
    service_problems.put(tx, problem)
    note_event(tx, service, at, text)


def note_solved(tx: Transaction, service: Service, topic: str, at: datetime) -> None:
    """Tell that a problem is over, if there was one."""
    known = problem_of(tx, service, topic)
    if known is not None:
        service_problems.delete(tx, known)
        note_event(tx, service, at, _WORDS[topic][1])


def problem_of(tx: Transaction, service: Service, topic: str) -> ServiceProblem | None:
    """Return what is known of a problem."""
    return service_problems.get(tx, service.account, service.region, service.arn, topic)


def forget_problems(tx: Transaction, service: Service) -> None:
    """Forget the problems of a service that is deleted, or that has just become what it should be."""
    for each in service_problems.where(tx, "by_service", service.arn):
        service_problems.delete(tx, each)
