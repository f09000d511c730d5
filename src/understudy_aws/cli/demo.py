"""`understudy demo`: a service that runs, and the life of App Runner's networking role, on a server of its own."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from understudy_aws.cli.output import Output
from understudy_aws.cli.packets_scenario import security_groups_on_packets
from understudy_aws.cli.scenario import STEPS
from understudy_aws.cli.server_process import ServerProcess
from understudy_aws.cli.service_scenario import SMALL_SERVER, a_service_that_runs, missing_for_services
from understudy_aws.cli.walk import Walk
from understudy_aws.core.clock import monotonic_seconds
from understudy_aws.dataplane.linux.probe import obstacle

# Whatever the user's environment says: the demonstration is the same everywhere.
_AS_IT_COMES = ("--host", "127.0.0.1", "--iam", "strict", "--clock", "instant", "--account", "000000000000")


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments: the demonstration has its own server, state and account."""


def run(_asked: argparse.Namespace, out: Output) -> int:
    """Walk through the scenario; the exit code is 0 only if every check held."""
    began = monotonic_seconds()
    no_packets = obstacle()
    no_services = no_packets or missing_for_services()
    left_out = {security_groups_on_packets: no_packets, a_service_that_runs: no_services}
    steps = [step for step in STEPS if not left_out.get(step[2])]
    with tempfile.TemporaryDirectory(prefix="understudy-demo-") as directory, _nobodys_profile():
        options = ("--state", str(Path(directory) / "state"), "--port", "0", *_AS_IT_COMES)
        with ServerProcess(options) as process:
            walk = Walk(process, out)
            if not out.as_json:
                out.line(
                    f"A server of our own at {walk.started.endpoint}, account {walk.account}, IAM strict."
                )
                out.line(
                    "Asked by botocore, the core of AWS CLI and SDKs; every request is signed and authorized."
                )
            for claim, title, do in steps:
                if not walk.step(claim, title, do):
                    break
            complaints = process.said_aside()
            left = len(steps) - len(walk.steps)
    seconds = monotonic_seconds() - began
    if out.as_json:
        out.value(
            {**walk.report(), "seconds": round(seconds, 2), "obstacle": no_packets, "missing": no_services}
        )
    else:
        _conclude(walk, seconds, left, (no_packets, no_services), out)
    if complaints and not walk.held:
        out.remark(complaints.rstrip())
    return 0 if walk.held else 1


def _conclude(walk: Walk, seconds: float, left: int, missing: tuple[str, str], out: Output) -> None:
    checks = [check for step in walk.steps for check in step.checks]
    held = sum(check.held for check in checks)
    out.line()
    if walk.held:
        out.line(
            out.paint(
                f"All {held} answers in {len(walk.steps)} steps are as they should be, in {seconds:.1f} s.",
                "green",
            )
        )
        titles = ("that security groups decide about packets", "a service that runs")
        for title, why in zip(titles, missing, strict=True):
            if why:
                out.line(f"Not shown: {title}. {why}")
        if walk.known.get("database") == SMALL_SERVER:
            out.line("The database was a small server of ours: PostgreSQL is not installed, or this is root.")
        return
    out.line(out.paint(f"{held} of {len(checks)} answers held; step {len(walk.steps)} failed.", "red"))
    if left:
        out.line(f"The {left} steps that build on it were not walked.")


@contextmanager
def _nobodys_profile() -> Iterator[None]:
    """Hide the user's AWS settings: botocore would stop at a profile that is set but missing."""
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("AWS_", "UNDERSTUDY_")):
            del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
