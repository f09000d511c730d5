"""The driver that runs instances of images in containers of the engine that the user has, where nothing better can.

A process of ours stands for each: it makes the container, appends its output to the instance's spool, and notes how it
ended. Containers are on a network of the engine's, and are reached at a port of the loopback interface. What they reach
of ours is in `container_doors`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from time import sleep
from typing import NoReturn

import msgspec

from understudy_aws.dataplane.edge import CREDENTIALS_ADDRESS
from understudy_aws.dataplane.processes import start_of
from understudy_aws.dataplane.runtime import process_trees, records
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.runtime.authorities import authority_files, authority_variables
from understudy_aws.dataplane.runtime.container_doors import NETWORK, SUBNET, ContainerDoors
from understudy_aws.dataplane.runtime.container_engine import (
    Container,
    Engine,
    EngineError,
    HostSettings,
    NewContainer,
    PublishedPort,
    found_engine,
)
from understudy_aws.dataplane.runtime.driver import Observed, Place, Running, StartError
from understudy_aws.dataplane.runtime.image_users import starts_as_root
from understudy_aws.dataplane.runtime.loopback import LOOPBACK, free_port, lead_to
from understudy_aws.dataplane.runtime.managed import SYSTEM_PATH
from understudy_aws.dataplane.runtime.planning import program_of
from understudy_aws.dataplane.runtime.sandbox import CAPABILITIES
from understudy_aws.dataplane.wanted_services import Instance

IN_CONTAINERS = (
    "Images are run in containers by the engine at {}, on its own network: no security group acts on their packets, "
    "and what they write has no limit. Whoever may use the engine reads their environment, with secrets and what gets "
    "the credentials of their roles."
)

NO_DOORS = (
    "Containers of the engine at {} reach neither the APIs here nor credentials of their roles: {}. They do where the "
    "engine's networks are this machine's own, not in a virtual machine of Docker Desktop or of an engine without root."
)

NO_ENGINE = (
    "An image can't be run on this machine, where no namespaces can be made and neither Docker nor Podman answers at "
    "DOCKER_HOST or the usual socket."
)

NO_SKOPEO = (
    "The container engine is given images by skopeo, which is not installed (`sudo apt install skopeo`)."
)

_LABEL = "understudy.node"
_MOST_PROCESSES = 1024
_MEGABYTE, _PROCESSOR, _BILLION = 1024**2, 1024, 10**9
_LOAD_SECONDS = 600.0
_LONGEST_LINE = 1 << 18
_TRIES, _BETWEEN_TRIES = 20, 0.1
_START_SECONDS = 120.0


class _Start(msgspec.Struct, frozen=True):
    """What the process that stands for a container is told."""

    record: Running
    place: str
    spool: str
    engine: Engine
    container: NewContainer
    instance: Instance
    directory: str
    files: Mapping[str, str]


class _Answer(msgspec.Struct, frozen=True):
    """What it says: the record of the start, or why there is no container; and why it reaches nothing of ours."""

    record: Running | None = None
    refused: str = ""
    no_doors: str = ""


class _Ended(msgspec.Struct, frozen=True, rename="kebab"):
    """What is noted of an end, beside what `records` reads."""

    exit_code: int
    out_of_memory: bool


class Containers:
    """The containers of a node's directory."""

    def __init__(self, directory: Path, variables: Mapping[str, str]) -> None:
        self._directory = directory
        self._variables = variables
        self._artifacts = Artifacts(directory)
        self._engine = found_engine(variables)
        self._no_doors = ""

    @property
    def limits(self) -> tuple[str, ...]:
        """Return what containers are not held to; nothing is said of an engine that is not there."""
        if self._engine is None:
            return ()
        address = self._engine.address
        lacking = (NO_DOORS.format(address, self._no_doors),) if self._no_doors else ()
        return (IN_CONTAINERS.format(address), *lacking)

    def _found(self) -> Engine | None:
        """Return the engine that is there now, if one is; it may have been started since."""
        if self._engine is None or not self._engine.answers():
            self._engine = found_engine(self._variables) or self._engine
        return self._engine

    def start(self, instance: Instance, place: Place, number: int) -> Observed:
        """Start an instance of an image."""
        engine = self._found()
        if engine is None:
            raise StartError(NO_ENGINE)
        run = records.made_place(self._directory, instance.id)
        port = free_port()
        name = self._container_of(instance.id)
        record = Running(
            id=instance.id, program=program_of(instance), pid=0, started="", start=number, port=port,
            network=place.network, container=name,
        )  # fmt: skip
        try:
            new = self._new(instance, self._loaded(engine, instance.program.image), port)
        except EngineError as error:
            raise StartError(f"Its image can't be given to the container engine: {error}.") from error
        files = authority_files(instance.program.authority, self._artifacts.root(instance.program.image))
        stop_signal = self._artifacts.image(instance.program.image).stop_signal
        record = msgspec.structs.replace(record, stop_signal=stop_signal)
        start = _Start(record, str(run), place.spool, engine, new, instance, str(self._directory), files)
        try:
            launched = subprocess.run(
                [sys.executable, "-m", "understudy_aws.dataplane.runtime.containers"],
                input=msgspec.json.encode(start), capture_output=True, timeout=_START_SECONDS, check=False,
            )  # fmt: skip
            answer = msgspec.json.decode(launched.stdout, type=_Answer)
        except (subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
            raise StartError("It could not be started: its launcher ended.") from error
        if answer.record is None:
            raise StartError(f"It could not be started: {answer.refused}.")
        self._no_doors = answer.no_doors
        return Observed(record=answer.record, runs=start_of(answer.record.pid) == answer.record.started)

    def ask_to_end(self, found: Observed) -> None:
        """Send its signal to the program."""
        self._do(lambda engine: engine.signal(found.record.container, found.record.stop_signal))

    def kill(self, found: Observed) -> None:
        """End the container, and the process that stands for it."""
        self._do(lambda engine: engine.remove(found.record.container))
        process_trees.send(found.record.pid, signal.SIGKILL)

    def forget(self, id: str) -> None:
        """Remove what is left of a container."""
        self._do(lambda engine: engine.remove(self._container_of(id)))

    def why_ended(self, found: Observed) -> str:
        """Say whether all memory of the container was taken."""
        place = records.place_of(self._directory, found.record.id)
        with suppress(OSError, msgspec.MsgspecError):
            if msgspec.json.decode((place / records.STATUS).read_bytes(), type=_Ended).out_of_memory:
                return "The kernel ended a process of it, since all memory of the instance was taken."
        return ""

    def end_all(self) -> None:
        """Remove all containers of this directory, and the images that were loaded for them."""

        def remove(engine: Engine) -> None:
            mine = f"{_LABEL}={self._directory}"
            for _ in range(_TRIES):
                for name in engine.named(mine):
                    # What stands for one may be removing it, which an engine does not do twice.
                    with suppress(EngineError):
                        engine.remove(name)
                if not engine.named(mine):
                    break
                sleep(_BETWEEN_TRIES)
            with suppress(FileNotFoundError):
                for entry in self._artifacts.images.iterdir():
                    with suppress(EngineError):
                        engine.remove_image(_image_name(entry.name))
            # It stays while another node's containers are on it.
            engine.remove_network(NETWORK)

        self._do(remove)

    def _do(self, act: Callable[[Engine], None]) -> None:
        """Ask the engine for what may have been done already; one that is gone is asked again the next time."""
        engine = self._found()
        if engine is not None:
            with suppress(EngineError):
                act(engine)

    def _container_of(self, id: str) -> str:
        """Return the name of an instance's container, which is no other node's."""
        own = blake2b(str(self._directory).encode(), digest_size=6).hexdigest()
        return f"understudy-{own}-{id}"

    def _new(self, instance: Instance, image: str, port: int) -> NewContainer:
        digest = instance.program.image
        is_root = starts_as_root(self._artifacts.root(digest), self._artifacts.image(digest).user)
        inside = f"{instance.port}/tcp"
        return NewContainer(
            image=image,
            env=_words_of(_environment(instance)),
            labels={_LABEL: str(self._directory)},
            exposed_ports={inside: {}},
            entrypoint=instance.program.command,
            host_config=HostSettings(
                memory=instance.memory * _MEGABYTE,
                nano_cpus=instance.cpu * _BILLION // _PROCESSOR,
                pids_limit=_MOST_PROCESSES,
                cap_add=tuple(each.removeprefix("CAP_") for each in CAPABILITIES) if is_root else (),
                init=True,
                port_bindings={inside: (PublishedPort(LOOPBACK, str(port)),)},
            ),
        )

    def _loaded(self, engine: Engine, digest: str) -> str:
        """Return the name that the engine has for an image, which it is given by skopeo. Raises StartError."""
        name = _image_name(digest)
        if engine.has_image(name):
            return name
        skopeo = shutil.which("skopeo")
        if skopeo is None:
            raise StartError(NO_SKOPEO)
        try:
            image = self._artifacts.image(digest)
        except LookupError as error:
            raise StartError(str(error)) from error
        with tempfile.TemporaryDirectory(prefix="understudy-image-") as folder:
            layout = Path(folder)
            (layout / "blobs").symlink_to(self._artifacts.blobs)
            _write_index(layout, image.blobs[0])
            words = [skopeo, "--insecure-policy", "copy", "--quiet", "--dest-daemon-host", engine.address]
            copied = subprocess.run(  # noqa: S603 - found by name
                [*words, f"oci:{layout}:image", f"docker-daemon:{name}"],
                env={"PATH": SYSTEM_PATH, "HOME": "/nonexistent", "LC_ALL": "C"},
                capture_output=True, text=True, timeout=_LOAD_SECONDS, check=False,
            )  # fmt: skip
        if copied.returncode:
            said = copied.stderr.strip().splitlines()
            raise StartError(
                f"Its image can't be given to the container engine: {said[-1] if said else 'unknown'}"
            )
        return name


def _environment(instance: Instance) -> dict[str, str]:
    return {**dict(instance.program.environment), "PORT": str(instance.port)}


def _words_of(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in environment.items())


def _image_name(digest: str) -> str:
    return f"understudy/{digest.replace(':', '-')}:latest"


def _write_index(layout: Path, manifest: str) -> None:
    """Write what makes a directory with blobs a layout of one image."""
    data = (layout / "blobs" / manifest.replace(":", "/")).read_bytes()
    kind = msgspec.json.decode(data, type=_Kind).media_type
    described = {
        "mediaType": kind, "digest": manifest, "size": len(data),
        "annotations": {"org.opencontainers.image.ref.name": "image"},
    }  # fmt: skip
    (layout / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
    (layout / "index.json").write_bytes(msgspec.json.encode({"schemaVersion": 2, "manifests": [described]}))


class _Kind(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = "application/vnd.oci.image.manifest.v1+json"


def main() -> int:
    """Start what the input says, and print its record or why there is none; one at a time for an instance."""
    start = msgspec.json.decode(sys.stdin.buffer.read(), type=_Start)
    place = Path(start.place)
    lock = os.open(place / records.LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    found = records.observed(place)
    if found is not None and found.runs:
        os.write(1, msgspec.json.encode(_Answer(found.record)))
        return 0
    if os.fork() == 0:
        _stand_for(start, place, lock)
    return 0


def _stand_for(start: _Start, place: Path, lock: int) -> NoReturn:
    """Make the container, copy its output and note how it ended. The lock is held until the start is noted."""
    os.setsid()
    engine, name = start.engine, start.record.container
    pid = os.getpid()
    spool = records.opened_spool(start.spool)
    record = msgspec.structs.replace(
        start.record, pid=pid, started=start_of(pid), output_from=os.fstat(spool).st_size
    )
    try:
        # One that was left by a process that was killed.
        engine.remove(name)
        address, no_doors = _started(start)
    except EngineError as error:
        with suppress(EngineError):
            engine.remove(name)
        os.write(1, msgspec.json.encode(_Answer(refused=str(error))))
        os._exit(0)
    if address:
        # A port of the loopback interface may be taken by the engine before the program listens.
        record = msgspec.structs.replace(record, address=address, port=start.instance.port)
    (place / records.STATUS).unlink(missing_ok=True)
    records.write_record(place, record)
    os.close(lock)
    os.write(1, msgspec.json.encode(_Answer(record, no_doors=no_doors)))
    quiet = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(quiet, number)
    with suppress(EngineError, OSError):
        for lines in _lines_of(engine.output(name)):
            os.write(spool, lines)
    with suppress(EngineError):
        status, seen = engine.wait(name), engine.inspect(name)
        (place / records.STATUS).write_bytes(_ending(status, seen))
        engine.remove(name)
    os._exit(0)


def _started(start: _Start) -> tuple[str, str]:
    """Make and start the container; answers its address where this machine reaches it, or else why not."""
    engine, new, name = start.engine, start.container, start.record.container
    try:
        engine.make_network(NETWORK, SUBNET, CREDENTIALS_ADDRESS)
        doors = ContainerDoors(Path(start.directory))
    except (EngineError, OSError) as error:
        _create(engine, name, new)
        engine.start(name)
        return "", str(error)
    environment = _environment(start.instance)
    lead_to(environment, start.instance, CREDENTIALS_ADDRESS, doors.ports)
    held = msgspec.structs.replace(new.host_config, network_mode=NETWORK)
    environment = {**authority_variables(start.instance.program.authority), **environment}
    _create(engine, name, msgspec.structs.replace(new, env=_words_of(environment), host_config=held))
    if start.files:
        engine.put(name, {f"etc/{file}": text for file, text in start.files.items()})
    engine.start(name)
    attached = engine.inspect(name).network_settings.networks.get(NETWORK)
    address = attached.address if attached is not None else ""
    if doors.open(address):
        return address, ""
    return "", f"no interface of this machine has the address {CREDENTIALS_ADDRESS} of its network"


def _lines_of(output: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield output in whole lines, so that none begins in one of the other stream; a very long one in pieces."""
    begun: dict[int, bytes] = {}
    for stream, chunk in output:
        text = begun.pop(stream, b"") + chunk
        end = len(text) if len(text) > _LONGEST_LINE else text.rfind(b"\n") + 1
        if end:
            yield text[:end]
        if text[end:]:
            begun[stream] = text[end:]
    yield from (text + b"\n" for text in begun.values())


def _create(engine: Engine, name: str, new: NewContainer) -> None:
    """Make a container, without an init where the engine has none: Podman does not say so but when it is asked for."""
    try:
        engine.create(name, new)
    except EngineError:
        held = msgspec.structs.replace(new.host_config, init=False)
        engine.create(name, msgspec.structs.replace(new, host_config=held))


def _ending(status: int, seen: Container) -> bytes:
    return msgspec.json.encode(_Ended(status, seen.state.out_of_memory))


if __name__ == "__main__":
    sys.exit(main())
