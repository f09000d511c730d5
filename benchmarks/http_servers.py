"""The same trivial application under our server, uvicorn and granian, in one run.

Usage: python benchmarks/http_servers.py (needs uvicorn, httptools, uvloop and granian).
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from load import Figures, measure

BODY = b"<Answer><Text>short</Text></Answer>" * 8
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/sts/aws4_request\r\n"
    b"X-Amz-Date: 20260101T000000Z\r\nUser-Agent: benchmark\r\nContent-Length: 43\r\n\r\n"
    b"Action=GetCallerIdentity&Version=2011-06-15"
)

OURS = f"""
from understudy_aws.core.http import HttpResponse
from understudy_aws.server.run import run
class App:
    def handle(self, request):
        return HttpResponse(200, {BODY!r}, (("Content-Type", "text/xml"),))
    done, error = True, None
    def durability(self):
        return self
run(App(), host="127.0.0.1", port=PORT)
"""
ASGI = f"""
HEADERS = [(b"content-type", b"text/xml"), (b"content-length", b"{len(BODY)}")]
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({{"type": "http.response.start", "status": 200, "headers": HEADERS}})
    await send({{"type": "http.response.body", "body": {BODY!r}}})
"""


def commands(port: int, folder: Path) -> dict[str, list[str]]:
    (folder / "asgi_app.py").write_text(ASGI)
    python = sys.executable
    at = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    return {
        "understudy": [python, "-c", OURS.replace("PORT", str(port))],
        "uvicorn": [python, "-m", "uvicorn", "asgi_app:app", *at, "--http", "httptools", "--loop", "uvloop"],
        "granian": [python, "-m", "granian", "--interface", "asgi", *at, "--no-ws", "asgi_app:app"],
    }


def figures(command: list[str], port: int, folder: Path) -> dict[int, Figures]:
    process = subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.01)
        measure("127.0.0.1", port, [REQUEST], concurrency=16, total=2000, seconds=2)
        return {
            at: measure("127.0.0.1", port, [REQUEST], concurrency=at, total=60000, seconds=4)
            for at in (1, 16)
        }
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def main() -> None:
    with socket.socket() as taken, tempfile.TemporaryDirectory() as folder:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.close()
        print("| server | at once | requests/s | p50 ms | p99 ms |\n|---|---|---|---|---|")
        for name, command in commands(port, Path(folder)).items():
            for at, found in figures(command, port, Path(folder)).items():
                print(
                    f"| {name} | {at} | {found.rate:,.0f} | {found.p50 * 1000:.2f} | {found.p99 * 1000:.2f} |"
                )


if __name__ == "__main__":
    main()
