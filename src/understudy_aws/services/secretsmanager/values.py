"""The values of secrets: a new version of one, and its staging labels (secrets.md 22.2)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from understudy_aws.gateway.call import Call
from understudy_aws.services.secretsmanager import errors
from understudy_aws.services.secretsmanager.lookups import versions_of
from understudy_aws.services.secretsmanager.records import (
    CURRENT,
    PREVIOUS,
    Secret,
    SecretVersion,
    secret_versions,
    secrets,
)

LARGEST = 65_536
MOST_VERSIONS = 100
MOST_LABELS = 20


def checked_value(text: str | None, binary: bytes | None, *, required: bool) -> None:
    """Raise unless there is a text or bytes, and not both; where it is not `required` there may be none."""
    if text is not None and binary is not None:
        raise errors.invalid_parameter(
            "You can't specify both a binary secret value and a string secret value in the same secret."
        )
    if required and text is None and binary is None:
        raise errors.invalid_request("You must provide either SecretString or SecretBinary.")
    if len(text.encode() if text is not None else binary or b"") > LARGEST:
        raise errors.invalid_parameter(f"A secret value can have at most {LARGEST} bytes.")


def require_key(call: Call, secret: Secret) -> None:
    """Raise InvalidRequestException for callers of other accounts, which no policy lets use AWS's own key.

    All secrets here are under that key (secrets.md 22.3).
    """
    if secret.account != call.account:
        raise errors.key_of_another_account()


def add_version(
    call: Call,
    secret: Secret,
    *,
    token: str | None,
    text: str | None,
    binary: bytes | None,
    stages: Sequence[str] = (CURRENT,),
) -> SecretVersion:
    """Add a value to a secret, and return its version; the same token with the same value is the same version.

    Without AWSCURRENT among its labels a secret's first version has it too. Raises ResourceExistsException for a token
    that made a version of another value, and InvalidRequestException for a caller of another account.
    """
    require_key(call, secret)
    id = token or call.ids.uuid()
    versions = versions_of(call.tx, secret)
    for version in versions:
        if version.id == id:
            if (version.text, version.binary) != (text, binary):
                raise errors.token_in_use(id, secret.arn)
            return version
    labels = list(dict.fromkeys(stages))
    if not any(CURRENT in version.stages for version in versions) and CURRENT not in labels:
        labels.append(CURRENT)
    made = SecretVersion(
        account=secret.account,
        region=secret.region,
        secret=secret.name,
        suffix=secret.suffix,
        id=id,
        created=call.at,
        text=text,
        binary=binary,
    )
    secret_versions.put(call.tx, made)
    for label in labels:
        move_label(call, secret, label, id)
    _forget_oldest(call, secret)
    secrets.put(call.tx, replace(secret, changed=call.at))
    return next(version for version in versions_of(call.tx, secret) if version.id == id)


def move_label(call: Call, secret: Secret, label: str, to: str | None) -> None:
    """Put a staging label on a version, or on none. What had AWSCURRENT has AWSPREVIOUS from then on."""
    former = ""
    for version in versions_of(call.tx, secret):
        if label in version.stages and version.id != to:
            former = version.id
            _label(call, version, without=label)
        elif version.id == to and label not in version.stages:
            _label(call, version, label)
    if label == CURRENT and former:
        move_label(call, secret, PREVIOUS, former)


def _label(call: Call, version: SecretVersion, label: str = "", *, without: str = "") -> None:
    stages = tuple(each for each in version.stages if each != without)
    stages = (*stages, label) if label else stages
    if len(stages) > MOST_LABELS:
        raise errors.too_many(f"A version can have at most {MOST_LABELS} staging labels.")
    secret_versions.put(call.tx, replace(version, stages=stages))


def _forget_oldest(call: Call, secret: Secret) -> None:
    """Delete the oldest versions without labels, until there are not too many."""
    versions = versions_of(call.tx, secret)
    unlabelled = [version for version in versions if not version.stages]
    for version in unlabelled[: max(0, len(versions) - MOST_VERSIONS)]:
        secret_versions.delete(call.tx, version)
