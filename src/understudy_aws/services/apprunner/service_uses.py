"""Which services use which connectors, configurations and connections."""

from __future__ import annotations

from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.apprunner.service_records import Service
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

    @property
    def name(self) -> str:
        """Return the name of the service, which its ARN has."""
        return self.service.partition("/")[2].partition("/")[0]


service_uses = Table(
    "apprunner/service-use",
    ServiceUse,
    key=lambda record: (record.account, record.region, record.resource, record.service),
    indexes={
        "by_resource": lambda record: (record.resource,),
        "by_service": lambda record: (record.service,),
    },
)

SERVICE_USE_REFERENCES: References = (
    Reference("uses", lambda use: (use.resource,), index="by_resource", holds=True),
    Reference("is the use of", lambda use: (use.service,), implied=True, goes_with=True),
)


def services_using(tx: Transaction, resource: str) -> list[str]:
    """Return the ARNs of the services that use a resource, in order."""
    return [use.service for use in service_uses.where(tx, "by_resource", resource)]


def in_use(tx: Transaction, resource: str) -> bool:
    """Return whether a service uses a resource."""
    return service_uses.count_where(tx, "by_resource", resource) > 0


def note_uses(tx: Transaction, service: Service) -> None:
    """Write what a service uses, with its settings and with those it shall have; a deleted one uses nothing."""
    wanted = set() if service.deleted else _used(service)
    for use in service_uses.where(tx, "by_service", service.arn):
        if use.resource in wanted:
            wanted.discard(use.resource)
        else:
            service_uses.delete(tx, use)
    for resource in sorted(wanted):
        use = ServiceUse(
            account=service.account, region=service.region, resource=resource, service=service.arn
        )
        service_uses.put(tx, use)


def _used(service: Service) -> set[str]:
    used = {service.scaling, service.asked_scaling}
    for settings in (service.settings, service.asked):
        if settings is not None:
            used |= {settings.source.connection, settings.network.connector, settings.observability}
    return used - {""}
