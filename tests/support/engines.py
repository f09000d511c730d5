"""Container engines that answer the Docker Engine API, for tests: Podman's service and Docker's daemon, each on its own.

One at a time: their networks are this machine's, and the one that instances are on has the same addresses in each.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import engine_keeper
import pytest
from engine_keeper import ENDED, SAID, SOCKET
from nodes import environment

from understudy_aws.dataplane.runtime.container_engine import Engine, EngineError

KINDS = ("podman", "docker")
_PROGRAMS = {"podman": ("podman", "runc"), "docker": ("dockerd", "containerd")}
# As the defaults of a machine whose limits are as podman expects them.
_SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["/usr/sbin/runc", "/usr/bin/runc"]
"""


def refusal_of(kind: str) -> str:
    """Why there is no such engine here; empty when there can be one."""
    if os.geteuid() != 0:
        return "an engine for all users is root's"
    path = f"{os.environ['PATH']}:/usr/sbin"
    missing = [
        each for each in (*_PROGRAMS[kind], "skopeo", "umoci") if shutil.which(each, path=path) is None
    ]
    return f"{', '.join(missing)} not installed" if missing else ""


def rename(engine: Engine, image: str, name: str) -> None:
    """Give an image another name, with which it is kept when the first one is taken away."""
    engine._ask("POST", f"/images/{quote(image)}/tag?{urlencode({'repo': name, 'tag': 'latest'})}")


def has_init(kind: str) -> bool:
    """Whether an engine has a first process for containers, which passes signals on; what is no engine has one."""
    places = [Path(each) / "catatonit" for each in ("/usr/bin", "/usr/libexec/podman")]
    return kind != "podman" or any(each.exists() for each in places)


@contextmanager
def engine_of(kind: str) -> Iterator[Engine]:
    """Run an engine with images and containers of its own."""
    if refused := refusal_of(kind):
        pytest.skip(refused)
    with (Path(tempfile.gettempdir()) / "understudy-engines.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = Path(tempfile.mkdtemp(prefix="engine-"))
        with _running(kind, place, lock.fileno()) as found:
            yield found
            _remove_network(found)


def _remove_network(engine: Engine) -> None:
    """Remove the network of instances, which may be in use for a moment still."""
    end = time.monotonic() + 10
    while True:
        try:
            return engine.remove_network("understudy")
        except EngineError:
            assert time.monotonic() < end, "a container is left"
            time.sleep(0.1)


def _words(kind: str, place: Path) -> list[str]:
    if kind == "podman":
        (place / "containers.conf").write_text(_SETTINGS)
        words = [
            "podman",
            "--root",
            str(place / "root"),
            "--runroot",
            str(place / "run"),
            "system",
            "service",
        ]
        return [*words, "--time", "0", f"unix://{place}/{SOCKET}"]
    words = ["dockerd", "--data-root", str(place / "root"), "--exec-root", str(place / "run")]
    # The machine's own filter and its other networks are left alone.
    words += ["--pidfile", str(place / "pid"), "--bridge", "none", "--iptables=false", "--ip-forward=false"]
    return [*words, "--host", f"unix://{place}/{SOCKET}"]


@contextmanager
def _running(kind: str, place: Path, lock: int) -> Iterator[Engine]:
    """Run an engine, which ends with this process however that ends; the lock is held until it has."""
    found = Engine(str(place / SOCKET))
    words = [sys.executable, engine_keeper.__file__, str(place), *_words(kind, place)]
    keeper = subprocess.Popen(
        words, env=environment(), stdin=subprocess.PIPE, pass_fds=(lock,), start_new_session=True
    )
    try:
        end = time.monotonic() + 40
        while not found.answers():
            if (place / ENDED).exists():
                said = (place / SAID).read_text().strip().splitlines()
                pytest.skip(f"{kind} can't start here: {said[-1] if said else 'it said nothing'}")
            assert keeper.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        yield found
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        keeper.wait(90)
