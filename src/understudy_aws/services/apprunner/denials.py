"""Why a call that App Runner made in a customer's account was refused, in words for the service's event log."""

from __future__ import annotations

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.request_context import principal_of
from understudy_aws.gateway.trail import EvaluatedQuestion, TrailEntry
from understudy_aws.policy import Question

# Between a call and the end of it nothing else is written, but for what was done for the call.
_LOOKED_AT = 5
# EC2 ends its refusals with what only sts:DecodeAuthorizationMessage can read, and is another each time.
_ENCODED = " Encoded authorization failure message:"
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class Denial(msgspec.Struct, frozen=True):
    """A refused call: `cause` is the same as long as nothing changes; `request` is the call's id, if it was found."""

    cause: str
    request: str = ""

    @property
    def text(self) -> str:
        """Return the cause, and how to learn more of it."""
        more = f" `understudy explain {self.request}` tells more." if self.request else ""
        return f"{self.cause}{more}"


class InterfacesStayError(Exception):
    """Instances are gone, and the networking role could not delete the interface of one.

    `code` is the error's that it got. It is `final` when policies, or the lack of a role, refused it, so that trying
    again at once is in vain.
    """

    def __init__(self, code: str, denial: Denial) -> None:
        super().__init__(denial.text)
        self.code = code
        self.denial = denial
        self.final = code in _DENIED


def denial_of(gateway: Gateway, error: ApiError) -> Denial:
    """Return what a call answered that has just been refused, and what decided that."""
    said = error.message.partition(_ENCODED)[0]
    entry = _entry_of(gateway, error)
    refused = next((each for each in entry.evaluations if not each.allowed), None) if entry else None
    if entry is None or refused is None:
        return Denial(said)
    decided = decided_by(refused) or _what_lacks(gateway, entry, refused)
    return Denial(f"{said.rstrip('. ')}.{decided}", entry.request_id)


def statement_that_denied(gateway: Gateway, error: ApiError) -> str:
    """Return which statement denied a call that has just been refused, as the trail has it; nothing where none did."""
    entry = _entry_of(gateway, error)
    found = (decided_by(each) for each in entry.evaluations if not each.allowed) if entry else ()
    return next((each for each in found if each), "")


def decided_by(refused: EvaluatedQuestion) -> str:
    """Return the sentence about the statement that denied something; nothing where no statement did."""
    if not refused.policy or refused.statement < 0:
        return ""
    named = f' "{refused.sid}"' if refused.sid else ""
    return f" Statement {refused.statement + 1}{named} of {refused.policy} denies it."


def _entry_of(gateway: Gateway, error: ApiError) -> TrailEntry | None:
    for entry in gateway.trail.newest(limit=_LOOKED_AT):
        if entry.outcome == error.code and entry.message == error.message:
            return entry
    return None


def _what_lacks(gateway: Gateway, entry: TrailEntry, refused: EvaluatedQuestion) -> str:
    """Return which statement would allow something but for what the request does not carry."""
    if refused.trust:
        return f" {refused.resource} is not there, or does not trust {entry.caller.arn}."
    account = refused.account or entry.account
    question = Question(
        principal_of(entry.caller), refused.action, refused.resource, refused.context, account
    )
    with gateway.database.transaction() as tx:
        explained = gateway.authorizer.explain(tx, entry.caller, question)
    near = next((each for _, each in explained.near_misses()), None)
    said = f" Statement {near.index + 1} of {near.policy} does not apply to it." if near is not None else ""
    lacks = "".join(f" It does not carry {each.key}: {each.text}." for each in explained.absent_keys())
    return f"{said}{lacks}"
