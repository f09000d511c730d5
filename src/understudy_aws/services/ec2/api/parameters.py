"""How operations read parameters of the same kind: addresses, blocks and attributes (ec2.md 7.7).

Ids are read in `identifiers`, tags in `tag_specifications`, filters in `filters`. That an empty text counts as absent
is the protocol's rule (`wire/ec2_query.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import Cidr, Ipv6Cidr, parse, parse_address, parse_ipv6_block


def address_in(text: str) -> int:
    """Return an IPv4 address as a number. Raises InvalidParameterValue."""
    number = parse_address(text)
    if number is None:
        raise errors.invalid_address(text)
    return number


def check_addresses(*texts: str | None) -> None:
    """Raise InvalidParameterValue for a text that is no IPv4 address. None is a parameter that was not sent."""
    for text in texts:
        if text is not None:
            address_in(text)


def ipv6_address_in(text: str) -> str:
    """Return an IPv6 address in canonical form. Raises InvalidParameterValue."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError as error:
        raise errors.invalid_address(text) from error


def block_in(text: str, parameter: str = "cidrBlock") -> Cidr:
    """Return an IPv4 block without host bits. Raises InvalidParameterValue, which names the parameter."""
    found = parse(text)
    if found is None:
        raise errors.invalid_cidr(text, parameter)
    return found


def ipv6_block_in(text: str, parameter: str) -> str:
    """Return an IPv6 block in canonical form. Raises InvalidParameterValue, which names the parameter."""
    return str(ipv6_cidr_in(text, parameter))


def ipv6_cidr_in(text: str, parameter: str = "ipv6CidrBlock") -> Ipv6Cidr:
    """Return an IPv6 block without host bits. Raises InvalidParameterValue, which names the parameter."""
    found = parse_ipv6_block(text)
    if found is None:
        raise errors.invalid_cidr(text, parameter)
    return found


def is_protocol_number(text: str) -> bool:
    """Return whether a text is a number of an IP protocol, as IANA assigns them."""
    return len(text) <= 3 and text.isascii() and text.isdigit() and int(text) <= 255


def distinct(values: Sequence[str], parameter: str) -> None:
    """Raise InvalidParameterValue, which names the parameter, for a list that has a value twice."""
    for place, value in enumerate(values):
        if value in values[:place]:
            raise errors.invalid_value(value, parameter, "It is named twice.")


def one_attribute(**given: Any) -> None:
    """Raise InvalidParameterCombination when a call that changes one attribute has several.

    The attributes are given by AWS's names of them (`enableDnsSupport`), in the order of the API description.
    """
    named = [name for name, value in given.items() if value is not None and value != []]
    if len(named) > 1:
        raise errors.several_attributes(named)
