"""Tells the node which services should run, whenever the records have changed, and asks it how they do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from understudy_aws.controllers.authorities import authorities_in
from understudy_aws.controllers.domain_certificates import DomainCertificates
from understudy_aws.dataplane.wanted_services import DomainCertificate, Ingress, Services
from understudy_aws.gateway.controller import Controller, Due, Key, World
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.custom_domain_records import active_domains, names_of
from understudy_aws.services.apprunner.ingress_address import ingress_port, note_ingress
from understudy_aws.services.apprunner.instances.wanted_services import (
    may_be_resumed,
    node_is_needed,
    wanted_now,
)
from understudy_aws.store.database import Database, Transaction

_KEY: Key = ("services",)
_INGRESS = Ingress()
# How long it may take until it is seen that an instance has ended, or that a service has become busy.
_PERIOD_SECONDS = 1.0


class ServiceKeeper:
    """Keeps the node's wanted services like the records, and knows how the instances do.

    While no service needs a node, it starts none; one that is kept is told that nothing should run.
    """

    def __init__(
        self,
        database: Database,
        workloads: Workloads,
        *,
        secure: bool = False,
        authority: str = "",
        ingress: Ingress = _INGRESS,
        certificates: DomainCertificates | None = None,
    ) -> None:
        """Prepare; `secure` if the server speaks TLS. `ingress` is where requests to services are taken.

        `authority` is the file with the authority of the server's certificate, which may be made later. `certificates`
        makes those of custom domains, None where it can't.
        """
        self._ingress = ingress
        self._certificates = certificates
        # The certificates that there should be, and those that were asked for last.
        self._certified: tuple[DomainCertificate, ...] = ()
        self._kept: tuple[DomainCertificate, ...] | None = None
        self._authority_file, self._authority = authority, ""
        self._database = database
        self._secure = secure
        self._workloads = workloads
        self._revision = -1
        self._needed = self._resumable = False
        self._wanted = Services()
        self._looked: datetime | None = None

    def controller(self) -> Controller:
        """Return the background work."""
        return Controller("services", self._due, self._reconcile, prompt=True, awaited=False)

    def _due(self, tx: Transaction, now: datetime) -> Iterator[Due]:
        if self._database.revision != self._revision:
            self._revision = self._database.revision
            self._needed, self._resumable = node_is_needed(tx), may_be_resumed(tx)
            self._wanted = self._wanted_now(tx, now) if self._needed else Services()
            self._certified = self._wanted_certificates(tx, now)
        told = self._workloads.wanted
        # A node may run that was told something, by a server before this one perhaps.
        concerned = self._needed or self._resumable or told is not None
        behind = (concerned and self._wanted != told) or (
            self._certificates and self._certified != self._kept
        )
        if behind or (self._needed and self._must_look(now)):
            yield Due(_KEY, "", now)

    def _wanted_now(self, tx: Transaction, now: datetime) -> Services:
        if self._authority_file and not self._authority:
            self._authority = authorities_in(self._authority_file)
        wanted = wanted_now(tx, now, secure=self._secure, authority=self._authority)
        ingress = replace(self._ingress, told=ingress_port(tx))
        return replace(wanted, ingress=ingress, certificates=self._wanted_certificates(tx, now))

    def _wanted_certificates(self, tx: Transaction, now: datetime) -> tuple[DomainCertificate, ...]:
        if self._certificates is None:
            return ()
        return self._certificates.of(names_of(each) for each in active_domains(tx, now))

    def _must_look(self, now: datetime) -> bool:
        return self._looked is None or not 0 <= (now - self._looked).total_seconds() < _PERIOD_SECONDS

    async def _reconcile(self, _key: Key, world: World) -> datetime | None:
        with world.database.transaction() as tx:
            needed = node_is_needed(tx)
            wanted = self._wanted_now(tx, world.clock.now()) if needed else Services()
            certificates = self._wanted_certificates(tx, world.clock.now())
        if self._certificates is not None and certificates != self._kept:
            await world.in_thread(self._certificates.keep, certificates)
            self._kept = certificates
        if not needed:
            await self._workloads.want_none()
            return None
        if wanted != self._workloads.wanted:
            # What runs is written down before it runs.
            await world.durable()
            await self._workloads.want(wanted)
        looked = await self._workloads.look()
        self._looked = world.clock.now()
        with world.database.transaction() as tx:
            note_ingress(tx, looked.ingress)
        if {each.id for each in looked.instances} != {each.id for each in wanted.instances}:
            # A node that began anew after its holder's end may not know them; what still stops is there a while.
            await self._workloads.want(wanted)
        return None
