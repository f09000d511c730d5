"""`understudy doctor`: what this machine offers, what is in the way, and what this version does not do."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import asdict

from understudy_aws import __version__
from understudy_aws.cli.admin_client import check_version, health_of, running_server
from understudy_aws.cli.aws_command import problem_with, spoken_version
from understudy_aws.cli.invocation import command
from understudy_aws.cli.options import SETTINGS, settings_of
from understudy_aws.cli.output import Colour, Output
from understudy_aws.core.clock import SystemClock
from understudy_aws.core.errors import UserError
from understudy_aws.dataplane.client import NodeClient, NodeLostError
from understudy_aws.dataplane.linux import outside, user_maps
from understudy_aws.dataplane.linux.probe import limits, obstacle
from understudy_aws.dataplane.messages import GetInstances, GetStatus, Instances, Status
from understudy_aws.dataplane.runtime.bubblewrap import NOT_INSTALLED
from understudy_aws.dataplane.runtime.container_engine import found_engine
from understudy_aws.dataplane.runtime.containers import IN_CONTAINERS, NO_ENGINE, NO_SKOPEO
from understudy_aws.dataplane.runtime.control_groups import ControlGroups
from understudy_aws.dataplane.runtime.image_builds import NO_BUILDER, builder
from understudy_aws.dataplane.runtime.managed import RUNTIMES, runtimes_here
from understudy_aws.dataplane.runtime.processes import NOT_ISOLATED
from understudy_aws.dataplane.runtime.sources import NO_GIT
from understudy_aws.server.run import check_address
from understudy_aws.settings import Settings
from understudy_aws.store.directory_safety import danger_in
from understudy_aws.store.sqlite import LEAST_FREE, problem_of
from understudy_aws.store.sqlite_schema import VERSION

Verdict = Literal["ok", "note", "blocked"]

_NEEDED = ("botocore", "httptools", "msgspec", "sortedcontainers", "uvloop")
_CLIENTS = ("boto3", "awscli")
# The year this version was written in: a machine that says less has lost its clock.
_NOT_BEFORE = 2026
_NODE_SECONDS = 5.0
_COLOURS: dict[Verdict, Colour] = {"ok": "green", "note": "yellow", "blocked": "red"}


class Finding(msgspec.Struct, frozen=True):
    """One thing that was examined; one of level `blocked` keeps a server from starting."""

    name: str
    verdict: Verdict
    sentence: str


SHOWN = SETTINGS


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def run(asked: argparse.Namespace, out: Output) -> int:
    """Print the findings; the exit code is 1 when one of them keeps a server from starting."""
    settings = settings_of(asked)
    findings = list(examine(settings))
    blocked = any(finding.verdict == "blocked" for finding in findings)
    if out.as_json:
        out.value({"findings": [asdict(finding) for finding in findings], "blocked": blocked})
        return int(blocked)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = out.paint(finding.verdict.ljust(len("blocked")), _COLOURS[finding.verdict])
        out.line(f"{mark}  {finding.name.ljust(width)}  {finding.sentence}")
    out.line()
    out.line(_summary(settings, blocked=blocked))
    return int(blocked)


def _summary(settings: Settings, *, blocked: bool) -> str:
    if blocked:
        return "Something above keeps a server from starting."
    server = running_server(settings)
    if server is not None:
        return f"A server runs at {server.endpoint}; `{command('stop', settings)}` stops it."
    return f"A server can start: {command('up', settings)}"


def examine(settings: Settings) -> Iterator[Finding]:
    """Examine everything that matters before a start."""
    yield _python()
    yield _needed_packages()
    yield _client_packages()
    yield _command_line_client()
    yield _state(settings)
    yield _secrets(settings)
    yield _disk(settings)
    yield _server(settings)
    yield _port(settings)
    yield _clock()
    yield _privileges()
    # What this machine allows is asked once: the answer takes a network that is made and taken down.
    refused = obstacle()
    yield _packets(refused)
    yield from _network(settings)
    yield _internet(refused)
    yield from _services(refused)
    yield Finding(
        "not here",
        "note",
        "EC2 instances do not run. Gateway endpoints of S3 and DynamoDB lead nowhere. NAT gateways translate no IPv6 "
        "(NAT64), so that addresses of DNS64 lead nowhere. DHCP options of NTP and NetBIOS are described, and unused: "
        "VPCs have the time at 169.254.169.123. Observability configurations are kept, and no traces are collected. "
        "Services have no metrics in CloudWatch, and no web ACLs of WAF.",
    )


def _packets(refused: str) -> Finding:
    if refused:
        return Finding(
            "packets",
            "note",
            f"none is filtered: `understudy attach` runs programs with `--not-isolated` alone. {refused}",
        )
    if lacking := limits():
        return Finding("packets", "note", f"filtered for `understudy attach`. {' '.join(lacking)}")
    return Finding(
        "packets", "ok", "networks for `understudy attach` can be made by this user, and are filtered"
    )


def _network(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the network that a node of this state holds now."""
    if settings.in_memory:
        return
    try:
        with NodeClient(settings.directory / "node", timeout=_NODE_SECONDS) as client:
            status, instances = client.ask(GetStatus()), client.ask(GetInstances())
    except NodeLostError:
        return
    if isinstance(instances, Instances):
        yield from _ingress(instances)
    if not isinstance(status, Status):
        return
    problems = [f"{name}: {why}." for name, why in sorted(status.services.items())]
    if status.error:
        lacking = f" {', '.join(status.missing)} can't be used." if status.missing else ""
        problems.insert(0, f"It is not as it should be: {status.error}.{lacking}")
    if problems:
        yield Finding("network", "note", " ".join(problems))
    else:
        yield Finding(
            "network", "ok", f"{len(status.interfaces)} interfaces of programs are as they should be"
        )


def _ingress(instances: Instances) -> Iterator[Finding]:
    """Yield where requests to the services of a running node are taken, and why not where it is wanted."""
    if instances.ingress_error:
        yield Finding("ingress", "note", instances.ingress_error)
    elif instances.ingress:
        yield Finding("ingress", "ok", f"requests to services are taken at {instances.ingress}")


def _internet(refused: str) -> Finding:
    """Say whether packets of VPCs get out; where no network can be made, which `refused` says, there are none."""
    if refused:
        return Finding(
            "internet", "note", "There are no packets of VPCs; programs are in this machine's own network."
        )
    missing = outside.obstacle()
    if missing:
        return Finding("internet", "note", f"Packets of VPCs don't reach the real internet: {missing}.")
    carrier = next(carrier.program for carrier, _ in outside.installed())
    return Finding("internet", "ok", f"packets of VPCs reach the real internet through {carrier}")


def _services(refused: str) -> Iterator[Finding]:
    """Say what runs services here, which of them there are programs for, and what they are not held to."""
    bubblewrap = shutil.which("bwrap")
    if refused:
        yield Finding("services", "note", NOT_ISOLATED)
    elif bubblewrap is None:
        yield Finding("services", "note", f"App Runner services can't run: {NOT_INSTALLED}.")
    else:
        yield Finding("services", "ok", f"App Runner services are run by bubblewrap at {bubblewrap}")
    yield _sources()
    yield _runtimes()
    yield from _engine_images() if refused else _images()
    if not refused:
        lacking = " ".join(ControlGroups(Path("doctor")).limits)
        kept = "instances are held to their memory, processors and number of processes"
        yield Finding("limits", "note" if lacking else "ok", lacking or kept)


def _sources() -> Finding:
    """Say whether repositories of services can be fetched."""
    git = shutil.which("git")
    if git is None:
        return Finding("sources", "note", f"Source code can't be fetched from repositories: {NO_GIT}")
    return Finding("sources", "ok", f"repositories are fetched by git at {git}")


def _runtimes() -> Finding:
    """Say which managed runtimes there are programs for, and what is missing for the others."""
    here = runtimes_here()
    said = ", ".join(sorted({found.said for found in here.values() if found is not None}))
    kept = {found.runtime.language for found in here.values() if found is not None}
    lacking: dict[str, str] = {}
    for name, found in here.items():
        runtime = RUNTIMES[name]
        if found is None:
            # Of a language that has none of its versions the name says it all.
            title = runtime.title if runtime.language in kept else runtime.spoken
            lacking[title] = f"{title} (`sudo apt install {runtime.package}`)"
    sentence = f"source code runs with {said}" if said else "source code can't run"
    if lacking:
        return Finding("runtimes", "note", f"{sentence}; there is no {', no '.join(lacking.values())}")
    return Finding("runtimes", "ok", sentence)


def _images() -> Iterator[Finding]:
    """Say what pulls images, what builds them, and which users they have."""
    if why := user_maps.obstacle():
        yield Finding(
            "image users",
            "note",
            f"Images that start as root can't go on as other users or give files to them: {why}. It counts for "
            "the next network, after `understudy stop`. Images with a USER need none of it.",
        )
    else:
        yield Finding("image users", "ok", "images that start as root have users of their own")
    missing = [name for name in ("skopeo", "umoci") if shutil.which(name) is None]
    if missing:
        remedy = f"sudo apt install {' '.join(missing)}"
        yield Finding(
            "images", "note", f"Images can't be pulled without {' and '.join(missing)} (`{remedy}`)."
        )
    else:
        yield Finding("images", "ok", "images are pulled by skopeo and unpacked by umoci")
    yield _image_builds()


def _engine_images() -> Iterator[Finding]:
    """Say what runs images where there are no networks, and what builds them."""
    engine = found_engine(os.environ)
    said = NO_ENGINE if engine is None else IN_CONTAINERS.format(engine.address)
    yield Finding("images", "note", said if shutil.which("skopeo") else f"{said} {NO_SKOPEO}")
    yield _image_builds()


def _image_builds() -> Finding:
    tool = builder()
    return (
        Finding("image build", "note", NO_BUILDER)
        if tool is None
        else Finding("image build", "ok", f"by {tool}")
    )


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", "ok", f"Python {found} at {sys.executable}")


def _needed_packages() -> Finding:
    found = {name: _version(name) for name in _NEEDED}
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return Finding(
            "packages", "blocked", f"{', '.join(missing)} not installed; scripts/setup installs all."
        )
    return Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in found.items()))


def _client_packages() -> Finding:
    found = {name: _version(name) for name in _CLIENTS}
    said = ", ".join(f"{name} {version or 'is not installed here'}" for name, version in found.items())
    if all(found.values()):
        return Finding("clients", "ok", said)
    return Finding("clients", "note", f"{said}, and not needed to serve")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _command_line_client() -> Finding:
    beside = Path(sys.executable).with_name("aws")
    found = shutil.which("aws") or (str(beside) if beside.exists() else None)
    if found is None:
        return Finding("aws command", "note", "not on PATH")
    problem = problem_with(found)
    if problem:
        return Finding("aws command", "note", problem)
    return Finding("aws command", "ok", f"{found}, {spoken_version(found) or 'of an unknown version'}")


def _state(settings: Settings) -> Finding:
    if settings.in_memory:
        return Finding("state", "note", "in memory: gone when the server stops")
    directory = settings.directory
    if not directory.exists():
        return _future_state(directory)
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return Finding("state", "blocked", f"{directory} is no directory we can write to.")
    problem = danger_in(directory)
    if not problem and (found := problem_of(directory)):
        problem = (
            f"the state file in {directory} cannot be used: {found}. Put back a copy of it (`understudy restore`), or "
            "move it away to start anew."
        )
    if problem:
        return Finding("state", "blocked", problem)
    if stat.S_IMODE(directory.stat().st_mode) & 0o077:
        mend = f"chmod 700 {shlex.quote(str(directory))}"
        return Finding("state", "note", f"{directory} is open to others. This keeps them out: {mend}")
    return Finding("state", "ok", f"{directory}, private to you, in format {VERSION}")


def _secrets(settings: Settings) -> Finding:
    """Whether others may read the files that hold keys."""
    files = [] if settings.tls_certificate == "" else [Path(settings.tls_certificate)]
    if not settings.in_memory:
        names = ("credentials", "server.json", "understudy.db", "tls/authority.pem", "tls/server.pem")
        files += [settings.directory / name for name in names]
        files += settings.directory.glob("tls/domains/*")
    open_ones = [str(file) for file in files if _others_may_read(file)]
    if open_ones:
        mend = f"chmod 600 {shlex.join(open_ones)}"
        return Finding("keys", "note", f"Others may read secrets of yours. This keeps them out: {mend}")
    return Finding("keys", "ok", "readable by you alone")


def _others_may_read(file: Path) -> bool:
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False


def _disk(settings: Settings) -> Finding:
    """Whether there is room: a server refuses changes when less than a few MiB are left."""
    if settings.in_memory:
        return Finding("disk", "ok", "nothing is written to it")
    there = next(each for each in (settings.directory, *settings.directory.parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free // 2**20} MiB free for {settings.directory}"
    if free < LEAST_FREE:
        return Finding(
            "disk", "blocked", f"{said}; changes are refused until there are {LEAST_FREE // 2**20}."
        )
    return Finding("disk", "ok" if free >= 16 * LEAST_FREE else "note", said)


def _server(settings: Settings) -> Finding:
    """The server that runs, if one does, and whether this command understands it."""
    server = running_server(settings)
    if server is None:
        return Finding("server", "ok", "none runs")
    health = health_of(server) or {}
    try:
        check_version(settings, server, health)
    except UserError as error:
        return Finding("server", "note", str(error))
    return Finding("server", "ok", f"{server.endpoint}, process {server.pid}, version {__version__}")


def _future_state(directory: Path) -> Finding:
    parent = next(each for each in directory.absolute().parents if each.exists())
    if parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
        return Finding("state", "ok", f"{directory} will be made at the first start")
    return Finding("state", "blocked", f"{directory} cannot be made: {parent} is not writable.")


def _port(settings: Settings) -> Finding:
    if settings.port == 0:
        return Finding("port", "ok", "a free one will be taken")
    server = running_server(settings)
    if server is not None and server.endpoint.endswith(f":{settings.port}"):
        return Finding("port", "ok", f"{settings.port} is used by our own server, process {server.pid}")
    try:
        check_address(settings.host, settings.port)
    except UserError as error:
        # A server of this state runs elsewhere, so that nothing is to be started.
        return Finding("port", "note" if server is not None else "blocked", str(error))
    return Finding("port", "ok", f"{settings.port} is free")


def _clock() -> Finding:
    now = SystemClock().now()
    said = now.strftime("%Y-%m-%d %H:%M:%S UTC")
    if now.year < _NOT_BEFORE:
        return Finding(
            "clock", "note", f"{said} is in the past; clients elsewhere will be refused for their skew."
        )
    return Finding("clock", "ok", said)


def _privileges() -> Finding:
    if os.geteuid() == 0:
        return Finding("privileges", "note", "running as root, which nothing here needs")
    return Finding("privileges", "ok", "unprivileged, which is all that is needed")
