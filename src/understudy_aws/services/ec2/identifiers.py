"""EC2's ids: the prefix of a kind, a dash and hexadecimal digits (ec2.md 7.5)."""

from __future__ import annotations

import re

from understudy_aws.services.ec2.errors import malformed

_GROUP_ID = re.compile(r"sg-(?!0+$)(?:[0-9a-f]{8}|[0-9a-f]{17})")


def check(id: str, prefix: str, code: str) -> None:
    """Raise `<code>.Malformed` for an id without this prefix. `code` is such as `InvalidVpcId`."""
    if not id.startswith(prefix + "-"):
        raise malformed(code, id, prefix)


def check_group(id: str) -> None:
    """Raise for an id that no security group can have. AWS checks these strictly, also for being all zeros."""
    if not _GROUP_ID.fullmatch(id):
        raise malformed("InvalidGroupId", id)
