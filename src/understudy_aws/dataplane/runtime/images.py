"""Images, pulled and unpacked: by skopeo and umoci, with each layer kept once.

An image is known by the digest of what the registry has under its name, so that it stays the same whatever happens to
the name. Layers are other people's: they are unpacked apart from this machine, where nothing but the image can be
written, within a time and a size. Files of any user become this user's, and devices empty files. Where an image starts
as root and there are further ids, its files are given to those that stand for their owners.
"""

from __future__ import annotations

import base64
import os
import platform
import re
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

from understudy_aws.dataplane.linux.user_maps import is_mapped
from understudy_aws.dataplane.runtime import commands, isolation
from understudy_aws.dataplane.runtime.artifacts import (
    MOST_BYTES,
    Artifacts,
    TaskError,
    UnpackedImage,
    making,
    size_of,
    write_record,
)
from understudy_aws.dataplane.runtime.container_engine import found_engine
from understudy_aws.dataplane.runtime.file_trees import remove_tree
from understudy_aws.dataplane.runtime.image_owners import can_give, give_to_owners
from understudy_aws.dataplane.runtime.image_users import starts_as_root
from understudy_aws.dataplane.runtime.isolation import Mount
from understudy_aws.dataplane.runtime.managed import SYSTEM_PATH
from understudy_aws.dataplane.tasks import PullImage, TaskResult

T = TypeVar("T")

_ASK_SECONDS, _PULL_SECONDS, _UNPACK_SECONDS = 120.0, 1800.0, 900.0
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
_MANIFEST_BYTES = 4 * 1024**2
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ECR = re.compile(r"public\.ecr\.aws|\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")
_UNREACHABLE = "The registry of {} can't be reached"
_WAY_OUT = ("https_proxy", "http_proxy", "no_proxy", "all_proxy", "ssl_cert_file", "ssl_cert_dir")
# What skopeo says, what that means to whoever gave the image's name, and what of its words is told with it: those that
# this matches to their end. skopeo's whole chain of causes is in the log of the deployment.
_REASONS = (
    (
        "unauthorized|authentication required|invalid username/password",
        "Nobody may pull {} with these credentials",
        "",
    ),
    ("forbidden|access to the resource is denied|denied: ", "The registry refuses to give {}", "denied: .*"),
    (
        (
            "manifest unknown|name unknown|not found|no such file|no descriptor found|does not exist|"
            "image not known|no such image"
        ),
        "There is no image {}",
        "",
    ),
    (
        "no image found in (manifest list|image index)",
        "There is no image {} for this machine, which is %s",
        "",
    ),
    ("server gave HTTP response to HTTPS client", "The registry of {} speaks HTTP without TLS", ""),
    ("x509|certificate", "The certificate of the registry of {} is not trusted", "x509: .*"),
    (
        "connection refused|no such host|timeout|network is unreachable|no route to host|EOF",
        _UNREACHABLE,
        "connection refused|no such host|timeout|network is unreachable|no route to host|EOF",
    ),
)


class _Descriptor(msgspec.Struct, frozen=True):
    digest: str
    size: int = 0


class _Manifest(msgspec.Struct, frozen=True):
    config: _Descriptor
    layers: tuple[_Descriptor, ...] = ()


class _Index(msgspec.Struct, frozen=True):
    manifests: tuple[_Descriptor, ...] = ()


class _Runs(msgspec.Struct, frozen=True, rename="pascal"):
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    env: tuple[str, ...] | None = None
    working_dir: str | None = None
    user: str | None = None
    exposed_ports: dict[str, object] | None = None
    volumes: dict[str, object] | None = None
    stop_signal: str | None = None


class _Configuration(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    config: _Runs | None = None


def pull(artifacts: Artifacts, task: PullImage) -> TaskResult:
    """Pull and unpack an image, unless it is there. Raises TaskError and OSError."""
    for program in ("skopeo", "umoci"):
        if shutil.which(program) is None:
            raise TaskError(
                "Images are pulled by skopeo and unpacked by umoci (`sudo apt install skopeo umoci`)."
            )
    work = artifacts.work / str(os.getpid())
    remove_tree(work)
    artifacts.make_work(work.name)
    try:
        registry = _Registry(task, work)
        digest = registry.digest()
        place = artifacts.images / digest.replace(":", "-")
        if _has_other_owners(artifacts, digest):
            artifacts.set_image_aside(digest)
        with making(place) as new:
            if new:
                write_record(place, _unpacked(artifacts, registry, digest, place))
    finally:
        remove_tree(work)
    image = artifacts.image(digest)
    return TaskResult(image=digest, command=image.command, exposed_port=next(iter(image.ports), 0))


def _unpacked(artifacts: Artifacts, registry: _Registry, digest: str, place: Path) -> UnpackedImage:
    artifacts.blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
    layout = place / "layout"
    layout.mkdir()
    # Layers are in one place for all images, where skopeo finds those that it need not pull again.
    (layout / "blobs").symlink_to(artifacts.blobs)
    registry.copy(digest, layout)
    manifest_digest, manifest = _manifest(layout)
    configuration = _read(_blob(artifacts, manifest.config.digest), _Configuration)
    machine = _architecture()
    if configuration.architecture not in {"", machine} or configuration.os not in {"", "linux"}:
        raise TaskError(
            f"{registry.name} is for {configuration.os} on {configuration.architecture}, and this machine is {machine}."
        )
    _unpack(artifacts, layout, place)
    remove_tree(layout)
    runs = configuration.config or _Runs()
    size = size_of(place)
    keeps_owners = _keeps_owners(place / "rootfs", runs.user or "")
    if keeps_owners:
        give_to_owners(place / "rootfs")
    return UnpackedImage(
        id=digest,
        reference=registry.name,
        command=(*(runs.entrypoint or ()), *(runs.cmd or ())),
        entry_point=runs.entrypoint or (),
        environment=tuple(
            (name, value) for name, _, value in (each.partition("=") for each in runs.env or ())
        ),
        working_directory=runs.working_dir or "/",
        user=runs.user or "",
        ports=_ports(runs.exposed_ports or {}),
        blobs=(manifest_digest, manifest.config.digest, *(each.digest for each in manifest.layers)),
        bytes=size,
        volumes=tuple(sorted(runs.volumes or {})),
        stop_signal=_signal(runs.stop_signal or ""),
        keeps_owners=keeps_owners,
    )


def _keeps_owners(root: Path, user: str) -> bool:
    """Whether an image is unpacked for users of its own: it starts as root, and there are ids and owners for them."""
    return is_mapped() and starts_as_root(root, user) and can_give(root.parent)


def _has_other_owners(artifacts: Artifacts, digest: str) -> bool:
    """Whether an image was unpacked when this node's holder, or the one before it, had further ids or had none."""
    with suppress(LookupError):
        image = artifacts.image(digest)
        return image.keeps_owners != _keeps_owners(artifacts.root(digest), image.user)
    return False


class _Registry:
    """Where an image is pulled from, by skopeo."""

    def __init__(self, task: PullImage, work: Path) -> None:
        self._task = task
        self._work = work
        self.transport, _, self.name = task.reference.partition(":")
        if self.transport not in {"docker", "oci", "docker-archive", "docker-daemon", "oci-archive", "dir"}:
            raise TaskError(
                f"Images are not pulled by {self.transport!r} but by docker, oci or docker-archive."
            )
        engine = found_engine(os.environ) if self.transport == "docker-daemon" else None
        self._engine = engine.address if engine is not None else ""
        if self.transport == "docker-daemon" and engine is None:
            raise TaskError("No container engine answers at DOCKER_HOST or the usual socket.")
        self.name = task.title or self.name.removeprefix("//")
        self._accounts = (None if task.user else _own_accounts()) or work / "accounts.json"
        if not self._accounts.exists():
            # One is always named: skopeo would look where root's are, as whom it runs in the node's namespaces.
            secret = base64.b64encode(f"{task.user}:{task.password}".encode()).decode()
            known = {self._host: {"auth": secret}} if task.user else {}
            fd = os.open(self._accounts, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(msgspec.json.encode({"auths": known}))

    @property
    def _host(self) -> str:
        first = self.name.partition("/")[0]
        return first if "." in first or ":" in first or first == "localhost" else "docker.io"

    def digest(self) -> str:
        """Return the digest of what the registry has under the image's name. Raises TaskError."""
        raw = self._work / "manifest"
        with raw.open("wb") as file:
            self._skopeo(
                ["inspect", "--raw", *self._asking(""), self._task.reference], _ASK_SECONDS, file.fileno()
            )
        if raw.stat().st_size > _MANIFEST_BYTES:
            raise TaskError(f"The manifest of {self.name} is larger than 4 MB.")
        data = raw.read_bytes()
        _check_size(self.name, data)
        return f"sha256:{sha256(data).hexdigest()}"

    def copy(self, digest: str, layout: Path) -> None:
        """Copy the image of a digest into a layout. Raises TaskError."""
        reference = self._task.reference
        if self.transport == "docker":
            # What the name means by now may be another image.
            base = self.name.partition("@")[0]
            folder, slash, last = base.rpartition("/")
            reference = f"docker://{folder}{slash}{last.partition(':')[0]}@{digest}"
        words = ["copy", "--quiet", "--remove-signatures", "--override-os", "linux", *self._asking("src-")]
        self._skopeo([*words, reference, f"oci:{layout}:image"], _PULL_SECONDS, None, layout)

    def _asking(self, prefix: str) -> list[str]:
        words = [f"--{prefix}tls-verify=false"] if self._task.plain else []
        words += [f"--{prefix}daemon-host", self._engine] if self._engine else []
        return [*words, f"--{prefix}authfile", str(self._accounts)]

    def _skopeo(
        self, words: Sequence[str], seconds: float, output: int | None, watched: Path | None = None
    ) -> None:
        whole = [shutil.which("skopeo") or "skopeo", "--insecure-policy", "--tmpdir", str(self._work), *words]
        environment = {"PATH": SYSTEM_PATH, "HOME": os.environ.get("HOME", "/nonexistent"), "LC_ALL": "C"}
        environment |= {name: value for name, value in os.environ.items() if name.lower() in _WAY_OUT}
        ended = commands.run(
            whole,
            environment,
            seconds=seconds,
            output=output,
            watched=watched,
            title=f"skopeo {words[0]} {self.name}",
        )
        if ended.status:
            raise TaskError(_reason(self.name, " ".join(ended.last)))


def _own_accounts() -> Path | None:
    """Return the file with this user's own accounts at registries, as `docker login` wrote it."""
    home, runtime = os.environ.get("HOME"), os.environ.get("XDG_RUNTIME_DIR")
    places = [f"{runtime}/containers/auth.json"] if runtime else []
    if home:
        places += [f"{home}/.config/containers/auth.json", f"{home}/.docker/config.json"]
    return next((Path(each) for each in places if os.path.isfile(each) and os.access(each, os.R_OK)), None)  # noqa: PTH113 - no error


def _reason(name: str, said: str) -> str:
    detail = _detail(said)
    # The name itself may be anything.
    told = said.replace(name.partition("@")[0].rpartition(":")[0] or name, "")
    for pattern, reason, kept in _REASONS:
        if re.search(pattern, told, re.IGNORECASE):
            sentence = reason.replace("%s", _architecture()).format(name)
            cause = re.search(kept, detail, re.IGNORECASE) if kept else None
            why = f": {cause.group().rstrip('.')}" if cause else ""
            return f"{sentence}{why}.{_elsewhere(name) if reason == _UNREACHABLE else ''}"
    return f"The image {name} can't be pulled: {detail}"


def _elsewhere(name: str) -> str:
    """Return how a name of Amazon ECR leads to images that can be had without it."""
    host = name.partition("/")[0]
    if not _ECR.fullmatch(host):
        return ""
    return f" `understudy up --registry {host}=PLACE` leads such names to a registry or a directory of this machine."


def _detail(said: str) -> str:
    """Return what a program has said, without the form of its log."""
    return re.sub(r'^.*level=(fatal|error) msg="?', "", said).replace('\\"', '"').rstrip('"\\ ')[:500]


def _check_size(name: str, data: bytes) -> None:
    """Refuse an image early whose layers are too large even compressed. Raises TaskError."""
    try:
        manifest = msgspec.json.decode(data, type=_Manifest)
    except msgspec.MsgspecError:
        # A list of manifests.
        return
    if sum(each.size for each in manifest.layers) > MOST_BYTES:
        raise TaskError(
            f"The image {name} is larger than the {MOST_BYTES // 1024**3} GB that an instance has."
        )


def _manifest(layout: Path) -> tuple[str, _Manifest]:
    index = _read(layout / "index.json", _Index)
    digest = index.manifests[0].digest
    return digest, _read(layout / "blobs" / digest.replace(":", "/"), _Manifest)


def _blob(artifacts: Artifacts, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise TaskError(f"{digest!r} is no digest.")
    return artifacts.blobs / digest.replace(":", "/")


def _read(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, OSError, IndexError) as error:
        raise TaskError(f"The image can't be understood: {error}") from error


def _unpack(artifacts: Artifacts, layout: Path, place: Path) -> None:
    """Unpack the layers to `place`/rootfs."""
    bundle = place / "bundle"
    words = [shutil.which("umoci") or "umoci", "raw", "unpack", "--rootless"]
    words += ["--image", f"{layout}:image", str(bundle / "rootfs")]
    bundle.mkdir()
    environment = {"PATH": SYSTEM_PATH, "HOME": "/nonexistent", "LC_ALL": "C"}
    if not isolation.obstacle():
        mounts = [
            Mount(source=str(layout), target=str(layout)),
            Mount(source=str(artifacts.blobs), target=str(artifacts.blobs)),
            Mount(source=str(bundle), target=str(bundle), writable=True),
        ]
        words = isolation.isolated(words, mounts, directory="/", place=artifacts.settings, network=False)
    ended = commands.run(
        words,
        environment,
        seconds=_UNPACK_SECONDS,
        watched=place,
        title="umoci unpack",
        filtered=not isolation.obstacle(),
    )
    if ended.status:
        detail = _detail(ended.last[-1]) if ended.last else ended.status
        raise TaskError(f"The layers of the image can't be unpacked: {detail}")
    if size_of(bundle) > MOST_BYTES:
        raise TaskError(f"The image is larger than the {MOST_BYTES // 1024**3} GB that an instance has.")
    (bundle / "rootfs").rename(place / "rootfs")
    remove_tree(bundle)


def _architecture() -> str:
    machine = platform.machine()
    return _ARCHITECTURES.get(machine, machine)


def _signal(text: str) -> int:
    """Return the number of an image's STOPSIGNAL, a number or a name as QUIT, SIGQUIT or RTMIN+3; else SIGTERM's."""
    name = text.upper().removeprefix("SIG")
    base, _, more = name.partition("+")
    with suppress(KeyError, ValueError):
        number = int(name) if name.isdigit() else signal.Signals[f"SIG{base}"] + int(more or 0)
        if 0 < number <= signal.SIGRTMAX:
            return number
    return signal.SIGTERM


def _ports(exposed: dict[str, object]) -> tuple[int, ...]:
    numbers = (name.partition("/") for name in exposed)
    return tuple(sorted(int(port) for port, _, kind in numbers if port.isdigit() and kind in {"", "tcp"}))
