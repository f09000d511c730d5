"""Hosts that services answer to, of which `*.` may begin one (apprunner-services.md 2.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")

# What a wildcard stands for, with the dot after it: one label of a name (RFC 1035 2.3.1), also one with underscores.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.")


def led_to(hosts: Mapping[str, V], name: str) -> V | None:
    """Return what a name leads to, or else the wildcard that stands for it; a name is in lower case."""
    found = hosts.get(name)
    if found is None and (label := _LABEL.match(name)):
        found = hosts.get(f"*.{name[label.end() :]}")
    return found


def named(host: bytes) -> str:
    """Return the name in a Host header, in lower case and without port or last dot."""
    name, colon, port = host.decode("latin-1").lower().rpartition(":")
    return (
        name if colon and (not port or port.isdecimal()) else host.decode("latin-1").lower()
    ).removesuffix(".")
