"""Services that run: to the first answer beside `podman run` and `docker run`, deployments, pauses, fifty at once.

Services are made through boto3 by a server of their own, and asked through the ingress as browsers ask. The image is a
static busybox with a page, for us and for them the same layout and the same command.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from servers import HERE, Running, compile_sources, free_port, understudy

from understudy_aws.admin.requests import SettleConnection
from understudy_aws.cli.admin_client import ask_server
from understudy_aws.cli.server_files import ServerFiles
from understudy_aws.dataplane.launcher import NodeLauncher

REGISTRY = "000000000000.dkr.ecr.us-east-1.amazonaws.com"
IMAGE = f"{REGISTRY}/web:latest"
PAGE = "here"
BUSYBOX = Path("/bin/busybox")
COMMAND = ("/bin/httpd", "-f", "-p", "8080", "-h", "/www")
APPLICATION = f"""
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "{len(PAGE)}")
        self.end_headers()
        self.wfile.write({PAGE.encode()!r})
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""
TRUST = """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
 "Principal": {"Service": "build.apprunner.amazonaws.com"}}]}"""
# AWS's quota is 30 services in a Region, so fifty are in two.
REGIONS = ("us-east-1", "eu-west-1")
MANY, INSTANCES = 50, 2
LONGEST = 120.0
_SUBREAPER = 36


class Site:
    """A server, and what its services are made of."""

    def __init__(self, place: Path, running: Running, ingress: int) -> None:
        self.place, self.running, self.ingress = place, running, ingress
        self.apprunner = running.client("apprunner")
        self.role = running.client("iam").create_role(RoleName="access", AssumeRolePolicyDocument=TRUST)[
            "Role"
        ]["Arn"]
        made = self.apprunner.create_connection(ConnectionName="sources", ProviderType="GITHUB")
        self.connection = made["Connection"]["ConnectionArn"]
        state = Path(running.state)
        found = ServerFiles(state / "server.json", state / "credentials").read_server()
        assert found is not None, "the server runs"
        ask_server(found, SettleConnection(name="sources", region="", outcome="AVAILABLE"))

    def from_image(self) -> dict[str, Any]:
        """A service's source: the image."""
        repository = {
            "ImageIdentifier": IMAGE,
            "ImageRepositoryType": "ECR",
            "ImageConfiguration": {"Port": "8080"},
        }
        return {
            "ImageRepository": repository,
            "AuthenticationConfiguration": {"AccessRoleArn": self.role},
            "AutoDeploymentsEnabled": False,
        }

    def from_code(self) -> dict[str, Any]:
        """A service's source: a git repository, run by this machine's Python."""
        values = {"Runtime": "PYTHON_311", "BuildCommand": "true", "StartCommand": "python3 application.py"}
        return {
            "CodeRepository": {
                "RepositoryUrl": f"file://{self.place / 'code'}",
                "SourceCodeVersion": {"Type": "BRANCH", "Value": "main"},
                "CodeConfiguration": {"ConfigurationSource": "API", "CodeConfigurationValues": values},
            },
            "AuthenticationConfiguration": {"ConnectionArn": self.connection},
            "AutoDeploymentsEnabled": False,
        }

    def create(self, name: str, source: dict[str, Any]) -> tuple[dict[str, Any], float]:
        """Create a service; answers it, and the seconds from the call to the first request that it answered."""
        began = time.perf_counter()
        made = self.apprunner.create_service(ServiceName=name, SourceConfiguration=source)["Service"]
        host = made["ServiceUrl"].partition(":")[0]
        until(lambda: answers(self.ingress, host))
        taken = time.perf_counter() - began
        return self.settled(made["ServiceArn"]), taken

    def settled(self, arn: str) -> dict[str, Any]:
        """The service, once nothing is under way on it."""
        found: dict[str, Any] = {}

        def has_ended() -> bool:
            nonlocal found
            found = self.apprunner.describe_service(ServiceArn=arn)["Service"]
            return found["Status"] != "OPERATION_IN_PROGRESS"

        until(has_ended)
        return found

    def delete(self, arn: str) -> None:
        self.apprunner.delete_service(ServiceArn=arn)
        self.settled(arn)


def until(holds: Callable[[], Any], pause: float = 0.005) -> None:
    """Wait until something holds, which it must in some time."""
    deadline = time.perf_counter() + LONGEST
    while not holds():
        if time.perf_counter() > deadline:
            raise SystemExit("it takes too long")
        time.sleep(pause)


def answers(port: int, host: str) -> bool:
    """Whether a request is answered with the page."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while more := connection.recv(4096):
            said += more
        return said.startswith(b"HTTP/1.") and b" 200 " in said[:16] and said.endswith(PAGE.encode())
    return False


def write_image(place: Path) -> None:
    """Write a layout with the image."""
    place.mkdir(parents=True)
    root = place.parent / "root"
    (root / "bin").mkdir(parents=True)
    (root / "www").mkdir()
    shutil.copy(BUSYBOX, root / "bin/busybox")
    (root / "bin/httpd").symlink_to("busybox")
    (root / "www/index.html").write_text(PAGE)
    place.rmdir()
    words = [word for each in COMMAND for word in ("--config.cmd", each)]
    for command in (
        ("init", "--layout", str(place)),
        ("new", "--image", f"{place}:latest"),
        ("insert", "--rootless", "--image", f"{place}:latest", str(root / "bin"), "/bin"),
        ("insert", "--rootless", "--image", f"{place}:latest", str(root / "www"), "/www"),
        ("config", "--image", f"{place}:latest", *words),
    ):
        subprocess.run(["umoci", *command], check=True, stdout=subprocess.DEVNULL)


def write_code(place: Path) -> None:
    """Write a repository with the application."""
    place.mkdir()
    (place / "application.py").write_text(APPLICATION)
    author = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com")
    for words in (("init", "-q", "-b", "main"), ("add", "."), (*author, "commit", "-q", "-m", "one")):
        subprocess.run(["git", "-C", str(place), *words], check=True)


class Peer:
    """`podman run` or `docker run` of the image, with a network of its own where that works, else this machine's."""

    # podman's own limits are more than some machines allow to anybody.
    _LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")

    def __init__(self, program: str, layout: Path) -> None:
        self.program = program
        self.image = self._load(layout)
        # The first run of each is not counted, as with services.
        works = (each for each in ("bridge", "host") if self._seconds(each) is not None)
        self.network = next(works, "") if self.image else ""

    @staticmethod
    def is_there(program: str) -> bool:
        """Whether there is the program and what it asks answers."""
        asked = [program, "version", "--format", "{{.Server.Version}}" if program == "docker" else "."]
        return (
            bool(shutil.which(program))
            and not subprocess.run(asked, capture_output=True, check=False).returncode
        )

    def run(self) -> list[float]:
        """The seconds from the command to the first request that it answered; none if it runs nothing here."""
        seconds = self._seconds(self.network) if self.network else None
        return [] if seconds is None else [seconds]

    def close(self) -> None:
        """Remove the image."""
        subprocess.run([self.program, "rmi", "-f", self.image], capture_output=True, check=False)

    def _load(self, layout: Path) -> str:
        if self.program == "podman":
            words = ["podman", "pull", "-q", f"oci:{layout}:latest"]
            return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
        name = "understudy-benchmark:latest"
        host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-daemon-host", host]
        done = subprocess.run([*words, f"oci:{layout}:latest", f"docker-daemon:{name}"], check=False)
        return "" if done.returncode else name

    def _seconds(self, network: str) -> float | None:
        port = free_port()
        command, options = list(COMMAND), ["-p", f"127.0.0.1:{port}:8080"]
        if network == "host":
            command[3], options = str(port), ["--network", "host"]
        began = time.perf_counter()
        started = subprocess.run(
            [self.program, "run", "-d", "--rm", *self._LIMITS, *options, self.image, *command],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if started.returncode:
            return None
        try:
            until(lambda: answers(port, "localhost"))
            return time.perf_counter() - began
        finally:
            # Neither asks the program to end first.
            name = started.stdout.strip()
            subprocess.run([self.program, "rm", "-f", name], capture_output=True, check=False)


class Load:
    """Clients that ask a service all the time, each on a connection of its own; and what they were answered."""

    def __init__(self, port: int, host: str, clients: int) -> None:
        self.port, self.host, self.clients = port, host, clients
        self.answered, self.failed = 0, 0
        self.longest = 0.0
        self._stop = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.answered > self.clients)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self.clients)))

    async def _client(self) -> None:
        asked = f"GET / HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode()
        while not self._stop:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                while not self._stop:
                    began = time.perf_counter()
                    writer.write(asked)
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                    body = await reader.readexactly(length)
                    if head.startswith(b"HTTP/1.1 200") and body == PAGE.encode():
                        self.answered += 1
                    else:
                        self.failed += 1
                    self.longest = max(self.longest, time.perf_counter() - began)
                    await asyncio.sleep(0.001)
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                self.failed += 1


def first_answers(site: Site, times: int) -> list[str]:
    """Rows of how soon a service answers whose image or code is there, beside podman and docker, in turn."""
    peers = [Peer(each, site.place / "image") for each in ("podman", "docker") if Peer.is_there(each)]
    sources = {"image": site.from_image(), "code": site.from_code()}
    taken: dict[str, list[float]] = {"first": [], "image": [], "code": [], "delete": []}
    taken |= {peer.program: [] for peer in peers}
    # These pull the image and fetch the code, and keep them there.
    for kind, source in sources.items():
        taken["first"].append(site.create(f"first-{kind}", source)[1])
    for turn in range(times):
        for kind, source in sources.items():
            service, seconds = site.create(f"{kind}-{turn}", source)
            taken[kind].append(seconds)
            began = time.perf_counter()
            site.delete(service["ServiceArn"])
            taken["delete"].append(time.perf_counter() - began)
        for peer in peers:
            taken[peer.program] += peer.run()
    for peer in peers:
        peer.close()
    return [
        row("create-service of an image to its first answer", taken["image"]),
        *(
            row(
                f"{peer.program} run of the same image, --network {peer.network or 'none works here'}",
                taken[peer.program],
            )
            for peer in peers
        ),
        row("create-service of a git repository, Python, to its first answer", taken["code"]),
        row("the first of all, which starts the node and pulls; which builds an environment", taken["first"]),
        row("delete-service to DELETED", taken["delete"]),
    ]


def changes(site: Site, times: int) -> list[str]:
    """Rows of a deployment while it is asked all the time, and of pauses and resumptions."""
    service, _ = site.create("changing", site.from_code())
    arn, host = service["ServiceArn"], service["ServiceUrl"].partition(":")[0]
    deployed: list[float] = []
    with Load(site.ingress, host, 16) as load:
        for _ in range(times):
            began = time.perf_counter()
            site.apprunner.start_deployment(ServiceArn=arn)
            site.settled(arn)
            deployed.append(time.perf_counter() - began)
    paused, resumed = [], []
    for _ in range(times):
        began = time.perf_counter()
        site.apprunner.pause_service(ServiceArn=arn)
        site.settled(arn)
        paused.append(time.perf_counter() - began)
        began = time.perf_counter()
        site.apprunner.resume_service(ServiceArn=arn)
        until(lambda: answers(site.ingress, host))
        resumed.append(time.perf_counter() - began)
        site.settled(arn)
    for each in site.apprunner.list_services()["ServiceSummaryList"]:
        site.delete(each["ServiceArn"])
    asked = f"{load.answered:,}, {load.failed}, {load.longest * 1000:.0f} ms"
    return [
        row("start-deployment to RUNNING, with 16 clients asking", deployed),
        f"| … requests meanwhile: answered, failed, the longest | {asked} |",
        row("pause-service to PAUSED", paused),
        row("resume-service to its first answer", resumed),
    ]


def many(site: Site, count: int) -> list[str]:
    """Rows of many services with several instances each: until all answer, memory, CPU time at rest."""
    kept: list[tuple[Any, str]] = []
    hosts = []
    began = time.perf_counter()
    for region in REGIONS:
        apprunner = site.running.client("apprunner", region)
        scaling = apprunner.create_auto_scaling_configuration(
            AutoScalingConfigurationName="several", MinSize=INSTANCES, MaxSize=INSTANCES
        )["AutoScalingConfiguration"]["AutoScalingConfigurationArn"]
        for number in range(count // len(REGIONS)):
            made = apprunner.create_service(
                ServiceName=f"many-{number}",
                SourceConfiguration=site.from_image(),
                AutoScalingConfigurationArn=scaling,
            )["Service"]
            kept.append((apprunner, made["ServiceArn"]))
            hosts.append(made["ServiceUrl"].partition(":")[0])
    accepted = time.perf_counter() - began
    for host in hosts:
        until(lambda host=host: answers(site.ingress, host))
    answering = time.perf_counter() - began
    for each in kept:
        until(lambda each=each: status_of(*each) == "RUNNING")
    time.sleep(5)
    memories, before, wait = memory(), processor_time(), 10.0
    time.sleep(wait)
    used = [(late - early) / wait * 100 for early, late in zip(before, processor_time(), strict=True)]
    began = time.perf_counter()
    for apprunner, arn in kept:
        apprunner.delete_service(ServiceArn=arn)
    for each in kept:
        until(lambda each=each: status_of(*each) == "DELETED")
    deleted = time.perf_counter() - began
    label = f"{count} services with {INSTANCES} instances each"
    return [
        f"| {label}: all are asked for; all answer | {accepted:.1f} s, {answering:.1f} s |",
        f"| … memory (PSS): server, node and holder; all instances | {memories[0]:.0f} MiB, {memories[1]:.0f} MiB |",
        f"| … CPU at rest: server, node and holder; all instances | {used[0]:.1f} %, {used[1]:.1f} % |",
        f"| … all are deleted | {deleted:.1f} s |",
    ]


def status_of(apprunner: Any, arn: str) -> str:
    return str(apprunner.describe_service(ServiceArn=arn)["Service"]["Status"])


def row(label: str, seconds: list[float]) -> str:
    if not seconds:
        return f"| {label} | - |"
    ordered = sorted(seconds)
    return f"| {label} | {ordered[0]:.2f}/{statistics.median(ordered):.2f}/{ordered[-1]:.2f} s |"


def descendants() -> Iterator[tuple[int, bool]]:
    """The processes that come from this one but containers, and whether each is ours: not an instance's."""
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                waiting += children
                for child in children:
                    yield child, b"understudy_aws" in Path(f"/proc/{child}/cmdline").read_bytes()


def memory() -> tuple[float, float]:
    """MiB of our processes and of the instances', shared memory in proportion."""
    sums = [0.0, 0.0]
    for pid, ours in descendants():
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    sums[0 if ours else 1] += int(line.split()[1]) / 1024
    return sums[0], sums[1]


def processor_time() -> tuple[float, float]:
    """Seconds of CPU of our processes and of the instances'."""
    sums = [0.0, 0.0]
    for pid, ours in descendants():
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                sums[0 if ours else 1] += int((task / "schedstat").read_text().split()[0]) / 1e9
    return sums[0], sums[1]


@contextmanager
def site_in(place: Path) -> Iterator[Site]:
    ingress = free_port()
    os.environ["UNDERSTUDY_REGISTRY"] = f"{REGISTRY}/web=oci:{place / 'image'}"
    os.environ["UNDERSTUDY_INGRESS"] = f"127.0.0.1:{ingress}"
    state = place / "state"
    state.mkdir()
    try:
        with understudy(HERE, state=state) as running:
            yield Site(place, running, ingress)
    finally:
        # It goes on without its server, with all that runs, also where this is interrupted.
        NodeLauncher(state / "node", tied=False).stop()


def run(*, quick: bool) -> str:
    """Return the table."""
    for program in ("bwrap", "skopeo", "umoci", "git"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed.")
    if not BUSYBOX.exists() or b"/ld-linux" in BUSYBOX.read_bytes():
        sys.exit("The image is made of a static busybox: apt install busybox-static")
    # Whoever ends this has what it has begun ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # What the server leaves to itself comes to this process, and is counted.
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    compile_sources(HERE)
    lines = ["| best/p50/worst | |", "|---|---|"]
    loads = [os.getloadavg()[0]]
    place = Path(tempfile.mkdtemp(prefix="understudy-bench-"))
    try:
        write_image(place / "image")
        write_code(place / "code")
        with site_in(place) as site:
            for rows in (
                lambda: first_answers(site, 2 if quick else 9),
                lambda: changes(site, 2 if quick else 9),
                lambda: many(site, 10 if quick else MANY),
            ):
                lines += rows()
                loads.append(os.getloadavg()[0])
                print(lines[-1], file=sys.stderr)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    said = " to ".join(f"{load:.0f}" for load in (min(loads), max(loads)))
    return "\n".join([*lines, "", f"The machine's load was {said}, on {os.cpu_count()} processors."])
