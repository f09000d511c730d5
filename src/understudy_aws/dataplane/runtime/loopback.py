"""Where instances find AWS's APIs and credentials when there is no network of ours: at ports of an address outside it.

For processes on this machine's network the address is that of the loopback interface.
"""

from __future__ import annotations

import socket
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from understudy_aws.dataplane.edge import CREDENTIALS_PATH
from understudy_aws.dataplane.wanted_services import Instance

LOOPBACK = "127.0.0.1"
_FILE = "loopback.json"


class LoopbackPorts(msgspec.Struct, frozen=True):
    """Where instances find AWS's APIs, and the credentials of their roles."""

    apis: int
    credentials: int


def loopback_ports(directory: Path) -> LoopbackPorts:
    """Return the ports of a node's directory: those that the node before had, so that instances go on finding them."""
    file = directory / _FILE
    with suppress(OSError, msgspec.MsgspecError):
        kept = msgspec.json.decode(file.read_bytes(), type=LoopbackPorts)
        if _is_free(kept.apis) and _is_free(kept.credentials):
            return kept
    made = LoopbackPorts(free_port(), free_port())
    file.write_bytes(msgspec.json.encode(made))
    return made


def lead_to(
    environment: MutableMapping[str, str], instance: Instance, address: str, ports: LoopbackPorts
) -> None:
    """Have the variables of App Runner's lead to ports of an address: there is no network where they would.

    SDKs take credentials from a whole URL without TLS at a loopback address or 169.254.170.2 alone, and send the
    token in a header.
    """
    for name in instance.program.apis:
        scheme = urlsplit(environment[name]).scheme
        environment[name] = f"{scheme}://{address}:{ports.apis}"
    relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    if instance.credentials and environment.pop(relative, ""):
        place = f"http://{address}:{ports.credentials}{CREDENTIALS_PATH}"
        environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = place
        environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = instance.credentials


def _is_free(port: int) -> bool:
    with socket.socket() as sock, suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOOPBACK, port))
        return True
    return False


def free_port() -> int:
    """Return a port that nobody has now; another program may take it before it is used."""
    with socket.socket() as sock:
        sock.bind((LOOPBACK, 0))
        port: int = sock.getsockname()[1]
        return port
