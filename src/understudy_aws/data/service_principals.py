"""The service principals that AWS has: whom `"Principal": {"Service": …}` may name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from understudy_aws.data.partitions import ALL_REGIONS

# Written by tools/generate_service_principals.py, where it is told what is in it and why.
_NAMES = Path(__file__).with_name("service_principals.txt")
_ENDINGS = (".amazonaws.com", ".amazonaws.com.cn")


def is_known(principal: str) -> bool:
    """Tell whether AWS is known to have this service principal, in exact letter case.

    Besides `s3.amazonaws.com` that is so for the forms of a Region and of China, `s3.eu-west-1.amazonaws.com` and
    `s3.amazonaws.com.cn`. Which services have which of these forms AWS does not publish: here all have all.
    """
    for ending in _ENDINGS:
        if principal.endswith(ending):
            name = principal.removesuffix(ending)
            before, _, region = name.rpartition(".")
            return name in _names() or (region in ALL_REGIONS and before in _names())
    return False


@cache
def _names() -> frozenset[str]:
    return frozenset(_NAMES.read_text("utf-8").split())
