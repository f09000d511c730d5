"""The container engine that a user already has, asked by the Docker Engine API: Docker, or Podman with its socket.

Only a socket of this machine is used. Documented at https://docs.docker.com/reference/api/engine/; what is used here
has been the same since version 1.40, which Podman speaks as well.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

T = TypeVar("T")

_VERSION = "/v1.40"
_JSON = "application/json"
_SECONDS = 60.0
_ASK_SECONDS = 2.0
_LOOKS, _BETWEEN_LOOKS = 30, 0.1
_NOT_FOUND, _ERRORS, _UNCHANGED = 404, 400, 304
_HEADER, _SIZE_AT = 8, 4


class EngineError(Exception):
    """The engine refused something or can't be reached; the text is a clause for a person."""


class MissingError(EngineError):
    """There is no image or container of that name."""


class _Said(msgspec.Struct, frozen=True):
    message: str = ""


class PublishedPort(msgspec.Struct, frozen=True, rename="pascal"):
    """A port of this machine: its address and number, in text."""

    host_ip: str
    host_port: str


class HostSettings(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    """What a container is held to on this machine. `memory` are bytes, `nano_cpus` billionths of a processor.

    With `init` its first process is the engine's, which passes signals on. `network_mode` names its network.
    """

    memory: int
    nano_cpus: int
    pids_limit: int
    port_bindings: dict[str, tuple[PublishedPort, ...]]
    cap_drop: tuple[str, ...] = ("ALL",)
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ("no-new-privileges",)
    init: bool = False
    network_mode: str = "default"


class NewContainer(msgspec.Struct, frozen=True, rename="pascal", kw_only=True, omit_defaults=True):
    """What a container is made of. An empty `entrypoint` is the image's own, with its command."""

    image: str
    env: tuple[str, ...]
    labels: dict[str, str]
    exposed_ports: dict[str, dict[str, str]]
    host_config: HostSettings
    entrypoint: tuple[str, ...] = ()


class State(msgspec.Struct, frozen=True):
    """How a container has ended, if it has."""

    out_of_memory: bool = msgspec.field(name="OOMKilled", default=False)


class Attached(msgspec.Struct, frozen=True):
    """Where a container is on a network; empty while it does not run."""

    address: str = msgspec.field(name="IPAddress", default="")


class NetworkSettings(msgspec.Struct, frozen=True, rename="pascal"):
    """The networks of a container, by their names."""

    networks: dict[str, Attached] = {}


class Container(msgspec.Struct, frozen=True, rename="pascal"):
    """How a container is."""

    state: State = State()
    network_settings: NetworkSettings = NetworkSettings()


class _Block(msgspec.Struct, frozen=True, rename="pascal"):
    subnet: str
    gateway: str


class _Addresses(msgspec.Struct, frozen=True, rename="pascal"):
    config: tuple[_Block, ...]


class _NewNetwork(msgspec.Struct, frozen=True, rename="pascal", kw_only=True):
    name: str
    addresses: _Addresses = msgspec.field(name="IPAM")
    check_duplicate: bool = True
    driver: str = "bridge"


class _Listed(msgspec.Struct, frozen=True):
    names: tuple[str, ...] = msgspec.field(name="Names", default=())


class _Ended(msgspec.Struct, frozen=True, rename="pascal"):
    status_code: int


class Engine(msgspec.Struct, frozen=True):
    """An engine, by its socket. Every method asks over a connection of its own and raises EngineError."""

    socket: str

    @property
    def address(self) -> str:
        """Return the address as DOCKER_HOST has it."""
        return f"unix://{self.socket}"

    def answers(self) -> bool:
        """Whether it does."""
        try:
            self._ask("GET", "/_ping", seconds=_ASK_SECONDS)
        except EngineError:
            return False
        return True

    def has_image(self, name: str) -> bool:
        """Whether it has an image."""
        try:
            self._ask("GET", f"/images/{quote(name)}/json")
        except MissingError:
            return False
        return True

    def create(self, name: str, new: NewContainer) -> None:
        """Make a container. With `init` it is refused where the engine has no such first process."""
        self._ask("POST", f"/containers/create?{urlencode({'name': name})}", msgspec.json.encode(new))

    def put(self, name: str, files: Mapping[str, str]) -> None:
        """Write files into a container, by their paths from its root, for all to read."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for path, text in files.items():
                member, data = tarfile.TarInfo(path), text.encode()
                member.size, member.mode = len(data), 0o644
                archive.addfile(member, io.BytesIO(data))
        self._ask(
            "PUT", f"/containers/{quote(name)}/archive?path=/", packed.getvalue(), kind="application/x-tar"
        )

    def start(self, name: str) -> None:
        """Start a container."""
        self._ask("POST", f"/containers/{quote(name)}/start")

    def signal(self, name: str, number: int) -> None:
        """Send a signal to the program of a container."""
        self._ask("POST", f"/containers/{quote(name)}/kill?{urlencode({'signal': number})}")

    def remove(self, name: str) -> None:
        """End and remove a container, which may be gone."""
        try:
            self._ask("DELETE", f"/containers/{quote(name)}?force=true&v=true")
        except MissingError:
            return

    def remove_image(self, name: str) -> None:
        """Remove an image, which may be gone."""
        try:
            self._ask("DELETE", f"/images/{quote(name)}")
        except MissingError:
            return

    def make_network(self, name: str, subnet: str, gateway: str) -> None:
        """Have a network of this machine's own with a block of addresses, of which the machine has one."""
        if self._has_network(name):
            return
        new = _NewNetwork(name=name, addresses=_Addresses((_Block(subnet, gateway),)))
        try:
            self._ask("POST", "/networks/create", msgspec.json.encode(new))
        except EngineError:
            # Whoever makes it meanwhile has its addresses, maybe before the engine tells of it.
            for _ in range(_LOOKS):
                if self._has_network(name):
                    return
                sleep(_BETWEEN_LOOKS)
            raise

    def remove_network(self, name: str) -> None:
        """Remove a network, which may be gone. Raises EngineError while a container is on it."""
        try:
            self._ask("DELETE", f"/networks/{quote(name)}")
        except MissingError:
            return

    def _has_network(self, name: str) -> bool:
        try:
            self._ask("GET", f"/networks/{quote(name)}")
        except MissingError:
            return False
        return True

    def inspect(self, name: str) -> Container:
        """Return how a container is."""
        return _read(self._ask("GET", f"/containers/{quote(name)}/json"), Container)

    def named(self, label: str) -> tuple[str, ...]:
        """Return the names of all containers with a label, `NAME=VALUE`."""
        filters = msgspec.json.encode({"label": [label]}).decode()
        asked = f"/containers/json?{urlencode({'all': 'true', 'filters': filters})}"
        listed = _read(self._ask("GET", asked), tuple[_Listed, ...])
        return tuple(name.removeprefix("/") for each in listed for name in each.names)

    def wait(self, name: str) -> int:
        """Return the status of a container's program once it has ended."""
        return _read(self._ask("POST", f"/containers/{quote(name)}/wait", seconds=None), _Ended).status_code

    def output(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Yield what the program of a container writes, as it comes, until it has ended; with the number of the stream.

        What it writes to the two streams need not come in the order in which it did.
        """
        asked = f"/containers/{quote(name)}/logs?follow=true&stdout=true&stderr=true"
        with closing(_Connection(self.socket, None)) as connection:
            answer = _answered(connection, "GET", asked)
            while len(header := answer.read(_HEADER)) == _HEADER:
                left = int.from_bytes(header[_SIZE_AT:], "big")
                while left and (chunk := answer.read(min(left, 1 << 16))):
                    left -= len(chunk)
                    yield header[0], chunk

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        seconds: float | None = _SECONDS,
        kind: str = _JSON,
    ) -> bytes:
        with closing(_Connection(self.socket, seconds)) as connection:
            try:
                return _answered(connection, method, path, body, kind).read()
            except (OSError, http.client.HTTPException) as error:
                raise EngineError(f"it does not answer at {self.socket}: {error}") from error


def found_engine(variables: Mapping[str, str]) -> Engine | None:
    """Return the first engine that answers: the one named by DOCKER_HOST, or at one of the usual places."""
    named = variables.get("DOCKER_HOST", "")
    if named:
        places = [named.removeprefix("unix://")] if named.startswith("unix://") else []
    else:
        home, runtime = variables.get("HOME", ""), variables.get("XDG_RUNTIME_DIR", "")
        places = ["/var/run/docker.sock"]
        places += [f"{runtime}/docker.sock", f"{runtime}/podman/podman.sock"] if runtime else []
        places += [f"{home}/.docker/run/docker.sock"] if home else []
        places += ["/run/podman/podman.sock"]
    for place in places:
        if Path(place).is_socket() and os.access(place, os.R_OK | os.W_OK):
            engine = Engine(place)
            if engine.answers():
                return engine
    return None


class _Connection(http.client.HTTPConnection):
    """A connection to a socket of this machine."""

    def __init__(self, place: str, seconds: float | None) -> None:
        super().__init__("localhost", timeout=seconds)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._place)


def _answered(
    connection: _Connection, method: str, path: str, body: bytes = b"", kind: str = _JSON
) -> http.client.HTTPResponse:
    connection.request(method, f"{_VERSION}{path}", body, {"Content-Type": kind} if body else {})
    answer = connection.getresponse()
    if answer.status < _ERRORS:
        return answer
    data = answer.read()
    try:
        said = msgspec.json.decode(data, type=_Said).message
    except msgspec.MsgspecError:
        said = data.decode(errors="replace")
    error = MissingError if answer.status == _NOT_FOUND else EngineError
    raise error(said.strip().rstrip(".")[:300] or f"it answered with status {answer.status}")


def _read(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise EngineError(f"its answer can't be understood: {error}") from error
