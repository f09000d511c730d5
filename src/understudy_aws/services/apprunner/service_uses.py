"""Which services use which connectors, configurations and connections."""

from __future__ import annotations

from understudy_aws.gateway.references import Reference, References
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table


class ServiceUse(Record, frozen=True, kw_only=True):
    """A service's use of another resource of App Runner's; both are ARNs.

    It is written and deleted together with the service. While it is there AWS refuses to delete the resource.
    """

    account: str
    region: str
    resource: str
    service: str


service_uses = Table(
    "apprunner/service-use",
    ServiceUse,
    key=lambda record: (record.account, record.region, record.resource, record.service),
    indexes={"by_resource": lambda record: (record.resource,)},
)

SERVICE_USE_REFERENCES: References = (
    Reference("uses", lambda use: (use.resource,), index="by_resource", holds=True),
)


def services_using(tx: Transaction, resource: str) -> list[str]:
    """Return the ARNs of the services that use a resource, in order."""
    return [use.service for use in service_uses.where(tx, "by_resource", resource)]


def in_use(tx: Transaction, resource: str) -> bool:
    """Return whether a service uses a resource."""
    return service_uses.count_where(tx, "by_resource", resource) > 0
