"""Makes the environment in which an AWS client talks to an Understudy server and to no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

from understudy_aws.cli.server_files import Keys
from understudy_aws.dataplane.edge import API_ADDRESSES, HTTPS_PORT

REGION = "us-east-1"
_PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
# What would send a client elsewhere, or as somebody else, in spite of the variables that are set.
_MISLEADING = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_PER_SERVICE = "AWS_ENDPOINT_URL_"


def to_set(endpoint: str, keys: Keys, environment: Mapping[str, str], ca_bundle: str = "") -> dict[str, str]:
    """Return the variables to set. A region that is set already stays.

    `ca_bundle` is the file with the certificate authority to trust, if the system does not know it.
    """
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or REGION
    variables = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_REGION": environment.get("AWS_REGION") or region,
        "AWS_DEFAULT_REGION": environment.get("AWS_DEFAULT_REGION") or region,
        # Nobody on this machine plays the metadata service; asking for it only costs seconds.
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if ca_bundle:
        # The AWS CLI and boto3 read the one, programs on Node.js the other.
        variables |= {"AWS_CA_BUNDLE": ca_bundle, "NODE_EXTRA_CA_CERTS": ca_bundle}
    if any(environment.get(name) for name in _PROXIES):
        for name in ("no_proxy", "NO_PROXY"):
            variables[name] = ",".join(filter(None, (environment.get(name), "127.0.0.1,localhost,::1")))
    return variables


def inside(
    environment: Mapping[str, str], *, secure: bool, addresses: Sequence[str], endpoints: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a program at an interface with these addresses: it finds the APIs where it can.

    `endpoints` are addresses of VPC endpoints with private DNS, by the part of a variable's name that says which
    service. Keys stay what they are.
    """
    versions = [ip_address(each).version for each in addresses]
    version = 4 if 4 in versions or not versions else 6
    kept = {name: value for name, value in environment.items() if not name.startswith(_PER_SERVICE)}
    kept.pop("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", None)
    per_service = {f"{_PER_SERVICE}{name}": _url(address, secure) for name, address in endpoints.items()}
    return {**kept, "AWS_ENDPOINT_URL": _url(API_ADDRESSES[version], secure), **per_service}


def _url(address: str, secure: bool) -> str:
    host = f"[{address}]" if ":" in address else address
    # AWS's APIs are at port 443, which is what groups let out and in. The server takes there what it speaks.
    return f"https://{host}" if secure else f"http://{host}:{HTTPS_PORT}"


def to_unset(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables to remove."""
    per_service = (name for name in environment if name.startswith(_PER_SERVICE))
    return (*_MISLEADING, *sorted(per_service))


def made(endpoint: str, keys: Keys, environment: Mapping[str, str], ca_bundle: str = "") -> dict[str, str]:
    """Return a whole environment for a child process."""
    away = to_unset(environment)
    kept = {name: value for name, value in environment.items() if name not in away}
    return {**kept, **to_set(endpoint, keys, environment, ca_bundle)}
