"""Has operations on services go on as soon as the node has done what they wait for.

They would find it with their next try anyway: this only has that come earlier. So nothing hangs on it, and a server
that is killed in between misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from understudy_aws.core.clock import Clock
from understudy_aws.dataplane.messages import Changes
from understudy_aws.gateway.durable_operations import DurableOperation, durable_operations
from understudy_aws.gateway.workloads import Workloads
from understudy_aws.services.apprunner.service_operations import history
from understudy_aws.services.apprunner.service_operations.artifact_steps import operation_of_task
from understudy_aws.services.apprunner.service_records import service_instances
from understudy_aws.store.database import Database, Transaction


class NodeChanges:
    """Hears of what changes at the node."""

    def __init__(self, database: Database, clock: Clock, workloads: Workloads) -> None:
        self._database = database
        self._clock = clock
        self._workloads = workloads

    async def run(self) -> None:
        """Work until cancelled."""
        async for changes in self._workloads.changes():
            self.hasten(changes)

    def hasten(self, changes: Changes) -> None:
        """Have those operations tried now that wait for what has changed."""
        now = self._clock.now()
        with self._database.transaction() as tx:
            for operation in list(_waiting_for(tx, changes)):
                if operation.next_try > now:
                    durable_operations.put(tx, replace(operation, planned=now, next_try=now))


def _waiting_for(tx: Transaction, changes: Changes) -> Iterator[DurableOperation]:
    """Yield the operations that wait for something of the node, those that a failure holds back left out."""
    ids = set(changes.ids)
    operations = {operation_of_task(each) for each in ids}
    subjects = {each.service for each in service_instances.scan(tx) if each.id in ids}
    for operation in durable_operations.in_order(tx, "due"):
        if operation.kind not in history.KINDS.values() or operation.attempts or not operation.last_error:
            continue
        if changes.all or operation.id in operations or operation.subject in subjects:
            yield operation
