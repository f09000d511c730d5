"""How a test expects to be refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError


class Told:
    """What a refusal said, once it was given."""

    text = ""


@contextmanager
def refused(code: str, message: str | None = None, status: int | None = None) -> Iterator[Told]:
    """Expect a refusal of this code, and of this text and HTTP status if they are given."""
    told = Told()
    with pytest.raises(ClientError) as caught:
        yield told
    response = caught.value.response
    told.text = response["Error"]["Message"]
    assert code == response["Error"]["Code"], response["Error"]
    if message is not None:
        assert message == response["Error"]["Message"]
    if status is not None:
        assert status == response["ResponseMetadata"]["HTTPStatusCode"]
