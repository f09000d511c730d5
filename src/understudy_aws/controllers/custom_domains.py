"""Looks for the DNS records by which customers show that a custom domain is theirs (apprunner-services.md 2.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from understudy_aws.core.deferred import deferred
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.services.apprunner.custom_domain_records import (
    CustomDomain,
    custom_domains,
    validated,
    validation_records,
)
from understudy_aws.store.database import Transaction

if TYPE_CHECKING:
    from dns import exception as dns_exception
    from dns import resolver as dns_resolver
else:
    dns_exception = deferred("dns.exception")
    dns_resolver = deferred("dns.resolver")

_POLL_SECONDS = 5.0
_PATIENCE_SECONDS = 3.0
_LOOKED_FOR_EVERY = timedelta(seconds=30)

# Returns what a name is another name for, both with a dot at the end; empty when it is none.
CanonicalName = Callable[[str], str]


def canonical_name(name: str) -> str:
    """Return what the resolver of this machine says that a name stands for; empty when it says nothing."""
    try:
        found = dns_resolver.resolve(name, "CNAME", lifetime=_PATIENCE_SECONDS)
    except (dns_exception.DNSException, OSError):
        return ""
    return str(found[0].target).lower()


class CustomDomainValidation:
    """Validates the domains whose records are found."""

    def __init__(self, find: CanonicalName = canonical_name) -> None:
        self._find = find
        self._looked: dict[Key, datetime] = {}

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("custom domains", self._due, self._reconcile, poll_seconds=_POLL_SECONDS)

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        for domain in custom_domains.where(tx, "waiting", ""):
            key: tuple[Any, ...] = custom_domains.key(domain)
            looked = self._looked.get(key)
            if domain.ready <= now and (
                looked is None or not timedelta(0) <= now - looked < _LOOKED_FOR_EVERY
            ):
                yield Due(key, domain.account, domain.ready)

    async def _reconcile(self, key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            domain = custom_domains.get(tx, *key)
        if domain is None:
            return None
        self._looked[key] = world.clock.now()
        if await world.in_thread(self._is_shown, domain):
            with world.database.transaction() as tx:
                current = custom_domains.get(tx, *key)
                if current is not None and current.deletion is None and current.validated is None:
                    seconds = world.gateway.latency.custom_domain_seconds(domain.name)
                    custom_domains.put(tx, validated(current, world.clock.now(), seconds))
            self._looked.pop(key, None)
        return None

    def _is_shown(self, domain: CustomDomain) -> bool:
        return all(self._find(record.name) == record.value for record in validation_records(domain))
