"""The records of services, of the versions they deploy, and of their running instances (docs/decisions/0030)."""

from __future__ import annotations

from datetime import datetime, timedelta

from understudy_aws.core.arn import apprunner
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.services.apprunner.service_settings.service_settings import ServiceSettings
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

# The statuses of a service (apprunner-services.md 2.3).
IN_PROGRESS = "OPERATION_IN_PROGRESS"
RUNNING = "RUNNING"
PAUSED = "PAUSED"
CREATE_FAILED = "CREATE_FAILED"
DELETE_FAILED = "DELETE_FAILED"
DELETED = "DELETED"

_LIVE = frozenset({IN_PROGRESS, RUNNING})

# What an instance is there for: it gets no requests yet, it does, it finishes those it has, or it does not run any more
# and its interface goes.
STARTING = "starting"
SERVING = "serving"
DRAINING = "draining"
STOPPING = "stopping"
LEAVING = frozenset({DRAINING, STOPPING})


class Service(Record, frozen=True, kw_only=True):
    """A service.

    `settings` are those it runs with, None before it ever ran, and `asked` those that it shall have while an operation
    goes on. `scaling` and `asked_scaling` are the ARNs of its auto scaling configuration likewise. `version` is the
    `ServiceVersion` that is deployed, empty before one was. `operation` is the one under way, empty while none is.
    `url` is empty for a private service. `asleep` says that no instance runs until a request comes, and
    `asleep_since` when it fell asleep.
    """

    account: str
    region: str
    name: str
    id: str
    status: str
    created: datetime
    updated: datetime
    deleted: datetime | None = None
    settings: ServiceSettings | None = None
    asked: ServiceSettings | None = None
    scaling: str = ""
    asked_scaling: str = ""
    version: str = ""
    operation: str = ""
    url: str = ""
    asleep: bool = False
    asleep_since: datetime | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        """Return the ARN."""
        return apprunner(self.region, self.account, f"service/{self.name}/{self.id}")


class ServiceVersion(Record, frozen=True, kw_only=True):
    """What was fetched, built or pulled for a service, and with which settings: what instances run.

    `image` and `source` are as in `dataplane.wanted_services.Program`; `commit` is the source's, and `part` as in
    `dataplane.tasks.TaskResult`. `environment` has the plain variables, `secrets` references to the others. `command`
    starts the application.
    """

    account: str
    region: str
    service: str
    id: str
    created: datetime
    settings: ServiceSettings
    image: str = ""
    source: str = ""
    commit: str = ""
    part: str = ""
    command: tuple[str, ...] = ()
    port: int = 8080
    environment: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()


class ServiceInstance(Record, frozen=True, kw_only=True):
    """A running copy of a version of a service.

    `service` is the service's ARN, and `operation` the one that launched it. `interface` is the network interface that
    the networking role has made for it in the customer's subnet, empty for one in App Runner's own network, where
    `address` is its own; it runs as soon as it has one of the two. `purpose` is one of those above,
    since `changed`. `environment` are the addresses of VPC
    endpoints, by the variables that lead SDKs to them. `credentials` is the secret by which it asks for
    its role's credentials, and `session` the access key id of those that it was given last.
    """

    account: str
    region: str
    service: str
    id: str
    version: str
    created: datetime
    operation: str = ""
    interface: str = ""
    address: str = ""
    purpose: str = STARTING
    changed: datetime | None = None
    environment: tuple[tuple[str, str], ...] = ()
    credentials: str = ""
    session: str = ""


class VersionSecrets(Record, frozen=True, kw_only=True):
    """The values of a version's secret variables, as they were when it was first launched, while it has instances."""

    account: str
    region: str
    service: str
    version: str
    values: tuple[tuple[str, str], ...]


services = Table(
    "apprunner/service",
    Service,
    key=lambda record: (record.account, record.region, record.id),
    indexes={
        "by_arn": lambda record: (record.arn,),
        # Names of deleted services are free.
        "by_name": lambda record: () if record.deleted else ((record.account, record.region, record.name),),
        "by_url": lambda record: (record.url,) if record.url and not record.deleted else (),
        # Those that a node is needed for.
        "live": lambda record: ("",) if record.status in _LIVE else (),
        # Those that are resumed sooner by a node that runs.
        "paused": lambda record: ("",) if record.status == PAUSED else (),
    },
    ordered={"deleted": lambda record: record.deleted},
)
service_versions = Table(
    "apprunner/service-version",
    ServiceVersion,
    key=lambda record: (record.account, record.region, record.service, record.id),
    indexes={"by_service": lambda record: (record.service,)},
)
service_instances = Table(
    "apprunner/service-instance",
    ServiceInstance,
    key=lambda record: (record.account, record.region, record.service, record.id),
    indexes={
        "by_service": lambda record: (record.service,),
        "by_interface": lambda record: (record.interface,) if record.interface else (),
        "by_address": lambda record: (record.address,) if record.address else (),
        "by_credentials": lambda record: (record.credentials,) if record.credentials else (),
        "leaving": lambda record: ("",) if record.purpose in LEAVING else (),
    },
)
version_secrets = Table(
    "apprunner/version-secrets",
    VersionSecrets,
    key=lambda record: (record.account, record.region, record.service, record.version),
)
# A deleted service is described for some time, and then not found (apprunner-services.md 2.3).
deleted_services = Expiry("deleted services", services, "deleted", kept_for=timedelta(hours=1), most=1000)


def management_usage(tx: Transaction, account: str, region: str) -> list[str]:
    """Return the ARNs of the services, which use the role that writes logs (apprunner.md 4.1)."""
    return sorted(each.arn for each in services.scan(tx, account, region) if each.deleted is None)
