"""The network of this machine, held to what is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from understudy_aws.dataplane.deltas import with_delta
from understudy_aws.dataplane.driver import Driver, Parts
from understudy_aws.dataplane.messages import Probe, WantChange, revision_of
from understudy_aws.dataplane.wanted import Network
from understudy_aws.node.wanted_file import WantedFile


class Fabric:
    """What is wanted, what was made, and the driver. All methods block; one caller at a time.

    What is wanted is kept in a file, so that a node that starts anew goes on with it. Where the network has `outlived`
    an earlier node, it is taken for what the file says was made, until it is looked at.
    """

    def __init__(self, directory: Path, driver: Driver, *, outlived: bool = False) -> None:
        self.directory = directory
        self._file = WantedFile(directory)
        self.driver = driver
        self.wanted, self._revision = self._file.read()
        self.repaired = 0
        self.error = ""
        # What the kernel has, part by part, and the network that this is; None when that must be looked at.
        self._made: Parts | None = None
        self._network: Network | None = None
        self._is_known = outlived and self._file.made

    @property
    def converged(self) -> bool:
        """Whether the kernel has what is wanted, as far as is known. Any thread may ask."""
        return self._network is self.wanted

    def close(self) -> None:
        """Let go of the driver; a network that outlives this process stays as it is."""
        self.driver.close()
        self._file.close()

    def want(self, network: Network, revision: str = "") -> None:
        """Make the network so. Raises OSError, and tries again in `check`.

        Raises ValueError or LookupError for a value that is no network; what was wanted before stays wanted.
        """
        if network == self.wanted:
            network = self.wanted
            if revision == self._revision and self.converged:
                return
        parts = self.driver.parts(network)
        self._file.keep(network, revision)
        self.wanted, self._revision = network, revision
        self._make(network, parts)

    def change(self, line: bytes, asked: WantChange) -> bool:
        """Make of the network another one; returns False when it is not the one that the change is of.

        `line` is how it was asked. Raises as `want` does.
        """
        revision = revision_of(line)
        if revision == self._revision:
            # It was made, and the answer was lost.
            network = self.wanted
        elif asked.base and asked.base == self._revision:
            network = with_delta(self.wanted, asked.delta)
        else:
            return False
        parts = self.driver.parts(network)
        if network is not self.wanted:
            self._file.keep_change(line, network)
            self.wanted, self._revision = network, revision
        if not self.converged:
            self._make(network, parts)
        return True

    def forget(self) -> None:
        """Forget what is wanted: a node that starts anew begins with nothing."""
        self._file.forget()

    def check(self) -> int:
        """Compare the kernel with what was made, and put right what somebody else has changed; returns how much."""
        if self._made is None:
            parts = self.driver.parts(self.wanted)
            if self._is_known:
                self._is_known = False
                self._made, self._network = parts, self.wanted
            else:
                self._make(self.wanted, parts)
            return 0
        steps = self.driver.plan(self.driver.observe(), _all(self._made.values()))
        self.error = ""
        if steps:
            made, network, self._made, self._network = self._made, self._network, None, None
            self._carry_out(steps)
            self._made, self._network = made, network
            self.repaired += len(steps)
        return len(steps)

    def pieces(self) -> Sequence[Any]:
        """Return what to ask `differs` for, one after another, to look at all of the network."""
        return self.driver.pieces(self._made) if self._made is not None else (None,)

    def differs(self, piece: Any) -> bool:
        """Whether a piece of the network is not as it was made, so that `check` has something to do."""
        return self._made is None or self.driver.differs(self._made, piece)

    def _make(self, network: Network, parts: Parts) -> None:
        """Go from what was made last to a network. Raises OSError; what was made is then looked at anew."""
        made = self._made
        self._made = self._network = None
        if made is None:
            steps = self.driver.plan(self.driver.observe(), _all(parts.values()))
        else:
            # Parts that did not change are the same object, which is asked first: comparing sets takes long.
            changed = [key for key, part in parts.items() if made.get(key) is not part]
            changed += [key for key in made if key not in parts]
            before = _all(made.get(key, frozenset()) for key in changed)
            steps = self.driver.plan(before, _all(parts.get(key, frozenset()) for key in changed))
        self._carry_out(steps)
        self._made, self._network = parts, network
        # Without this the next node looks before it goes on.
        with suppress(OSError):
            self._file.keep_made()

    def _carry_out(self, steps: Iterable[Any]) -> None:
        try:
            self.driver.carry_out(steps)
        except OSError as error:
            self.error = str(error)
            raise
        self.error = ""

    def probe(self, asked: Probe) -> str:
        """Connect from an interface to an address and a port; returns `connected`, `refused` or `silent`.

        Raises FileNotFoundError when there is no such interface.
        """
        return self.driver.probe(asked)


def _all(parts: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*parts)
