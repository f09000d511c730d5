"""Thumbprints of issuers that everybody knows, as they are published (web-identity.md 36.1).

AWS reads them from the issuer's certificates when a provider is made without any. It does not use them: it knows the
certificate authorities of these issuers.
"""

from __future__ import annotations

import re

_AMAZON = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
_PUBLISHED = (
    (
        re.compile(r"token\.actions\.githubusercontent\.com\Z"),
        ("6938fd4d98bab03faadb97b34396831e3780aea1", "1c58a3a8518e8759bf075b76b750d4f2df264fcd"),
    ),
    (re.compile(r"gitlab\.com\Z"), ("b3dd7606d2b5a8b4a13771dbecc9ee1cecafa38a",)),
    (re.compile(r"oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\Z"), (_AMAZON,)),
    (re.compile(r"app\.terraform\.io\Z"), (_AMAZON,)),
)


def published_thumbprints(url: str) -> tuple[str, ...]:
    """Return the thumbprints of the issuer of this URL without scheme; none for one that is not known."""
    host = url.partition("/")[0].lower()
    return next((thumbprints for pattern, thumbprints in _PUBLISHED if pattern.match(host)), ())
