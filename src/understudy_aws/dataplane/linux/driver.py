"""The driver that makes networks of Linux namespaces, in which nftables filters packets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from understudy_aws.dataplane.driver import Objects, Parts
from understudy_aws.dataplane.linux.compile import Compiler
from understudy_aws.dataplane.linux.kernel import Kernel
from understudy_aws.dataplane.linux.namespaces import Namespaces
from understudy_aws.dataplane.linux.objects import place_of
from understudy_aws.dataplane.linux.planning import plan
from understudy_aws.dataplane.linux.probe import limits
from understudy_aws.dataplane.linux.probes import probe
from understudy_aws.dataplane.linux.telling import told
from understudy_aws.dataplane.messages import Probe
from understudy_aws.dataplane.wanted import Network

# A look at so many namespaces takes some milliseconds when nothing has changed, some tens when everything has.
_PIECE = 32


class LinuxDriver:
    """The networks in the namespaces that one directory keeps."""

    name = "linux"
    obstacle = ""

    def __init__(self, directory: Path) -> None:
        self.kernel = Kernel(directory)
        self.limits = limits()
        self._compiler = Compiler()
        # The namespaces of what was made, which is the same object as long as it is the same.
        self._places: tuple[Parts, frozenset[str]] | None = None

    @property
    def namespaces(self) -> Namespaces:
        """Return the namespaces of the network. Sockets are made in them by any thread."""
        return self.kernel.namespaces

    def parts(self, network: Network) -> Parts:
        """Return what the kernel should have."""
        return self._compiler.parts(network)

    def observe(self) -> frozenset[Any]:
        """Return what the kernel has."""
        return self.kernel.observe()

    def pieces(self, made: Parts) -> Sequence[Sequence[str]]:
        """Return the namespaces that may hold something else, some at a time."""
        if self._places is None or self._places[0] is not made:
            self._places = made, frozenset(place_of(each) for part in made.values() for each in part)
        names = self.kernel.unsure(self._places[1])
        return [names[start : start + _PIECE] for start in range(0, len(names), _PIECE)]

    def differs(self, made: Parts, piece: Sequence[str]) -> bool:
        """Whether namespaces hold anything else; read are those that are not as they were when they did not."""

        def wanted(names: Collection[str]) -> Iterable[Any]:
            return [each for part in made.values() for each in part if place_of(each) in names]

        return self.kernel.differs(piece, wanted)

    def plan(self, observed: Objects, wanted: Objects) -> Sequence[Any]:
        """Return steps in an order that never lets an unfiltered packet pass."""
        return plan(observed, wanted)

    def carry_out(self, steps: Iterable[Any]) -> None:
        """Change the kernel."""
        self.kernel.carry_out(steps)

    def told(self, steps: Iterable[Any]) -> Iterable[tuple[str, str]]:
        """Say what was put right in the kernel."""
        return told(steps)

    def probe(self, asked: Probe) -> str:
        """Send a real packet."""
        return probe(self.kernel.namespaces, asked)

    def close(self) -> None:
        """Let go of the kernel; the network stays as it is."""
        self.kernel.close()
