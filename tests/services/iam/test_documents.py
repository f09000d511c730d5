"""Policy documents as IAM takes and shows them."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.documents import reviewed, shown, size


@given(st.text())
def test_what_is_shown_is_the_document_url_encoded(document):
    """Reference iam.md 2.8: RFC 3986, in which only letters, digits and four signs stay as they are."""
    text = shown(document)
    assert document == unquote(text)
    assert all(letter.isascii() and (letter.isalnum() or letter in "-._~%") for letter in text)


@given(st.text("ab {}\n\t\r"))
def test_white_space_does_not_count(document):
    """Reference iam.md 2.2."""
    assert len("".join(document.split())) == size(document)


def test_a_document_is_kept_as_it_was_sent():
    document = '{ "Version": "2012-10-17",\n "Statement": {"Effect":"Allow","Action":"*","Resource":"*"} }'
    assert document == reviewed(document, "managed")


def test_a_malformed_document_is_refused_by_iams_code():
    with pytest.raises(ApiError) as caught:
        reviewed("[]", "identity")
    assert ("MalformedPolicyDocument", 400) == (caught.value.code, caught.value.status)
