"""How a test expects to be refused: `with refused(code): …` around a call, or `refusal(call, …)` to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError


class Refusal(NamedTuple):
    """What a client is told when its call is refused."""

    code: str
    status: int
    message: str
    request_id: str


class Told:
    """What a refusal said, once it was given."""

    text = ""


@contextmanager
def refused(code: str, message: str | None = None, status: int | None = None) -> Iterator[Told]:
    """Expect a refusal of this code, and of this text and HTTP status if they are given."""
    told = Told()
    with pytest.raises(ClientError) as caught:
        yield told
    found = _refusal(caught.value)
    told.text = found.message
    assert code == found.code, found
    assert message in (None, found.message)
    assert status in (None, found.status)


def refusal(call: Callable[..., Any], **params: Any) -> Refusal:
    """The refusal of this call, which must be refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return _refusal(caught.value)


def code_and_message(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """What the refusal of this call says; it must be refused."""
    found = refusal(call, **params)
    return found.code, found.message


def _refusal(error: ClientError) -> Refusal:
    metadata = error.response["ResponseMetadata"]
    return Refusal(
        error.response["Error"]["Code"],
        metadata["HTTPStatusCode"],
        error.response["Error"].get("Message", ""),
        metadata["RequestId"],
    )
