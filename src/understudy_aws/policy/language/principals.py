"""The forms of principals that IAM and the findings agree on."""

from __future__ import annotations

import re

_SAML = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:saml-provider/.")
_OIDC = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/.")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/[A-Za-z0-9._~/-]*)?\Z")


def is_saml_provider(text: str) -> bool:
    """Return whether the text is the ARN of a SAML provider."""
    return _SAML.match(text) is not None


def is_web_identity_provider(text: str) -> bool:
    """Return whether the text is a web identity provider: an ARN of one, or a domain such as `accounts.google.com`."""
    return _OIDC.match(text) is not None or _DOMAIN.match(text) is not None
