"""The services served here, and what is derived from their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from understudy_aws.core.arn import parse
from understudy_aws.gateway.call import ContextKeys
from understudy_aws.gateway.operations import Operation
from understudy_aws.gateway.role_usage import RoleUsage
from understudy_aws.gateway.service import Service
from understudy_aws.store.database import Transaction
from understudy_aws.wire.service_addresses import ServiceAddress, ServiceAddresses


class Registry:
    """Services by id. A service's operations and resources are imported when first asked for.

    Raises LookupError when two services have the same id, prefix or principal.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._services: dict[str, Service] = {}
        self._by_prefix: dict[str, Service] = {}
        principals: set[str] = set()
        services = tuple(services)
        for service in services:
            if (
                service.id in self._services
                or service.prefix in self._by_prefix
                or service.principal in principals
            ):
                raise LookupError(f"Two services are described like {service.id}.")
            self._services[service.id] = self._by_prefix[service.prefix] = service
            principals.add(service.principal)
        self.addresses = ServiceAddresses(
            ServiceAddress(
                id=service.id,
                signing_name=service.prefix,
                protocol=service.protocol,
                target=service.target,
            )
            for service in services
        )

    def find(self, service: str, name: str) -> Operation | None:
        """Return the operation of that name of a service, or None when it is not served."""
        found = self._services.get(service)
        return found.operations.get(name) if found is not None else None

    def __iter__(self) -> Iterator[Operation]:
        """Yield every operation that is served. This imports all services."""
        for service in self._services.values():
            yield from service.operations.values()

    def principal_of(self, service: str) -> str:
        """Return the service principal of a served service."""
        return self._services[service].principal

    def resource_keys(self, tx: Transaction, resource: str) -> ContextKeys:
        """Return the condition keys of the resource with that ARN; none for a resource that does not exist."""
        arn = parse(resource)
        service = self._by_prefix.get(arn.service) if arn is not None else None
        target = service.resource_target(tx, arn) if service is not None and arn is not None else None
        return target.keys if target is not None and target.resource == resource else {}

    def role_usage(self) -> Mapping[str, Mapping[str, RoleUsage]]:
        """Return, by service id and principal, the function that says what uses the principal's linked role."""
        return {service.id: service.role_usage for service in self._services.values() if service.usage}
