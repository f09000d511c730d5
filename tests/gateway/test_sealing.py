"""Opaque messages: ours alone can be read back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from understudy.gateway.sealing import Seal

SEAL = Seal(b"a" * 32)
TEXTS = st.text(alphabet=st.characters(codec="utf-8"))


@given(TEXTS)
def test_what_was_closed_opens(text):
    message = SEAL.close(text)
    assert text == SEAL.open(message)
    assert re.fullmatch("[A-Za-z0-9_-]+", message), "AWS's alphabet for these (reference iam.md 7.2)"


@given(TEXTS, st.integers(0, 500), st.sampled_from("Aa0-_=+/! é\n"))
def test_a_message_changed_in_one_place_is_nobodys(text, place, letter):
    message = SEAL.close(text)
    place %= len(message) + 1
    for other in (
        message[:place] + letter + message[place:],
        message[:place] + letter + message[place + 1 :],
    ):
        assert other == message or SEAL.open(other) is None


@given(st.text())
def test_anything_else_is_nobodys(message):
    assert SEAL.open(message) is None


def test_another_secret_opens_nothing():
    assert Seal(b"b" * 32).open(SEAL.close("text")) is None
