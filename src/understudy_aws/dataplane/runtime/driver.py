"""A driver of instances: what starts the programs of instances on this machine, finds them again and ends them.

There are two. `bubblewrap` runs each alone, with its network interface as its only network. Where no network can be
made, `processes` runs plain processes of this user, and images in containers of an engine that is there. An instance
outlives whoever started it, and is found again by a record in a directory of its own.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Protocol

import msgspec

from understudy_aws.dataplane.wanted_services import Instance


class StartError(Exception):
    """A program could not be started; the text is one sentence for the person whose service it is."""


class PlaceGoneError(StartError):
    """A program could not be started since all networks have ended, and not by a fault of its own."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The record of a start: the process and what tells it from others of its number.

    `program` tells what it was started from, `start` counts the starts of this instance, and `port` is where it was
    told to listen. Its output begins at the byte `output_from` of its spool. `network` tells the namespace that it
    lives in from others of its name. `groups` are its control groups. `container` names the container that the process
    stands for, if it does, and `address` is the container's where this machine reaches that.
    `stop_signal` is the number by which the program is asked to end. With `is_one_user` it is an image's root that
    would have other users elsewhere.
    """

    id: str
    program: str
    pid: int
    started: str
    start: int
    port: int
    output_from: int = 0
    network: str = ""
    groups: tuple[str, ...] = ()
    container: str = ""
    address: str = ""
    stop_signal: int = signal.SIGTERM
    is_one_user: bool = False


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """How an instance is found: what was started last, whether it still runs, and how it ended."""

    record: Running
    runs: bool
    exit_status: int | None = None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What an instance is given from around it.

    `network` tells the namespace of its interface from others of its name, `address` is the interface's and `resolver`
    the text of `/etc/resolv.conf`. Its output is appended to the file `spool`.
    """

    network: str
    address: str
    resolver: str
    spool: str


class RuntimeDriver(Protocol):
    """Runs instances. All methods block; those of one instance are called one after another."""

    @property
    def name(self) -> str:
        """Return `bubblewrap` or `processes`."""
        ...

    @property
    def obstacle(self) -> str:
        """Return why no instance can run, as a sentence with the remedy; empty when they can."""
        ...

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what instances are not held to on this machine, as sentences with the remedy."""
        ...

    def observe(self) -> Mapping[str, Observed]:
        """Return every instance that has been started and was not forgotten, by its id. Raises OSError."""
        ...

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start an instance for the time of this number, or return it when it runs.

        Raises StartError, PlaceGoneError where the network has ended meanwhile, and OSError.
        """
        ...

    def ask_to_end(self, found: Observed) -> None:
        """Send SIGTERM to the program of an instance, or what its image has instead."""
        ...

    def kill(self, found: Observed) -> None:
        """End every process of an instance."""
        ...

    def forget(self, id: str) -> None:
        """Forget an instance that does not run."""
        ...

    def why_ended(self, found: Observed) -> str:
        """Return what is known, beside its status, of how an instance ended; mostly nothing."""
        ...

    @property
    def shares_network(self) -> bool:
        """Whether instances are in this machine's own network, and listen on its loopback interface."""
        ...

    def let_go(self) -> None:
        """Leave instances to whoever comes next."""
        ...

    def end_all(self) -> None:
        """End every instance and leave nothing of them."""
        ...
