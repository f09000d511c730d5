"""Container engines of tests leave nothing behind, also when the test that runs one is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import engines
import pytest
from images import file, layout, link
from nodes import environment

BUSYBOX = Path("/bin/busybox")
_RUN = """
import subprocess, sys, time
import engines
from understudy_aws.dataplane.runtime.container_engine import HostSettings, NewContainer
with engines.engine_of(sys.argv[1]) as engine:
    words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-daemon-host", engine.address]
    subprocess.run([*words, f"oci:{sys.argv[2]}:latest", "docker-daemon:left:latest"], check=True)
    engine.make_network("understudy", "169.254.170.0/23", "169.254.170.2")
    held = HostSettings(memory=1 << 26, nano_cpus=10**9, pids_limit=64, port_bindings={}, network_mode="understudy")
    engine.create("left", NewContainer(
        image="left:latest", env=(), labels={"understudy.node": "left"}, exposed_ports={}, host_config=held))
    engine.start("left")
    print(engine.socket, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(not BUSYBOX.exists(), reason="a static busybox is not installed")
@pytest.mark.parametrize("kind", engines.KINDS)
def test_the_engine_of_a_killed_test_ends_with_its_containers_network_and_files(kind, tmp_path):
    if refused := engines.refusal_of(kind):
        pytest.skip(refused)
    marked = f"7{os.getpid():08}"
    files = [file("bin/busybox", BUSYBOX.read_bytes(), 0o755), link("bin/sleep", "busybox")]
    layout(tmp_path / "left", [files], {"Entrypoint": ["/bin/sleep", marked]})
    test = subprocess.Popen(
        [sys.executable, "-c", _RUN, kind, tmp_path / "left"],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with test:
        try:
            assert test.stdout is not None
            assert test.stderr is not None
            place = str(Path(test.stdout.readline().strip()).parent)
            if place == "." and "Skipped" in (said := test.stderr.read()):
                pytest.skip(said.strip().splitlines()[-1])
            assert with_words(place)
            end = time.monotonic() + 30
            # A container that is started may not have its program yet.
            while not with_words(marked):
                assert time.monotonic() < end, "the container runs"
                time.sleep(0.05)
        finally:
            test.kill()
    end = time.monotonic() + 60
    while with_words(place) or with_words(marked) or Path(place).exists():
        assert time.monotonic() < end, (with_words(place), with_words(marked))
        time.sleep(0.1)
    assert place not in Path("/proc/self/mountinfo").read_text()
    with engines.engine_of(kind) as engine:
        # The addresses are free again.
        engine.make_network("understudy", "169.254.170.0/23", "169.254.170.2")


def with_words(words: str) -> set[str]:
    """The commands of processes that have these words, this one's and its parents' left out."""
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if words in command:
            found.add(command.replace("\0", " "))
    return found
