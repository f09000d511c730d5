"""Images for tests: written file by file, so that none need be pulled from anywhere, and hostile ones can be made."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
Entry = tuple[tarfile.TarInfo, bytes]


def file(name: str, data: bytes = b"", mode: int = 0o644, **more) -> Entry:
    return entry(name, data, mode=mode, size=len(data), **more)


def entry(name: str, data: bytes = b"", **more) -> Entry:
    found = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(found, key, value)
    return found, data


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Entry:
    return entry(name, type=kind, linkname=target)


def layer(entries: Sequence[Entry]) -> bytes:
    """Return a layer with entries, which is the same whenever it is made."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(made.getvalue(), mtime=0)


def layout(
    place: Path,
    layers: Sequence[Sequence[Entry]],
    config: Mapping[str, object] | None = None,
    *,
    architecture: str = MACHINE,
    tag: str = "latest",
) -> str:
    """Write an OCI layout with one image, and return the digest of its manifest."""
    blobs = place / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)

    def blob(data: bytes, kind: str) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": f"sha256:{digest}",
            "size": len(data),
        }

    packed = [layer(each) for each in layers]
    ids = [f"sha256:{hashlib.sha256(gzip.decompress(each)).hexdigest()}" for each in packed]
    configuration = {
        "architecture": architecture, "os": "linux", "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": ids},
    }  # fmt: skip
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob(json.dumps(configuration).encode(), "config.v1+json"),
        "layers": [blob(each, "layer.v1.tar+gzip") for each in packed],
    }
    described = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    described["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [described]}))
    return described["digest"]


def index(place: Path, platforms: Sequence[str]) -> None:
    """Make of a layout with one image one with a list of images, the same for each architecture."""
    written = json.loads((place / "index.json").read_text())
    only = written["manifests"][0]
    listed = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                **{key: only[key] for key in ("mediaType", "digest", "size")},
                "platform": {"os": "linux", "architecture": each},
            }
            for each in platforms
        ],
    }
    data = json.dumps(listed).encode()
    digest = hashlib.sha256(data).hexdigest()
    (place / "blobs/sha256" / digest).write_bytes(data)
    written["manifests"] = [
        {
            "mediaType": listed["mediaType"],
            "digest": f"sha256:{digest}",
            "size": len(data),
            "annotations": only["annotations"],
        }
    ]
    (place / "index.json").write_text(json.dumps(written))


_REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {place}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
{auth}
"""
_AUTH = "auth: {{htpasswd: {{realm: test, path: {place}/accounts}}}}"
# The password `secret`, by bcrypt.
ACCOUNT = "mary:$2b$05$eSYJa8Cbzyx.LQTcj03PA.OtA0XUGb72RSasLmKPyu6lbtUS.osEy"


@contextmanager
def registry(place: Path, account: str = "") -> Iterator[str]:
    """Run a registry from Debian, and yield its host and port; with an account, `NAME:BCRYPT`, for that alone."""
    program = shutil.which("docker-registry")
    assert program is not None
    place.mkdir(exist_ok=True)
    (place / "accounts").write_text(f"{account}\n")
    for _ in range(5):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        auth = _AUTH.format(place=place) if account else ""
        (place / "config.yml").write_text(_REGISTRY.format(place=place, port=port, auth=auth))
        process = subprocess.Popen(
            [program, "serve", str(place / "config.yml")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]},
        )  # fmt: skip
        try:
            if _answers(process, port):
                yield f"127.0.0.1:{port}"
                return
        finally:
            process.kill()
            process.wait()
    raise AssertionError("the registry did not start")


def _answers(process: subprocess.Popen, port: int) -> bool:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.02)
    return False


def push(place: Path, reference: str, *more: str) -> None:
    """Push the images of a layout to a registry."""
    subprocess.run(
        ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false", *more, f"oci:{place}:latest", reference],
        check=True, capture_output=True,
    )  # fmt: skip


def missing_for_web_images() -> str:
    """Say what is not installed that it takes to pull and run `web_image`, nothing if all is."""
    found = all(shutil.which(each) for each in ("bwrap", "skopeo", "umoci"))
    # elf(5): a program that needs others names what finds them.
    static = BUSYBOX.exists() and b"/ld-linux" not in BUSYBOX.read_bytes()
    return "" if found and static else "bubblewrap, skopeo, umoci or a static busybox is not installed"


def web_image(place: Path, text: str) -> None:
    """Write a layout with an image whose server answers with a text, at port 8080."""
    files = [
        file("bin/busybox", BUSYBOX.read_bytes(), 0o755), link("bin/httpd", "busybox"), file("www/index.html", text.encode()),
    ]  # fmt: skip
    layout(place, [files], {"Entrypoint": ["/bin/httpd"], "Cmd": ["-f", "-p", "8080", "-h", "/www"]})
