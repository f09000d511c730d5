"""Signed messages: only the secret they were signed with reads them back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.gateway.message_signing import MessageSigner

SIGNER = MessageSigner(b"a" * 32)
TEXTS = st.text(alphabet=st.characters(codec="utf-8"))


@given(TEXTS)
def test_a_signed_message_is_read_back(text):
    message = SIGNER.sign(text)
    assert text == SIGNER.verify(message)
    assert re.fullmatch("[A-Za-z0-9_-]+", message), "AWS's alphabet for these (ec2.md 7.2)"


@given(TEXTS, st.integers(0, 500), st.sampled_from("Aa0-_=+/! é\n"))
def test_a_message_changed_in_one_place_is_refused(text, place, letter):
    message = SIGNER.sign(text)
    place %= len(message) + 1
    for other in (
        message[:place] + letter + message[place:],
        message[:place] + letter + message[place + 1 :],
    ):
        assert other == message or SIGNER.verify(other) is None


@given(st.text())
def test_any_other_text_is_refused(message):
    assert SIGNER.verify(message) is None


def test_another_secret_reads_nothing():
    assert MessageSigner(b"b" * 32).verify(SIGNER.sign("text")) is None
