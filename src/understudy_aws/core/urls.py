"""URLs that have a user's name and a password, or a token, in them."""

from __future__ import annotations

import re

# Up to the "@" before the host; where "/" stands in a password as it is, up to the last one; or what has no host.
_CREDENTIALS = re.compile(
    r"""(?<=://)[^/?#\s]*@(?=[^/?#\s]) | (?<![^\s'"/])[^\s/:@'"]+:(?!//|\d+(?:/|$))\S*@ | (?<=://)[^/?#\s]*@""",
    re.VERBOSE,
)


def without_credentials(text: str) -> str:
    """Return a text with the credentials of the URLs in it replaced by stars; itself if there are none."""
    return _CREDENTIALS.sub("***@", text) if "@" in text else text
