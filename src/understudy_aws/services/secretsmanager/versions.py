"""The versions of secrets: read, added, listed, and their staging labels moved (secrets.md 22.2)."""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import BadTokenError, key_after
from understudy_aws.gateway.paging import page as cut
from understudy_aws.services.secretsmanager import errors
from understudy_aws.services.secretsmanager.listing import PAGE
from understudy_aws.services.secretsmanager.lookups import a_secret, existing, usable, versions_of
from understudy_aws.services.secretsmanager.records import (
    CURRENT,
    Secret,
    SecretVersion,
    secret_versions,
    secrets,
)
from understudy_aws.services.secretsmanager.values import add_version, checked_value, move_label, require_key


@operation("secretsmanager:GetSecretValue", on=a_secret)
def get_secret_value(
    call: Call, *, secret_id: str, version_id: str | None = None, version_stage: str | None = None
) -> Answer:
    """Return the value of a secret: of a version, of the one with a staging label, or else of the current one."""
    secret = usable(call, secret_id)
    version = _wanted(call, secret, version_id, version_stage)
    require_key(call, secret)
    day = call.at.replace(hour=0, minute=0, second=0, microsecond=0)
    # It is told by the day alone, so that reading writes once a day.
    if secret.accessed != day:
        secrets.put(call.tx, replace(secret, accessed=day))
    if version.accessed != day:
        secret_versions.put(call.tx, replace(version, accessed=day))
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "SecretString": version.text,
        "SecretBinary": version.binary,
        "VersionStages": list(version.stages),
        "CreatedDate": version.created,
    }


@operation("secretsmanager:PutSecretValue", on=a_secret)
def put_secret_value(
    call: Call,
    *,
    secret_id: str,
    client_request_token: str | None = None,
    secret_binary: bytes | None = None,
    secret_string: str | None = None,
    version_stages: list[str] | None = None,
) -> Answer:
    """Add a value to a secret. Unless staging labels are given it is the current one."""
    secret = usable(call, secret_id)
    checked_value(secret_string, secret_binary, required=True)
    made = add_version(
        call,
        secret,
        token=client_request_token,
        text=secret_string,
        binary=secret_binary,
        stages=version_stages or (CURRENT,),
    )
    return {
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": made.id,
        "VersionStages": list(made.stages),
    }


@operation("secretsmanager:ListSecretVersionIds", on=a_secret)
def list_secret_version_ids(
    call: Call,
    *,
    secret_id: str,
    max_results: int | None = None,
    next_token: str | None = None,
    include_deprecated: bool | None = None,
) -> Answer:
    """List the versions of a secret that have staging labels, or all."""
    secret = existing(call, secret_id)
    scope = f"ListSecretVersionIds {secret.arn} {bool(include_deprecated)}"
    found = [each for each in versions_of(call.tx, secret) if each.stages or include_deprecated]
    found.sort(key=lambda version: version.id)
    if next_token:
        try:
            after = key_after(next_token, scope)
        except BadTokenError as error:
            raise errors.bad_token() from error
        found = [each for each in found if (each.id,) > after]
    shown, token = cut(found, max_results or PAGE, lambda version: (version.id,), scope)
    return {
        "Versions": [
            {
                "VersionId": each.id,
                "VersionStages": list(each.stages) or None,
                "LastAccessedDate": each.accessed,
                "CreatedDate": each.created,
            }
            for each in shown
        ],
        "ARN": secret.arn,
        "Name": secret.name,
        "NextToken": token,
    }


@operation("secretsmanager:UpdateSecretVersionStage", on=a_secret)
def update_secret_version_stage(
    call: Call,
    *,
    secret_id: str,
    version_stage: str,
    remove_from_version_id: str | None = None,
    move_to_version_id: str | None = None,
) -> Answer:
    """Move a staging label from one version to another, or take it away. AWSCURRENT is always on one."""
    secret = usable(call, secret_id)
    versions = {version.id: version for version in versions_of(call.tx, secret)}
    for id in filter(None, (remove_from_version_id, move_to_version_id)):
        if id not in versions:
            raise errors.no_such_version(f"VersionId: {id}")
    holder = next((each.id for each in versions.values() if version_stage in each.stages), "")
    if remove_from_version_id and remove_from_version_id != holder:
        raise errors.invalid_parameter(
            f"The staging label {version_stage} isn't attached to version {remove_from_version_id}."
        )
    if holder and move_to_version_id != holder and not remove_from_version_id:
        raise errors.invalid_parameter(
            f"The parameter RemoveFromVersionId can't be empty. Staging label {version_stage} is currently attached to "
            f"version {holder}, so you must explicitly reference that version in RemoveFromVersionId."
        )
    if version_stage == CURRENT and not move_to_version_id:
        raise errors.invalid_parameter(
            f"You can only move staging label {CURRENT} to a different secret version. It can't be completely removed."
        )
    move_label(call, secret, version_stage, move_to_version_id)
    return {"ARN": secret.arn, "Name": secret.name}


def _wanted(call: Call, secret: Secret, version_id: str | None, label: str | None) -> SecretVersion:
    stage = label or ("" if version_id else CURRENT)
    for version in versions_of(call.tx, secret):
        if version_id in {None, version.id} and (not stage or stage in version.stages):
            return version
    if version_id and label and any(each.id == version_id for each in versions_of(call.tx, secret)):
        raise errors.invalid_request(
            "You provided a VersionStage that is not associated to the provided VersionId."
        )
    raise errors.no_such_version(f"VersionId: {version_id}" if version_id else f"staging label: {stage}")
