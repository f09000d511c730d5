"""AWS's own prefix lists of services without gateway endpoints (prefix-lists.md 16.1).

Each is a row of `further_prefix_lists.tsv`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from understudy_aws.data.aws_prefix_lists import AwsPrefixList

_TABLE = Path(__file__).with_name("further_prefix_lists.tsv")


class WeighedPrefixList(msgspec.Struct, frozen=True):
    """A prefix list of AWS's own, with the number of rules or routes that a reference to it counts for."""

    list: AwsPrefixList
    weight: int


@cache
def further_lists_in(region: str) -> tuple[WeighedPrefixList, ...]:
    """The lists of a Region."""
    return tuple(_read(region))


def _read(region: str) -> Iterator[WeighedPrefixList]:
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        where, service, weight, id, cidrs = line.split("\t")
        if where in ("*", region):
            name = "com.amazonaws." + service.replace("{}", region)
            yield WeighedPrefixList(
                AwsPrefixList(id if id != "-" else _made_up(name, region), name, tuple(cidrs.split())),
                int(weight),
            )


def _made_up(name: str, region: str) -> str:
    """Return an id that is the same at every run, for a list whose id was not seen."""
    return f"pl-{hashlib.sha256(f'{name} {region}'.encode()).hexdigest()[:8]}"
