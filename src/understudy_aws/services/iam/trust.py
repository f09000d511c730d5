"""Trust policies. They are stored with unique ids of principals, and shown with ARNs.

A user or role that is deleted and made again has another unique id, and is not trusted (iam.md 2.5).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from understudy_aws.core import arn as arns
from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.documents import reviewed
from understudy_aws.services.iam.role_records import roles
from understudy_aws.services.iam.users import users
from understudy_aws.store.database import Transaction

_KINDS = ("user", "role")
# How unique ids of users and roles begin.
_IDS = ('"AIDA', '"AROA')


def stored(tx: Transaction, document: str, *, is_service: Callable[[str], bool]) -> str:
    """Return a trust policy as it is stored.

    Raises MalformedPolicyDocument, also for a principal that does not exist.
    """
    document = reviewed(document, "trust", is_service=is_service)
    return _each_principal(document, lambda text: _id_of(tx, text), ":user/", ":role/", *_IDS)


def readable(tx: Transaction, document: str) -> str:
    """Return a stored trust policy with ARNs instead of unique ids. The ids of deleted principals stay."""
    return _each_principal(document, lambda text: _arn_of(tx, text), *_IDS)


def has_unique_ids(document: str) -> bool:
    """Whether a stored trust policy may name principals by unique ids, so that `readable` has to look for them."""
    user, role = _IDS
    return user in document or role in document or "\\" in document


def _each_principal(document: str, change: Callable[[str], str], *signs: str) -> str:
    # Most trust policies name services only, and stay as they were sent. An escaped letter could hide a sign.
    if "\\" not in document and not any(sign in document for sign in signs):
        return document
    parsed = json.loads(document)
    statements = parsed["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        for element in ("Principal", "NotPrincipal"):
            principals = statement.get(element)
            if isinstance(principals, dict) and "AWS" in principals:
                principals["AWS"] = _changed(principals["AWS"], change)
    return json.dumps(parsed, separators=(",", ":"))


def _changed(named: Any, change: Callable[[str], str]) -> Any:
    return [change(name) for name in named] if isinstance(named, list) else change(named)


def _id_of(tx: Transaction, text: str) -> str:
    if text.startswith(("AIDA", "AROA")) and _arn_of(tx, text) == text:
        # What a policy shows of a deleted user or role cannot be sent back.
        raise _nobody(text)
    arn = arns.parse(text)
    if arn is None or arn.service != "iam":
        return text
    kind, _, path_and_name = arn.resource.partition("/")
    if kind not in _KINDS:
        return text
    name = path_and_name.rpartition("/")[2].lower()
    found = users.get(tx, arn.account, name) if kind == "user" else roles.get(tx, arn.account, name)
    if found is None or found.arn != text:
        raise _nobody(text)
    return found.id


def _arn_of(tx: Transaction, text: str) -> str:
    table = users if text.startswith("AIDA") else roles if text.startswith("AROA") else None
    found = table.where(tx, "by_id", text) if table is not None else ()
    return found[0].arn if found else text


def _nobody(text: str) -> ApiError:
    return errors.malformed_policy(f'Invalid principal in policy: "AWS":"{text}"')
