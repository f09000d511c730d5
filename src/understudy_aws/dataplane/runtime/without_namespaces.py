"""The driver of a machine that makes no networks: processes, and containers for images where an engine answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from understudy_aws.dataplane.runtime.containers import Containers
from understudy_aws.dataplane.runtime.driver import Observed, Place
from understudy_aws.dataplane.runtime.loopback import LoopbackPorts
from understudy_aws.dataplane.runtime.processes import Processes
from understudy_aws.dataplane.wanted_services import Instance


class WithoutNamespaces:
    """The instances of a node's directory."""

    name = "processes"
    shares_network = True
    obstacle = ""

    def __init__(self, directory: Path, ports: LoopbackPorts | None = None) -> None:
        """Prepare; `ports` are where plain processes find the APIs and credentials, if anybody answers there."""
        self._processes = Processes(directory, ports)
        self._containers = Containers(directory, os.environ)

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to."""
        return (*self._processes.limits, *self._containers.limits)

    def observe(self) -> Mapping[str, Observed]:
        """Return what was started, from the records."""
        return self._processes.observe()

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start an image in a container, and all else as a process."""
        driver = self._containers if instance.program.image else self._processes
        return driver.start(instance, place, number)

    def ask_to_end(self, found: Observed) -> None:
        """Send SIGTERM to the program."""
        self._of(found).ask_to_end(found)

    def kill(self, found: Observed) -> None:
        """End every process of an instance."""
        self._of(found).kill(found)

    def forget(self, id: str) -> None:
        """End what an instance has left running, and remove its record."""
        if (found := self.observe().get(id)) is not None and found.record.container:
            self._containers.forget(id)
        self._processes.forget(id)

    def why_ended(self, found: Observed) -> str:
        """Say what is known beside the status of how an instance ended."""
        return self._of(found).why_ended(found)

    def let_go(self) -> None:
        """Leave instances as they are."""
        self._processes.let_go()

    def end_all(self) -> None:
        """End every instance."""
        self._containers.end_all()
        self._processes.end_all()

    def _of(self, found: Observed) -> Processes | Containers:
        return self._containers if found.record.container else self._processes
