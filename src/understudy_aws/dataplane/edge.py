"""The edge between the networks here and what is not in them: addresses, and what the node tells of who comes in.

AWS's APIs are on the internet. Here they have an address there that nobody on the real internet has (decision 0022).
Who connects to it, or to an interface of a VPC endpoint, is connected to the server; the node tells the server first
who that is, since the server sees only the node.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

import msgspec

PUBLIC_BLOCKS = ("198.18.0.0/15", "2001:db8::/32")
"""The blocks that public addresses are of here. RFC 2544 and RFC 3849 keep them from being routed on the internet."""

# This network, loopback, one link (and clouds' metadata), everybody and what nobody has. Of IPv6 all but what is global
# or a site's own, and of this AWS's metadata: an IPv4 address in an IPv6 address would get past the blocks of IPv4.
KEPT_FROM_THE_WORLD = (
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
    "::/3", "4000::/2", "8000::/2", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/7", "fd00:ec2::/32",
)  # fmt: skip
"""The blocks that no packet gets out to, whatever carries packets: they are of one machine or of one link."""

API_ADDRESSES: Mapping[int, str] = {4: "198.18.255.1", 6: "3fff:ffff::1"}
"""Where the APIs are on the internet of this machine, by version of IP; RFC 9637 keeps 3fff::/20 for documents."""

OWN_NETWORK_ADDRESS = "198.18.255.2"
"""What the internet sees of instances of services that do not go out through a customer's VPC."""

CREDENTIALS_ADDRESS, CREDENTIALS_PORT = "169.254.170.2", 80
"""Where an instance of a service asks for its role's credentials, as in AWS's containers; each sees its own there."""

HTTPS_PORT = 443
API_PORTS = (80, HTTPS_PORT)
"""The ports of the APIs, also at VPC endpoints."""

API_URL = "AWS_ENDPOINT_URL"
"""The variable by which AWS's SDKs and CLI find the APIs; those that begin with it are of one service each."""

REQUESTS_ENDPOINT = "requests"
"""What a VPC endpoint is for by which App Runner's private services are reached: com.amazonaws.*.apprunner.requests."""

CREDENTIALS_PATH = "/v2/credentials"
"""Where credentials are, with the secret of an instance behind it or in the header of authorization."""

ANY_INTERFACE = "*"
"""Who asks for credentials where instances have no networks of their own: its secret says which instance it is."""

API_SOCKET = "api"
"""The socket in the node's directory at which the server takes connections from inside the networks."""

_LENGTH = struct.Struct(">H")
ARRIVAL_LENGTH = _LENGTH.size
"""With so many bytes a connection to that socket begins: how many follow, which are an `Arrival` as JSON."""


def api_urls(endpoints: Mapping[str, str], *, secure: bool, version: int = 4) -> dict[str, str]:
    """Return where programs in a network find the APIs, by variable; `secure` if the server speaks TLS.

    `endpoints` are the hosts of VPC endpoints by variable, and `version` is the version of IP of the program's network.
    """
    hosts = {API_URL: API_ADDRESSES[version], **endpoints}
    return {name: _api_url(host, secure=secure) for name, host in hosts.items()}


def _api_url(host: str, *, secure: bool) -> str:
    name = f"[{host}]" if ":" in host else host
    # AWS's APIs are at port 443, which is what groups let out and in. The server takes there what it speaks.
    return f"https://{name}" if secure else f"http://{name}:{HTTPS_PORT}"


class Arrival(msgspec.Struct, frozen=True):
    """Who comes in: the address that is seen of it, and the VPC endpoint it comes through, if any.

    `interface` is the network interface of who asks for credentials, which nobody else can do in its place. `inside`
    says that it is an instance or an attached program; only what a node passes on is.
    """

    source: str
    vpc: str = ""
    endpoint: str = ""
    interface: str = ""
    inside: bool = True

    def encoded(self) -> bytes:
        """Return what a connection begins with."""
        body = msgspec.json.encode(self)
        return _LENGTH.pack(len(body)) + body


def length_in(head: bytes) -> int:
    """Return how many bytes follow the first `ARRIVAL_LENGTH`."""
    length: int = _LENGTH.unpack(head)[0]
    return length


read_arrival = msgspec.json.Decoder(Arrival).decode
"""Read an arrival. Raises msgspec.DecodeError."""
