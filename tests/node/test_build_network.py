"""What the commands of a build reach: the world, and of this machine what pip and npm are told of alone."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from boxes import MACHINE, METADATA, PRIVATE, SITES, missing_for
from nodes import UNPRIVILEGED, node, refusal_for
from repositories import commit
from tasks import build, reason_of, result_of

from understudy_aws.dataplane.messages import ForgetTask, GetTask, StartTask
from understudy_aws.dataplane.runtime.artifacts import Artifacts
from understudy_aws.dataplane.tasks import FetchSource

pytestmark = pytest.mark.skipif(
    not (shutil.which("git") and shutil.which("bwrap")), reason="git and bubblewrap are not installed"
)
HEAR = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def hear(place):
    address, port = place.rsplit("/", 1)
    try:
        with socket.create_connection((address, int(port)), 2) as sock:
            return sock.makefile().readline().strip() and "heard"
    except OSError as error:
        return "refused" if isinstance(error, ConnectionRefusedError) else "silent"
with ThreadPoolExecutor(32) as pool:
    for place, said in zip(sys.argv[1:], pool.map(hear, sys.argv[1:])):
        print(place, said)
"""
LOOPBACK = f"127.0.0.1/{PRIVATE}"


# What git says of a server that hears it and is no web server; which one depends on who is first to close.
ANSWERED = (
    "Received HTTP/0.9 when not allowed",
    "Empty reply from server",
    "Recv failure: Connection reset by peer",
)


@pytest.mark.parametrize(
    ("user", "carrier", "variables", "loopback"),
    [
        (None, "pasta", {"PIP_INDEX_URL": f"http://mary:pass@127.0.0.1:{PRIVATE}/simple"}, "heard"),
        (UNPRIVILEGED, "slirp4netns", {}, "refused"),
    ],
    ids=["told-of-loopback", "unprivileged"],
)
def test_builds_and_fetches_reach_the_world_and_of_this_machine_what_they_are_told_of(
    user, carrier, variables, loopback
):
    if user is not None and os.geteuid() != 0:
        pytest.skip("the user of the tests is unprivileged already")
    missing = refusal_for(user) or missing_for(carrier, user)
    if missing:
        pytest.skip(missing)
    kept = [f"{each}/{PRIVATE}" for each in MACHINE] + [
        f"{METADATA}/80",
        f"::1/{PRIVATE}",
        f"::ffff:127.0.0.1/{PRIVATE}",
    ]
    places = [*(f"{each}/80" for each in SITES), *kept, LOOPBACK]
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    try:
        known = commit(place / "code", {"hear.py": HEAR})
        with node(place / "node", user, boxed=True, outside=carrier, variables=variables) as running:
            task = build(place / "code", known, f"python3 hear.py {' '.join(places)} > heard")
            source = result_of(running, "a", task).source
            told = (Artifacts(running.directory).tree(source) / "heard").read_text()
            own = FetchSource(url=f"http://{MACHINE[0]}:{PRIVATE}/code.git", branch="main")
            running.client.ask(StartTask("own", own))
            fetched = {
                each: reason_of(running, each, FetchSource(url=f"http://{each}/code.git", branch="main"))
                for each in (SITES[0], f"127.0.0.1:{PRIVATE}")
            }
            still = running.client.ask(GetTask("own"))
            running.client.ask(ForgetTask("own"))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    heard = dict(line.split() for line in told.splitlines())
    assert {each: heard[f"{each}/80"] for each in SITES} == dict.fromkeys(SITES, "heard")
    assert {each: heard[each] for each in kept if heard[each] == "heard"} == (
        {f"::ffff:127.0.0.1/{PRIVATE}": "heard"} if variables else {}
    )
    assert heard[LOOPBACK] == loopback
    # What answers there is no web server. A fetch gets to what its URL names; another address of this machine is silent.
    assert all(each.endswith(ANSWERED) for each in fetched.values()), fetched
    assert still.state == "running", still
