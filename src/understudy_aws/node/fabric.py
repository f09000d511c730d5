"""The network of this machine, held to what is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from understudy_aws.core.clock import SystemClock
from understudy_aws.core.ids import Ids
from understudy_aws.dataplane.deltas import with_delta
from understudy_aws.dataplane.driver import Driver, Parts
from understudy_aws.dataplane.messages import Probe, Repair, WantChange, revision_of
from understudy_aws.dataplane.remedies import told_of
from understudy_aws.dataplane.wanted import Network, all_counted
from understudy_aws.node.repairs import Repairs
from understudy_aws.node.wanted_file import WantedFile

_MOST_CLAUSES = 20


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
        self.repairs = Repairs(directory)
        self.error = ""
        # Why the last change that was asked for was refused, and nothing made of it.
        self._unkept = ""
        # Since when the network is not as wanted, and the interfaces that are not wholly there.
        self.failing_since: datetime | None = None
        self.missing: tuple[str, ...] = ()
        # What is being put right.
        self._damage: list[tuple[str, str]] = []
        # What the kernel has, part by part, and the network that this is; None when that must be looked at.
        self._made: Parts | None = None
        self._network: Network | None = None
        # What it had before the change that is under way, or that failed.
        self._last: Parts = {}
        self._is_known = outlived and self._file.made
        # Whether packets of all interfaces are counted, since somebody watches their flows, or did so when a node was
        # killed.
        self.watched = self._is_known and self._file.watched

    @property
    def problem(self) -> str:
        """Why the network is not as wanted, or as was last asked for; empty when it is."""
        return self.error or self._unkept

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

        Raises ValueError or LookupError for a value that is no network, and OSError for what can't be kept; what was
        wanted before stays wanted.
        """
        if network == self.wanted:
            network, self._unkept = self.wanted, ""
            if revision == self._revision and self.converged:
                return
        parts = self._parts(network)
        self._keep(lambda: self._file.keep(network, revision))
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
        parts = self._parts(network)
        if network is not self.wanted:
            self._keep(lambda: self._file.keep_change(line, network))
            self.wanted, self._revision = network, revision
        if not self.converged:
            self._make(network, parts)
        return True

    def watch(self, *, watched: bool) -> None:
        """Count the packets of all interfaces, or of those alone that are logged. Raises OSError."""
        if watched != self.watched:
            self._file.keep_watched(watched=watched)
            self.watched = watched
            self._make(self.wanted, self._parts(self.wanted))

    def _keep(self, keep: Callable[[], None]) -> None:
        """Keep what is asked for before it is made, since the next node begins with that. Raises OSError."""
        try:
            keep()
        except OSError as error:
            why = told_of(error, of_files=True)
            self._unkept = f"A change is refused, since {self.directory} can't be written: {why}"
            raise OSError(error.errno, self._unkept) from error
        self._unkept = ""

    def _parts(self, network: Network) -> Parts:
        return self.driver.parts(all_counted(network) if self.watched else network)

    def forget(self) -> None:
        """Forget what is wanted: a node that starts anew begins with nothing."""
        self._file.forget()

    def check(self) -> int:
        """Compare the kernel with what was made, and put right what somebody else has changed; returns how much."""
        if self._made is None:
            parts = self._parts(self.wanted)
            if self._is_known:
                self._is_known = False
                self._made, self._network = parts, self.wanted
            else:
                self._make(self.wanted, parts)
            return 0
        parts = self._made
        steps = self.driver.plan(self.driver.observe(), _all(parts.values()))
        self.error = ""
        if steps:
            network, self._made, self._network = self._network, None, None
            self._damage = list(self.driver.told(steps))
            self._carry_out(steps, parts)
            self._done(parts, network)
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
        self._last = made if made is not None else self._last
        self._made = self._network = None
        try:
            steps = self._steps(made, parts)
        except OSError as error:
            self.failed(error, parts)
            raise
        self._carry_out(steps, parts)
        self._done(parts, network)
        # Without this the next node looks before it goes on.
        with suppress(OSError):
            self._file.keep_made()

    def _steps(self, made: Parts | None, parts: Parts) -> Sequence[Any]:
        """Return the steps from what was made, or from what there is when that is not known."""
        if made is None:
            return self.driver.plan(self.driver.observe(), _all(parts.values()))
        # Parts that did not change are the same object, which is asked first: comparing sets takes long.
        changed = [key for key, part in parts.items() if made.get(key) is not part]
        changed += [key for key in made if key not in parts]
        before = _all(made.get(key, frozenset()) for key in changed)
        return self.driver.plan(before, _all(parts.get(key, frozenset()) for key in changed))

    def _done(self, parts: Parts, network: Network | None) -> None:
        """Note that the driver has made a network, and with it what was to be put right, if anything was."""
        self._made, self._network = parts, network
        if self._damage:
            self.repaired += len(self._damage)
            self.repairs.add(list(_repairs(self._damage, self.wanted)))
            self._damage = []

    def _carry_out(self, steps: Iterable[Any], parts: Parts) -> None:
        try:
            self.driver.carry_out(steps)
        except OSError as error:
            self.failed(error, parts)
            raise
        self.error, self.failing_since, self.missing = "", None, ()

    def failed(self, error: Exception, parts: Parts | None = None) -> None:
        """Note that the network is not as wanted, why, since when, and which interfaces are not wholly there."""
        self.error = told_of(error)
        self.failing_since = self.failing_since or SystemClock().now()
        if parts is not None:
            try:
                there = self.driver.observe()
            except OSError:
                # It can't be looked at either: what was made before is there, as far as is known.
                there = _all(self._last.values())
            self.missing = tuple(
                key[1] for key, part in parts.items() if key[0] == "interface" and not part <= there
            )

    def probe(self, asked: Probe) -> str:
        """Connect from an interface to an address and a port; returns `connected`, `refused` or `silent`.

        Raises FileNotFoundError when there is no such interface.
        """
        return self.driver.probe(asked)


def _repairs(damage: Iterable[tuple[str, str]], network: Network) -> Iterator[Repair]:
    """Yield a repair for each VPC in which something was put right."""
    home = {interface.id: vpc.id for vpc in network.vpcs for interface in vpc.interfaces}
    home |= {vpc.id: vpc.id for vpc in network.vpcs}
    by_vpc: dict[str, list[str]] = {}
    for place, clause in damage:
        vpc = home.get(place, "")
        by_vpc.setdefault(vpc, []).append(clause if place == vpc else f"in {place} {clause}")
    at, ids = SystemClock().now(), Ids()
    for vpc, clauses in by_vpc.items():
        yield Repair(id=ids.uuid(), at=at, vpc=vpc, what=tuple(clauses[:_MOST_CLAUSES]), count=len(clauses))


def _all(parts: Iterable[frozenset[Any]]) -> frozenset[Any]:
    return frozenset().union(*parts)
