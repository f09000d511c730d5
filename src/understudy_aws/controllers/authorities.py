"""Reads which certificate authorities a file has, beside whatever else is in it, such as a key."""

from __future__ import annotations

import ssl


def authorities_in(file: str) -> str:
    """Return the certificates of authorities in a PEM file, as PEM; empty when it has none, or is not there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(file)
    except (OSError, ssl.SSLError):
        return ""
    return "".join(map(ssl.DER_cert_to_PEM_cert, context.get_ca_certs(binary_form=True)))
