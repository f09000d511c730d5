"""Files that `aws iam get-account-authorization-details` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.core.errors import UserError
from understudy_aws.policy import (
    AuthorizationDetails,
    MalformedPolicy,
    NotAQuestion,
    NotAuthorizationDetails,
    from_authorization_details,
    parse_claim,
    prove,
    question_context,
    who_can,
)


def accounts_of(files: Sequence[Path]) -> AuthorizationDetails:
    """Return the accounts of some exports. Raises UserError for a file that is none."""
    try:
        return from_authorization_details(*(file.read_bytes() for file in files))
    except (NotAuthorizationDetails, UnicodeDecodeError) as error:
        raise UserError(f"{', '.join(map(str, files))}: {error}") from error
    except MalformedPolicy as error:
        raise UserError(f"The policy {error.policy} cannot be read: {error.message}") from error


def who_can_of(
    files: Sequence[Path],
    action: str,
    resource: str,
    context: Mapping[str, str | list[str]],
    *,
    direct: bool,
    account: str,
) -> dict[str, Any]:
    """Return who can do something in the accounts of some exports, as a server would answer. Raises UserError."""
    accounts = accounts_of(files)
    try:
        report = who_can(
            accounts, action, resource, question_context(context), chains=not direct, account=account
        )
    except NotAQuestion as error:
        raise UserError(str(error)) from error
    answer: dict[str, Any] = msgspec.to_builtins(report)
    return answer


def proved_of(files: Sequence[Path], claim: str, account: str) -> dict[str, Any]:
    """Prove a claim about the accounts of some exports, as a server would. Raises UserError."""
    try:
        proof = prove(accounts_of(files), parse_claim(claim), account)
    except NotAQuestion as error:
        raise UserError(str(error)) from error
    answer: dict[str, Any] = msgspec.to_builtins(proof)
    return answer
