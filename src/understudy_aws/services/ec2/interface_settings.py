"""How requests give settings of a network interface: its description and its connection tracking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.network_interfaces import ConnectionTracking

_DESCRIPTION = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
# The seconds that AWS allows for each time-out (EC2 user guide, "Security group connection tracking").
_TIMEOUTS = {
    "TcpEstablishedTimeout": (60, 432_000),
    "UdpStreamTimeout": (60, 180),
    "UdpTimeout": (30, 60),
}


def check_description(text: str) -> None:
    """Raise InvalidParameterValue for a description that AWS does not take."""
    if not _DESCRIPTION.fullmatch(text):
        raise errors.invalid(
            "Invalid interface description. Valid descriptions are strings less than 256 characters "
            "from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )


def tracking_in(given: Mapping[str, Any] | None) -> ConnectionTracking | None:
    """Return the time-outs that a request gives, or None. Raises InvalidParameterValue for those out of range."""
    if not given:
        return None
    for name, (least, most) in _TIMEOUTS.items():
        seconds = given.get(name)
        if seconds is not None and not least <= seconds <= most:
            raise errors.invalid_value(seconds, name, f"Expecting {least} to {most} seconds.")
    return ConnectionTracking(
        tcp_established=given.get("TcpEstablishedTimeout") or 0,
        udp_stream=given.get("UdpStreamTimeout") or 0,
        udp=given.get("UdpTimeout") or 0,
    )
