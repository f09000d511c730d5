"""Which IPv4 blocks can be added to a VPC, by the blocks it has (vpcs.md 8.2)."""

from __future__ import annotations

from collections.abc import Sequence

from understudy_aws.services.ec2.api.cidrs import Cidr, known

_TEN = known("10.0.0.0/8")
_TWELVE = known("172.16.0.0/12")
_SIXTEEN = known("192.168.0.0/16")
PRIVATE = (_TEN, _TWELVE, _SIXTEEN)
_BENCHMARK = known("198.19.0.0/16")
_DEFAULT = known("172.31.0.0/16")
_FIRST_OF_TEN = known("10.0.0.0/15")
_VERY_FIRST_OF_TEN = known("10.0.0.0/16")
# No VPC has these.
_RESERVED = (known("0.0.0.0/8"), known("127.0.0.0/8"), known("169.254.0.0/16"), known("224.0.0.0/3"))


def is_reserved(block: Cidr) -> bool:
    """Return whether a block can be no VPC's, as link-local and multicast addresses cannot."""
    return any(block.overlaps(each) for each in _RESERVED)


def is_restricted(new: Cidr, existing: Sequence[Cidr]) -> bool:
    """Return whether AWS refuses to add a block to a VPC because of the ranges that the VPC's blocks are of.

    `existing` are these blocks, the primary one first; its range decides, but for the first addresses of 10.0.0.0/8.
    """
    if is_reserved(new) or _excludes(existing[0], new):
        return True
    return new.overlaps(_VERY_FIRST_OF_TEN) and any(own.overlaps(_FIRST_OF_TEN) for own in existing)


def _excludes(primary: Cidr, new: Cidr) -> bool:
    """Return whether a VPC with this primary block can have no block like `new`: AWS's table, by rows."""
    home = next((each for each in PRIVATE if primary.overlaps(each)), None)
    if any(new.overlaps(each) for each in PRIVATE if each != home):
        return True
    if home is None:
        # A block of 198.19.0.0/16 takes others of it; any other public block takes none of it.
        return new.overlaps(_BENCHMARK) and not primary.overlaps(_BENCHMARK)
    return new.overlaps(_BENCHMARK) or (home == _TWELVE and new.overlaps(_DEFAULT))
