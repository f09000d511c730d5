"""Secrets: made, changed, described, listed, deleted and restored (secrets.md 22.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.secretsmanager import errors, listing
from understudy_aws.services.secretsmanager.lookups import (
    a_new_secret,
    a_secret,
    existing,
    find,
    usable,
    versions_of,
)
from understudy_aws.services.secretsmanager.records import Secret, secret_versions, secrets
from understudy_aws.services.secretsmanager.tag_rules import checked_tags
from understudy_aws.services.secretsmanager.values import add_version, checked_value
from understudy_aws.store.database import Transaction

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
# AWS's own key, by its alias.
_OWN_KEY = "alias/aws/secretsmanager"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@operation("secretsmanager:CreateSecret", on=a_new_secret)
def create_secret(
    call: Call,
    *,
    name: str,
    client_request_token: str | None = None,
    description: str | None = None,
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    tags: list[Mapping[str, str]] | None = None,
) -> Answer:
    """Make a secret, with its first value if there is one. The same token with the same value makes it once."""
    if not _NAME.fullmatch(name):
        raise ApiError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )
    _require_own_key(kms_key_id)
    checked_value(secret_string, secret_binary, required=False)
    former = secrets.get(call.tx, call.account, call.region, name)
    if former is not None:
        return _made_before(call, former, client_request_token, secret_string, secret_binary)
    secret = secrets.put(
        call.tx,
        Secret(
            account=call.account,
            region=call.region,
            name=name,
            suffix=_suffix(call),
            created=call.at,
            changed=call.at,
            description=description or "",
            tags=checked_tags((), tags or []),
        ),
    )
    answer = {"ARN": secret.arn, "Name": secret.name}
    if secret_string is None and secret_binary is None:
        return answer
    made = add_version(call, secret, token=client_request_token, text=secret_string, binary=secret_binary)
    return {**answer, "VersionId": made.id}


@operation("secretsmanager:UpdateSecret", on=a_secret)
def update_secret(
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    description: str | None = None,
    kms_key_id: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
) -> Answer:
    """Change a secret's description, and give it a new value if there is one, which is the current one then."""
    secret = usable(call, secret_id)
    _require_own_key(kms_key_id)
    checked_value(secret_string, secret_binary, required=False)
    if description is not None:
        secret = secrets.put(call.tx, replace(secret, description=description, changed=call.at))
    answer = {"ARN": secret.arn, "Name": secret.name}
    if secret_string is None and secret_binary is None:
        return answer
    made = add_version(call, secret, token=client_request_token, text=secret_string, binary=secret_binary)
    return {**answer, "VersionId": made.id}


@operation("secretsmanager:DescribeSecret", on=a_secret)
def describe_secret(call: Call, *, secret_id: str) -> Answer:
    """Describe a secret, also one that is marked for deletion; its value is not told."""
    secret = existing(call, secret_id)
    return {**described(secret), "VersionIdsToStages": _stages(call.tx, secret)}


@operation("secretsmanager:ListSecrets", on=all_resources)
def list_secrets(
    call: Call,
    *,
    include_planned_deletion: bool | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    filters: list[Mapping[str, Any]] | None = None,
    sort_order: str | None = None,
    sort_by: str | None = None,
) -> Answer:
    """List the secrets of a Region, without those marked for deletion unless they are asked for."""
    found = [
        secret
        for secret in secrets.scan(call.tx, call.account, call.region)
        if (secret.deleted is None or include_planned_deletion) and listing.fits(secret, filters or [])
    ]
    shown, token = listing.page(
        found,
        sort_by=sort_by or "created-date",
        descending=sort_order == "desc",
        size=max_results or listing.PAGE,
        token=next_token,
    )
    return {
        "SecretList": [
            {**described(secret), "SecretVersionsToStages": _stages(call.tx, secret)} for secret in shown
        ],
        "NextToken": token,
    }


@operation("secretsmanager:DeleteSecret", on=a_secret)
def delete_secret(
    call: Call,
    *,
    secret_id: str,
    recovery_window_in_days: int | None = None,
    force_delete_without_recovery: bool | None = None,
) -> Answer:
    """Mark a secret for deletion in 30 days, or in those that are asked for; or delete it at once."""
    if force_delete_without_recovery and recovery_window_in_days is not None:
        raise errors.invalid_parameter(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        )
    days = 30 if recovery_window_in_days is None else recovery_window_in_days
    if not 7 <= days <= 30:
        raise errors.invalid_parameter(
            "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        )
    if force_delete_without_recovery:
        return _delete_now(call, secret_id)
    secret = existing(call, secret_id)
    if secret.deleted is not None:
        raise errors.invalid_request(
            "You can't perform this operation on the secret because it was already scheduled for deletion."
        )
    end = call.at + timedelta(days=days)
    for version in versions_of(call.tx, secret):
        secret_versions.put(call.tx, replace(version, deleted=end))
    secrets.put(call.tx, replace(secret, deleted=end))
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": end}


@operation("secretsmanager:RestoreSecret", on=a_secret)
def restore_secret(call: Call, *, secret_id: str) -> Answer:
    """Take back the deletion of a secret within its recovery window; it is no error if there was none."""
    secret = existing(call, secret_id)
    for version in versions_of(call.tx, secret):
        secret_versions.put(call.tx, replace(version, deleted=None))
    secrets.put(call.tx, replace(secret, deleted=None))
    return {"ARN": secret.arn, "Name": secret.name}


def described(secret: Secret) -> dict[str, Any]:
    """Return what descriptions and lists tell of a secret."""
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description or None,
        "LastChangedDate": secret.changed,
        "LastAccessedDate": secret.accessed,
        "DeletedDate": secret.deleted,
        "Tags": [{"Key": key, "Value": value} for key, value in secret.tags] or None,
        "CreatedDate": secret.created,
    }


def _stages(tx: Transaction, secret: Secret) -> dict[str, Sequence[str]] | None:
    """Return the versions that have staging labels, with these; None if there is none."""
    return {each.id: list(each.stages) for each in versions_of(tx, secret) if each.stages} or None


def _made_before(
    call: Call, former: Secret, token: str | None, text: str | None, binary: bytes | None
) -> Answer:
    """Answer as before when the same request made this secret. Raises for any other."""
    if former.deleted is not None:
        raise errors.invalid_request(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
    for version in versions_of(call.tx, former) if token else ():
        if version.id == token and (version.text, version.binary) == (text, binary):
            return {"ARN": former.arn, "Name": former.name, "VersionId": version.id}
    raise errors.exists_already(former.name)


def _delete_now(call: Call, identifier: str) -> Answer:
    """Delete a secret and its versions. One that is not there is no error (secrets.md 22.1)."""
    secret = find(call, identifier)
    if secret is None:
        name = identifier.rpartition(":")[2]
        return {
            "ARN": a_secret(call, {"secret_id": identifier})[0].resource,
            "Name": name,
            "DeletionDate": call.at,
        }
    for version in versions_of(call.tx, secret):
        secret_versions.delete(call.tx, version)
    secrets.delete(call.tx, secret)
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": call.at}


def _require_own_key(key: str | None) -> None:
    if key and not key.endswith(_OWN_KEY):
        raise errors.no_key(key)


def _suffix(call: Call) -> str:
    number, letters = int(call.ids.hexadecimal(), 16), ""
    for _ in range(6):
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return letters
