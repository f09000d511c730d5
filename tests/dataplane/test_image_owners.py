"""What is noted beside files of their owners (https://rootlesscontaine.rs/), as umoci writes it."""

from __future__ import annotations

import pytest

from understudy_aws.dataplane.runtime.image_owners import noted_owner


@pytest.mark.parametrize(
    ("noted", "owner"),
    [
        (b"", (0, 0)),
        (bytes([0x08, 101, 0x10, 0xCA, 0x01]), (101, 202)),
        (bytes([0x10, 33]), (0, 33)),
        # An id that is not set, and those beyond the range, which are nobody's.
        (bytes([0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0x10, 5]), (0, 5)),
        (bytes([0x08, 0xA0, 0x8D, 0x06, 0x10, 0x80, 0x80, 0x04]), (65534, 65534)),
        # Anybody may have written it: what is none of this ends it.
        (b"\x0a\x01x", (0, 0)),
        (b"\x08", (0, 0)),
        (b"\xff" * 40, (0, 0)),
    ],
)
def test_the_owner_that_is_noted(noted, owner):
    assert noted_owner(noted) == owner
