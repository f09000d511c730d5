"""The ingress beside HAProxy and nginx: requests a second, latency, and CPU time a request, in one run.

Each leads requests over connections that stay to the same nginx, which answers at once, and runs with one thread. The
load is made in this process. Compare CPU times: the requests a second share the machine with load and upstream.
Those that are not installed are left out.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

HOST = "web.us-east-1.awsapprunner.localhost"
REQUEST = f"GET /path?query=1 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: load\r\nAccept: */*\r\n\r\n".encode()
UPSTREAM = """
worker_processes 1; pid {place}/upstream.pid; error_log {place}/upstream.log; daemon off;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{upstream}; location / {{ return 200 "hello"; }} }} }}
"""
NGINX = """
worker_processes 1; pid {place}/nginx.pid; error_log {place}/nginx.log; daemon off;
events {{ worker_connections 1024; }}
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
defaults
  mode http
  timeout client 30s
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

    def __init__(self, waited: list[float]) -> None:
        self.waited = waited
        self.buffer = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.transport.write(REQUEST)

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


async def measure(port: int, pid: int, seconds: float, connections: int) -> tuple[float, float, float, float]:
    """Requests a second, microseconds of CPU time a request, and milliseconds: the middle one, 99 of 100."""
    loop = asyncio.get_running_loop()
    waited: list[float] = []
    made = [
        await loop.create_connection(lambda: Asker(waited), "127.0.0.1", port) for _ in range(connections)
    ]
    await asyncio.sleep(0.5)
    waited.clear()
    before, began = cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(seconds)
    passed, used, count = time.perf_counter() - began, cpu_seconds(pid) - before, len(waited)
    ordered = sorted(waited)
    for transport, _ in made:
        transport.abort()
    return count / passed, used / count * 1e6, ordered[count // 2] * 1e3, ordered[count * 99 // 100] * 1e3


def run(seconds: float = 5.0, connections: int = 32) -> str:
    """Return the table."""
    if shutil.which("nginx") is None:
        sys.exit("The instance behind the proxies is an nginx: apt install nginx-light")
    with tempfile.TemporaryDirectory() as place:
        upstream = free_port()
        (Path(place) / "upstream").write_text(UPSTREAM.format(place=place, upstream=upstream))
        started = [subprocess.Popen(["nginx", "-c", f"{place}/upstream"], stderr=subprocess.DEVNULL)]
        proxies = {}
        try:
            wait_for(upstream)
            commands = {
                "understudy": ("", [sys.executable, "-c", OWN, place]),
                "haproxy": (HAPROXY, ["haproxy", "-f", f"{place}/haproxy"]),
                "nginx": (NGINX, ["nginx", "-c", f"{place}/nginx"]),
            }
            for name, (configuration, command) in commands.items():
                if shutil.which(command[0]) is None:
                    continue
                port = free_port()
                text = configuration.format(place=place, port=port, upstream=upstream, host=HOST)
                (Path(place) / name).write_text(text)
                words = command if configuration else [*command, str(port), str(upstream), HOST]
                started.append(subprocess.Popen(words, stderr=subprocess.DEVNULL))
                proxies[name] = port, started[-1].pid
                wait_for(port)
            # In turn, twice: the better one counts, which had less of others' work beside it.
            rows: dict[str, tuple[float, float, float, float]] = {}
            for _ in range(2):
                for name, (port, pid) in proxies.items():
                    row = uvloop.run(measure(port, pid, seconds, connections))
                    rows[name] = min(rows.get(name, row), row, key=lambda each: each[1])
        finally:
            for process in started:
                process.terminate()
                process.wait()
    lines = ["| proxy | requests/s | CPU us/request | p50 ms | p99 ms |", "|---|---|---|---|---|"]
    for name, (rate, used, middle, late) in rows.items():
        lines.append(f"| {name} | {rate:,.0f} | {used:.1f} | {middle:.2f} | {late:.2f} |")
    return "\n".join(lines)
