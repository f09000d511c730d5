"""The names by which public services are reached: `<10 letters and digits>.<region>.awsapprunner.localhost`."""

from __future__ import annotations

DOMAIN = "awsapprunner.localhost"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 10


def host_of(id: str, region: str) -> str:
    """Return the host of the service of an id, which has the same one whenever it is public."""
    number, name = int(id, 16), ""
    while len(name) < _LENGTH:
        number, digit = divmod(number, len(_DIGITS))
        name += _DIGITS[digit]
    return f"{name}.{region}.{DOMAIN}"
