"""What a node serves inside the networks, such as names: told what is wanted each time that this was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from understudy_aws.dataplane.remedies import told_of
from understudy_aws.dataplane.wanted import Network


class NetworkService(Protocol):
    """Serves something inside the networks. It runs in the node's event loop, where nothing may block for long."""

    @property
    def name(self) -> str:
        """What a status calls it."""
        ...

    async def want(self, network: Network) -> None:
        """Serve this network, which the kernel has; it is said again each period, mostly without a change.

        A namespace may have been made anew since, and sockets in the former one are dead (`Namespaces.identity`).
        Raises OSError, ValueError or LookupError when it can't, and is then asked again.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; what is under way may be cut off."""
        ...


class NetworkServices:
    """All that a node serves inside the networks, each for itself: one that fails does not keep the others."""

    def __init__(self, services: Sequence[NetworkService]) -> None:
        self._services = services
        self.errors: dict[str, str] = {}

    async def want(self, network: Network) -> None:
        """Tell each; what one of them can't do is kept in `errors` until it can."""
        for service in self._services:
            try:
                await service.want(network)
            except (OSError, ValueError, LookupError) as error:
                self.errors[service.name] = told_of(error)
            else:
                self.errors.pop(service.name, None)

    async def close(self) -> None:
        """Let go of everything."""
        for service in self._services:
            await service.close()
