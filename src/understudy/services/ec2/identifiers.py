"""EC2's ids: a kind's prefix, a dash and hexadecimal digits (ec2.md 7.5)."""

from __future__ import annotations

import re

from understudy.services.ec2.errors import malformed

_GROUP_ID = re.compile(r"sg-(?!0+$)(?:[0-9a-f]{8}|[0-9a-f]{17})")


def check(id: str, prefix: str, code: str) -> None:
    """Refuse an id of another kind: `<code>.Malformed`, code such as `InvalidVpcId`."""
    if not id.startswith(prefix + "-"):
        raise malformed(code, id, prefix)


def check_group(id: str) -> None:
    """Refuse what cannot be a security group's id; AWS is strict with these, zeros included."""
    if not _GROUP_ID.fullmatch(id):
        raise malformed("InvalidGroupId", id)
