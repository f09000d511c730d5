"""The ingress beside HAProxy, nginx and Caddy: CPU time a request, requests a second, latency, and idle clients.

Each leads requests over connections that stay to the same nginx, which answers at once, and runs with one thread. The
load is made in this process. Compare CPU times: the requests a second share the machine with load and upstream.
Requests are the same every time, or each has a cookie and a trace of its own. What is not installed is left out.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

HOST = "web.us-east-1.awsapprunner.localhost"
HEAD = f"GET /path?query=1 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: load\r\nAccept: */*\r\n".encode()
SAME = itertools.repeat(HEAD + b"\r\n")
DIFFERING = (
    HEAD + b"Cookie: session=%032x; theme=dark\r\ntraceparent: 00-%032x-%016x-01\r\n\r\n" % (n, n, n)
    for n in itertools.count()
)
# Idle clients, and clients that send a byte a second.
IDLE, SLOW = 10_000, 1_000
UPSTREAM = """
worker_processes 1; pid {place}/upstream.pid; error_log {place}/upstream.log; daemon off;
events {{ worker_connections 12000; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{upstream}; location / {{ return 200 "hello"; }} }} }}
"""
NGINX = """
worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log; daemon off;
events {{ worker_connections 12000; }}
http {{ access_log off; keepalive_requests 1000000000;
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port}; server_name {host};
    location / {{ proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Request-Id $request_id; }} }} }}
"""
HAPROXY = """
global
  nbthread 1
  maxconn {most}
defaults
  mode http
  timeout client 300s
  timeout http-request 300s
  maxconn {most}
  timeout server 30s
  timeout connect 5s
frontend ingress
  bind 127.0.0.1:{port}
  option forwardfor
  acl known hdr(host) -i {host}
  use_backend web if known
backend web
  http-reuse always
  server one 127.0.0.1:{upstream} maxconn 100
"""
CADDY = {
    "admin": {"disabled": True},
    "logging": {"logs": {"default": {"level": "ERROR"}}},
    "apps": {"http": {"servers": {"ingress": {"automatic_https": {"disable": True}, "routes": [
        {"match": [{"host": [HOST]}], "handle": [{"handler": "reverse_proxy", "upstreams": [{}]}]},
    ]}}}},
}  # fmt: skip
OWN = """
import asyncio, sys, uvloop
from pathlib import Path
from understudy_aws.dataplane.wanted_services import Ingress as Where, Service, Services
from understudy_aws.node.dialer import Dialer
from understudy_aws.node.endpoints import Endpoint
from understudy_aws.node.ingress.ingress import Ingress
place, port, upstream, host = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
async def main():
    ingress = Ingress(Path(place), Dialer(None), endpoint=lambda _: Endpoint(None, "127.0.0.1", upstream),
                      is_healthy=lambda _: True, may_begin=lambda _: False)
    service = Service(arn="web", hosts=(host,), instances=("one",))
    await ingress.want(Services(services=(service,), ingress=Where(port=port)))
    await asyncio.Event().wait()
uvloop.run(main())
"""


class Asker(asyncio.Protocol):
    """A connection that always has one request under way; `waited` has how long each took."""

    def __init__(self, requests, waited: list[float]) -> None:
        self.requests = requests
        self.waited = waited
        self.buffer = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.buffer.endswith(b"hello"):
            assert self.buffer.startswith(b"HTTP/1.1 200"), self.buffer
            self.buffer = b""
            self.waited.append(time.perf_counter() - self.began)
            self.ask()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def wait_for(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < until, "it does not listen"
            time.sleep(0.05)
        else:
            return


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process and of its children, such as nginx's worker."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def resident(pid: int) -> int:
    """The memory of a process and of its children, in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    own = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(resident(int(child)) for child in children)


async def measure(port: int, pid: int, seconds: float, connections: int, requests) -> tuple[float, ...]:
    """Microseconds of CPU time a request, requests a second, and milliseconds: the middle one, 99 of 100."""
    loop = asyncio.get_running_loop()
    waited: list[float] = []
    made = [
        await loop.create_connection(lambda: Asker(requests, waited), "127.0.0.1", port)
        for _ in range(connections)
    ]
    await asyncio.sleep(0.5)
    waited.clear()
    before, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    passed, used, count = time.perf_counter() - began, cpu_seconds(pid) - before, len(waited)
    ordered = sorted(waited)
    for transport, _ in made:
        transport.abort()
    return used / count * 1e6, count / passed, ordered[count // 2] * 1e3, ordered[count * 99 // 100] * 1e3


async def idle(port: int, pid: int, seconds: float, connections: int) -> tuple[float, float, float]:
    """KiB of memory for an idle connection, and the percentages of a CPU that idle and slow clients take."""
    loop = asyncio.get_running_loop()
    before = resident(pid)
    made = []
    for _ in range(connections):
        transport, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
        made.append(transport)
    await asyncio.sleep(1)
    memory = (resident(pid) - before) / connections
    used = cpu_seconds(pid)
    await asyncio.sleep(seconds)
    at_rest = (cpu_seconds(pid) - used) / seconds * 100
    used, said = cpu_seconds(pid), HEAD + b"X: " + b"a" * 10_000
    slow = made[:SLOW]
    for second in range(int(seconds)):
        for transport in slow:
            transport.write(said[second : second + 1])
        await asyncio.sleep(1)
    by_bytes = (cpu_seconds(pid) - used) / int(seconds) * 100
    for transport in made:
        transport.abort()
    return memory, at_rest, by_bytes


def start(
    place: str, upstream: int, most: int, started: list[subprocess.Popen]
) -> dict[str, tuple[int, int]]:
    """Start the proxies that are installed, for so many clients at most: their ports and process ids."""
    commands = {
        "understudy": ("", [sys.executable, "-c", OWN, place]),
        "haproxy": (HAPROXY, ["haproxy", "-f", f"{place}/haproxy"]),
        "nginx": (NGINX, ["nginx", "-c", f"{place}/nginx"]),
        "caddy": (None, ["caddy", "run", "--config", f"{place}/caddy"]),
    }
    proxies = {}
    for name, (configuration, command) in commands.items():
        if shutil.which(command[0]) is None:
            continue
        port = free_port()
        if configuration is None:
            server = CADDY["apps"]["http"]["servers"]["ingress"]
            server["listen"] = [f"127.0.0.1:{port}"]
            server["routes"][0]["handle"][0]["upstreams"][0]["dial"] = f"127.0.0.1:{upstream}"
            text = json.dumps(CADDY)
        else:
            text = configuration.format(place=place, port=port, upstream=upstream, host=HOST, most=most)
        (Path(place) / name).write_text(text)
        words = [*command, str(port), str(upstream), HOST] if configuration == "" else command
        environment = {
            **os.environ,
            "GOMAXPROCS": "1",
            "HOME": place,
            "XDG_DATA_HOME": place,
            "XDG_CONFIG_HOME": place,
        }
        started.append(subprocess.Popen(words, env=environment, stderr=subprocess.DEVNULL))
        proxies[name] = port, started[-1].pid
        wait_for(port)
    return proxies


def run(seconds: float = 5.0, rounds: int = 3) -> str:
    """Return the tables."""
    if shutil.which("nginx") is None:
        sys.exit("The instance behind the proxies is an nginx: apt install nginx-light")
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    # HAProxy wants two files for each of its clients, also for those that are idle.
    most = min(12_000, (files - 100) // 2)
    variants = {
        "the same request, 32 connections": (SAME, 32),
        "each request another, 32 connections": (DIFFERING, 32),
        "the same request, 256 connections": (SAME, 256),
        "each request another, 256 connections": (DIFFERING, 256),
    }
    lines = [
        "| | proxy | CPU us/request | x haproxy | requests/s | p50 ms | p99 ms |",
        "|---|---|---|---|---|---|---|",
    ]
    at_rest = [
        "| proxy | KiB an idle connection | CPU % idle | CPU % with slow clients |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as place:
        upstream = free_port()
        (Path(place) / "upstream").write_text(UPSTREAM.format(place=place, upstream=upstream))
        started = [subprocess.Popen(["nginx", "-c", f"{place}/upstream"], stderr=subprocess.DEVNULL)]
        try:
            wait_for(upstream)
            proxies = start(place, upstream, most, started)
            for label, (requests, connections) in variants.items():
                # In turn: the best of each counts, which had least of others' work beside it.
                rows: dict[str, tuple[float, ...]] = {}
                for _ in range(rounds):
                    for name, (port, pid) in proxies.items():
                        row = uvloop.run(measure(port, pid, seconds, connections, requests))
                        rows[name] = min(rows.get(name, row), row)
                for name, (used, rate, middle, late) in rows.items():
                    ratio = f"{used / rows['haproxy'][0]:.2f}" if "haproxy" in rows else "-"
                    lines.append(
                        f"| {label} | {name} | {used:.1f} | {ratio} | {rate:,.0f} | {middle:.2f} | {late:.2f} |"
                    )
            count = min(IDLE, most - 50)
            for name, (port, pid) in proxies.items():
                memory, idling, slow = uvloop.run(idle(port, pid, max(seconds, 5), count))
                at_rest.append(f"| {name} | {memory:.1f} | {idling:.1f} | {slow:.1f} |")
        finally:
            for process in started:
                process.terminate()
                process.wait()
    heading = f"With {count:,} idle clients, then {SLOW:,} of them sending a byte a second:"
    return "\n".join([*lines, "", heading, "", *at_rest])
