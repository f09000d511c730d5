"""Client tokens (idempotency): a call that is repeated with the same token gets the first call's answer again."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.tables import Record, Table

KEPT_FOR = timedelta(hours=1)
MOST_KEPT = 10_000


class ClientToken(Record, frozen=True, kw_only=True):
    """A client token that was used: by which account, for which operation, and the answer in MessagePack.

    `token` and `digest` are digests of the token and of the parameters, because both may be of any length.
    """

    account: str
    region: str
    operation: str
    token: str
    digest: str
    answer: bytes
    at: datetime


client_tokens = Table(
    "gateway/client-token",
    ClientToken,
    key=lambda record: (record.account, record.region, record.operation, record.token),
    ordered={"at": lambda record: record.at},
)

# Tokens nobody can be retrying with any more. A client retries within a minute or two, so under load the newest are
# enough, and an hour of them would be all the memory there is.
old_client_tokens = Expiry("old client tokens", client_tokens, "at", kept_for=KEPT_FOR, most=MOST_KEPT)


def answered_before(call: Call, token: str, params: Mapping[str, Any]) -> Answer | None:
    """Return the answer that the same call got with this token, or None when the token is new.

    Raises IdempotentParameterMismatch (ec2.md 7.3) when the token was used for something else.
    """
    operation = f"{call.service}:{call.operation}"
    known = client_tokens.get(call.tx, call.account, call.region, operation, _hash(token.encode()))
    if known is None or known.at + KEPT_FOR < call.at:
        return None
    if known.digest != _digest(params):
        raise ApiError(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        )
    answer: Answer = msgspec.msgpack.decode(known.answer)
    return answer


def remember(call: Call, token: str, params: Mapping[str, Any], answer: Answer) -> None:
    """Store the answer, in the transaction of the call, so that both are durable or neither is."""
    client_tokens.put(
        call.tx,
        ClientToken(
            account=call.account,
            region=call.region,
            # There are thousands of tokens and a few operations.
            operation=sys.intern(f"{call.service}:{call.operation}"),
            token=_hash(token.encode()),
            digest=_digest(params),
            # The encoder's own bytes have room to grow; a copy has none.
            answer=bytes(memoryview(msgspec.msgpack.encode(answer))),
            at=call.at,
        ),
    )


def _digest(params: Mapping[str, Any]) -> str:
    return _hash(msgspec.json.encode(params, order="sorted"))


def _hash(content: bytes) -> str:
    """Return 128 bits of a digest, more than enough for the tokens of an hour."""
    return hashlib.sha256(content).hexdigest()[:32]
