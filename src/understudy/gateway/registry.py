"""The services served here, and what is derived from their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from understudy.core.arn import parse
from understudy.gateway.call import ContextKeys
from understudy.gateway.operations import Operation
from understudy.gateway.role_usage import RoleUsage
from understudy.gateway.service import Service
from understudy.store.database import Transaction
from understudy.wire.service_addresses import ServiceAddress, ServiceAddresses


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
        """The operation of that name of the service with that id, if it is served."""
        found = self._services.get(service)
        return found.operations.get(name) if found is not None else None

    def __iter__(self) -> Iterator[Operation]:
        """Every operation served; imports all services."""
        for service in self._services.values():
            yield from service.operations.values()

    def principal_of(self, service: str) -> str:
        """The service principal of a service that is served."""
        return self._services[service].principal

    def resource_keys(self, tx: Transaction, resource: str) -> ContextKeys:
        """The condition keys of the resource of that ARN; none for one that is not here."""
        arn = parse(resource)
        service = self._by_prefix.get(arn.service) if arn is not None else None
        target = service.resource_target(tx, arn) if service is not None and arn is not None else None
        return target.keys if target is not None and target.resource == resource else {}

    def role_usage(self) -> Mapping[str, Mapping[str, RoleUsage]]:
        """By service id: what uses the linked role of each of its principals."""
        return {service.id: service.role_usage for service in self._services.values() if service.usage}
