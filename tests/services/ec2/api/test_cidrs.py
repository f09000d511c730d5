"""Blocks and addresses as numbers, against the standard library's objects."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.services.ec2.api.cidrs import known, parse, parse_address, parse_ipv6, text_of

BLOCKS = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: str(ipaddress.ip_network(pair, strict=False))
)


@given(address=st.integers(0, 2**32 - 1), length=st.integers(0, 32))
def test_blocks_are_made_canonical(address, length):
    text = f"{ipaddress.IPv4Address(address)}/{length}"
    block = parse(text)
    assert str(ipaddress.ip_network(text, strict=False)) == str(block)
    assert block == known(str(block))


@given(one=BLOCKS, other=BLOCKS)
def test_overlap_is_as_the_standard_library_has_it(one, other):
    assert ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other)) == parse(one).overlaps(
        parse(other)
    )
    assert ipaddress.ip_network(other).subnet_of(ipaddress.ip_network(one)) == parse(one).holds(parse(other))


@given(st.integers(0, 2**32 - 1))
def test_addresses_go_to_text_and_back(number):
    assert number == parse_address(text_of(number))


@pytest.mark.parametrize(
    "text", ["", "10", "10.0.0", "10.0.0.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.٣", " 10.0.0.1"]
)
def test_what_is_no_address_is_none(text):
    assert parse_address(text) is None
    assert parse(text + "/24") is None


@pytest.mark.parametrize("text", ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/024"])
def test_what_is_no_block_is_none(text):
    assert parse(text) is None


def test_ipv6_blocks_are_made_canonical():
    assert "2001:db8::/32" == parse_ipv6("2001:DB8:0::1/32")
    assert parse_ipv6("2001:db8::") is None
    assert parse_ipv6("10.0.0.0/8") is None
