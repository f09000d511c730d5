"""The prefix lists that AWS manages, by Region: one row of `aws_prefix_lists.tsv` for each (vpc-endpoints.md 15.1)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import msgspec

_TABLE = Path(__file__).with_name("aws_prefix_lists.tsv")


class AwsPrefixList(msgspec.Struct, frozen=True):
    """A prefix list of AWS's own. Its name is that of the endpoint service whose addresses it has."""

    id: str
    name: str
    cidrs: tuple[str, ...]


@cache
def prefix_lists_in(region: str) -> Mapping[str, AwsPrefixList]:
    """The prefix lists of a Region by name, such as `com.amazonaws.us-east-1.s3`."""
    found: dict[str, AwsPrefixList] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{region}\t"):
            _, service, id, cidrs = line.split("\t")
            name = f"com.amazonaws.{region}.{service}"
            found[name] = AwsPrefixList(id, name, tuple(cidrs.split()))
    return MappingProxyType(found)
