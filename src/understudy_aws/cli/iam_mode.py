"""Says on stderr what is not as at AWS: an IAM mode that waives policies, and the calls that were refused."""

from __future__ import annotations

import sys
from functools import cache

MODES = {
    "soft": "IAM is soft here: what policies refuse is carried out all the same.",
    "off": "IAM is off here: no policy is asked.",
}


@cache
def say_mode(mode: str, _endpoint: str) -> None:
    """Say it of a server once, if its IAM mode is not the strict one."""
    if mode in MODES:
        print(f"understudy: {MODES[mode]}", file=sys.stderr, flush=True)
