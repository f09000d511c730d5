"""The certificate authority that a program trusts besides those that its own files name, so that it reaches the APIs.

Clients look for authorities in different places, and most take one file for all of them. So the program is shown the
bundle of its image, or of this machine, with the further authority behind it, and variables that lead to it. They give
way to those that the image or the user sets.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

AUTHORITY, BUNDLE = "understudy-authority.pem", "understudy-authorities.pem"
"""The names of the files: of the authority alone, and of all that are trusted."""

# Where systems keep all authorities in one file: Debian and Alpine, Fedora, openSUSE, and where OpenSSL itself looks.
_PLACES = (
    "etc/ssl/certs/ca-certificates.crt",
    "etc/pki/tls/certs/ca-bundle.crt",
    "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "etc/ssl/ca-bundle.pem",
    "etc/ssl/cert.pem",
)
_MOST_BYTES = 4 * 1024**2
# AWS's SDKs and CLI; OpenSSL, Go and Python; Python's requests; curl. Each of them reads no other file then.
_OF_ALL = ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Node.js adds what it finds there to its own.
_OF_FURTHER = "NODE_EXTRA_CA_CERTS"


def authority_files(authority: str, root: Path | None = None) -> Mapping[str, str]:
    """Return the files, by name, for a program that trusts an authority, a PEM text; none for an empty one.

    `root` is the image that the program sees, None for this machine.
    """
    if not authority:
        return {}
    known = (root and _bundle(root)) or _bundle(Path("/"))
    return {AUTHORITY: authority, BUNDLE: f"{known.rstrip()}\n{authority}".lstrip()}


def authority_variables(authority: str, directory: Path = Path("/etc")) -> Mapping[str, str]:
    """Return the variables that lead to these files in a directory."""
    if not authority:
        return {}
    return {**dict.fromkeys(_OF_ALL, str(directory / BUNDLE)), _OF_FURTHER: str(directory / AUTHORITY)}


def _bundle(root: Path) -> str:
    """Return the authorities that the system below a directory trusts; only files in it are read."""
    for place in _PLACES:
        path = root / place
        with suppress(OSError, UnicodeDecodeError):
            # A link of an image may lead anywhere.
            if not path.resolve().is_relative_to(root.resolve()) or not stat.S_ISREG(path.stat().st_mode):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(fd, "rb") as file:
                text = file.read(_MOST_BYTES + 1).decode("ascii")
            if len(text) <= _MOST_BYTES and "-----BEGIN CERTIFICATE-----" in text:
                return text
    return ""
