"""The services served here, and what is derived from their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from understudy_aws.core.arn import parse
from understudy_aws.core.deferred import deferred
from understudy_aws.gateway.call import Call, ContextKeys, Params, Target
from understudy_aws.gateway.operations import Operation
from understudy_aws.gateway.role_passing import passed_roles
from understudy_aws.gateway.role_usage import RoleUsage
from understudy_aws.gateway.service import RecordKind, Service
from understudy_aws.store.database import Transaction
from understudy_aws.wire.service_addresses import ServiceAddress, ServiceAddresses

if TYPE_CHECKING:
    from understudy_aws.gateway import uses
else:
    uses = deferred("understudy_aws.gateway.uses")


class Registry:
    """Services by id. A service's operations and resources are imported when first asked for.

    Raises LookupError when two services have the same id, prefix or principal.
    """

    def __init__(self, services: Iterable[Service]) -> None:
        self._services: dict[str, Service] = {}
        self._by_prefix: dict[str, Service] = {}
        self._keeper_of_roles: Service | None = None
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
            if service.roles:
                self._keeper_of_roles = service
        self.addresses = ServiceAddresses(
            ServiceAddress(
                id=service.id,
                signing_name=service.prefix,
                protocol=service.protocol,
                target=service.target,
                largest=service.largest_body,
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

    def prefix_of(self, service: str) -> str:
        """Return what IAM calls a served service in actions."""
        return self._services[service].prefix

    def principal_of(self, service: str) -> str:
        """Return the service principal of a served service."""
        return self._services[service].principal

    def resource_words(self, call: Call, action: str, target: Target) -> str:
        """Return how a refusal names a target. One of another action than the call's is named by its ARN."""
        if (target.action or action).endswith(f":{call.operation}"):
            return self._services[call.service].resource_words(call.operation, target.resource)
        return "" if target.resource == "*" else target.resource

    def resource_keys(self, tx: Transaction, resource: str) -> ContextKeys:
        """Return the condition keys of the resource with that ARN; none for a resource that does not exist."""
        target = self.resource_target(tx, resource)
        return target.keys if target is not None else {}

    def resource_target(self, tx: Transaction, resource: str) -> Target | None:
        """Return what policies see of the resource with that ARN, its own policy included; None for one not here."""
        arn = parse(resource)
        service = self._by_prefix.get(arn.service) if arn is not None else None
        target = service.resource_target(tx, arn) if service is not None and arn is not None else None
        return target if target is not None and target.resource == resource else None

    def resource_named(
        self, tx: Transaction, service: str, kind: str, account: str, name: str
    ) -> Target | None:
        """Return the resource that an account has under a name, of a kind whose ARNs hold more than the name."""
        found = self._services[service].resource_kinds.get(kind)
        if found is None or found.named is None:
            return None
        record = found.named(tx, account, name)
        return None if record is None else found.target(record)

    def passed_roles(self, call: Call, params: Params, targets: Sequence[Target]) -> Iterable[Target]:
        """Return the roles that a call hands to a service, each as what `iam:PassRole` is asked for.

        `targets` are what the call acts on.
        """
        found = self._services[call.service].passings.get(call.operation)
        if found is None:
            return ()
        assert self._keeper_of_roles is not None, "a service keeps the roles"
        return passed_roles(call, found, params, targets, self._keeper_of_roles.role_lookup)

    def record_kinds(self) -> Iterator[tuple[str, RecordKind[Any]]]:
        """Yield the kinds of record of all services, each with its service's prefix. This imports their records."""
        for service in self._services.values():
            for kind in service.record_kinds:
                yield service.prefix, kind

    @cached_property
    def uses(self) -> uses.Uses:
        """What refers to resources."""
        return uses.Uses(self.record_kinds())

    def role_usage(self) -> Mapping[str, Mapping[str, RoleUsage]]:
        """Return, by service id and principal, the function that says what uses the principal's linked role."""
        return {service.id: service.role_usage for service in self._services.values() if service.usage}
