"""Pages: everything once and in order, whatever their size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.gateway.paging import BadTokenError, key_after, page, token_after

KEYS = st.lists(st.text(alphabet=st.characters(codec="utf-8")), max_size=4)


@given(st.sets(st.text(alphabet=st.characters(codec="utf-8"))), st.lists(st.integers(1, 5), min_size=1))
def test_pages_of_any_sizes_together_are_everything_once(items, sizes):
    items, seen, token, turn = sorted(items), [], None, 0
    while turn == 0 or token is not None:
        after = key_after(token, "s")[0] if token else None
        rest = [item for item in items if after is None or item > after]
        found, token = page(rest, sizes[turn % len(sizes)], lambda item: [item], "s")
        seen += found
        turn += 1
    assert items == seen


def test_a_full_last_page_has_no_token():
    assert (["a", "b"], None) == page(["a", "b"], 2, lambda item: [item], "s")


@given(KEYS, st.text(alphabet=st.characters(codec="utf-8")))
def test_a_token_gives_its_key_back_and_is_printable(key, scope):
    token = token_after(key, scope)
    assert tuple(key) == key_after(token, scope)
    assert token.isascii()
    assert token.isprintable()


@given(KEYS)
def test_a_token_is_for_one_question(key):
    with pytest.raises(BadTokenError):
        key_after(token_after(key, "ListUsers /a/"), "ListUsers /b/")


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_any_other_text_is_refused(text):
    with pytest.raises(BadTokenError):
        key_after(text, "a scope nobody guesses")


@pytest.mark.parametrize(
    "token", ["", "bnVsbA", "W10", "WzFd", "e30", "WyJz", "Ly8v", "AAAA", "é", "WyJzIl0=="]
)
def test_a_token_that_is_no_list_of_texts_is_refused(token):
    with pytest.raises(BadTokenError):
        key_after(token, "s")
