"""Makes the environment in which an AWS client talks to an Understudy server and to no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from understudy_aws.cli.server_files import Keys
from understudy_aws.dataplane.edge import API_URL
from understudy_aws.dataplane.runtime.authorities import authority_files, authority_variables

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
_PER_SERVICE = f"{API_URL}_"

_CERTIFICATE = re.compile(r"-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----.*?-----END \1-----", re.DOTALL)


class Trust(msgspec.Struct, frozen=True):
    """Variables that lead clients to files with the authorities to trust, and the texts of these files by name."""

    variables: Mapping[str, str]
    files: Mapping[str, str]


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


def inside(environment: Mapping[str, str], apis: Mapping[str, str], trust: Trust) -> dict[str, str]:
    """Return the environment of a program that has an interface alone: it finds the APIs where it can. Keys stay.

    `apis` are their URLs by variable.
    """
    kept = {name: value for name, value in environment.items() if not name.startswith(_PER_SERVICE)}
    kept.pop("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", None)
    return {**kept, **apis, **trust.variables}


def trusting(environment: Mapping[str, str], authority: str, directory: Path) -> Trust:
    """Return what has programs trust an authority, a PEM text, with what they trust in an environment.

    The files will be in `directory`. Nothing is needed for an empty text.
    """
    variables, files = dict(authority_variables(authority, directory)), dict(authority_files(authority))
    for name in variables:
        # A program may see less than we do of where the user's own file is.
        if known := _certificates_in(environment.get(name, "")):
            file = f"understudy-{name.lower()}.pem"
            variables[name], files[file] = str(directory / file), f"{known}{authority}"
    return Trust(variables, files)


def _certificates_in(file: str) -> str:
    """Return the certificates in a file, without any key; empty for what is no file, to which variables may lead."""
    with suppress(OSError):
        text = Path(file).read_text("utf-8", errors="replace")
        return "".join(f"{found.group()}\n" for found in _CERTIFICATE.finditer(text))
    return ""


def to_unset(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables to remove."""
    per_service = (name for name in environment if name.startswith(_PER_SERVICE))
    return (*_MISLEADING, *sorted(per_service))


def made(endpoint: str, keys: Keys, environment: Mapping[str, str], ca_bundle: str = "") -> dict[str, str]:
    """Return a whole environment for a child process."""
    away = to_unset(environment)
    kept = {name: value for name, value in environment.items() if name not in away}
    return {**kept, **to_set(endpoint, keys, environment, ca_bundle)}
