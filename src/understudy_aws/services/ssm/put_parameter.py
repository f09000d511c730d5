"""Parameters made and overwritten (parameters.md 23.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.allowed_pattern import fits
from understudy_aws.services.ssm.lookups import a_put_parameter, newest, versions_of
from understudy_aws.services.ssm.names import checked_new_name
from understudy_aws.services.ssm.records import (
    ADVANCED,
    INTELLIGENT,
    OWN_KEY,
    SECURE,
    STANDARD,
    Parameter,
    ParameterVersion,
    parameter_versions,
    parameters,
)
from understudy_aws.services.ssm.tag_rules import checked_tags

MOST_VERSIONS = 100
LONGEST = {STANDARD: 4096, ADVANCED: 8192}
MOST_PARAMETERS = {STANDARD: 10_000, ADVANCED: 100_000}
_IMAGE = "aws:ec2:image"
_DATA_TYPES = frozenset({"text", _IMAGE, "aws:ssm:integration"})
_IMAGE_ID = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")


@operation("ssm:PutParameter", on=a_put_parameter)
def put_parameter(
    call: Call,
    *,
    name: str,
    value: str,
    description: str | None = None,
    type: str | None = None,
    key_id: str | None = None,
    overwrite: bool | None = None,
    allowed_pattern: str | None = None,
    tags: list[Mapping[str, str]] | None = None,
    tier: str | None = None,
    data_type: str | None = None,
) -> Answer:
    """Make a parameter, or a new version of one; what a new version does not say stays as it was."""
    name = name.strip(" ")
    if not value:
        raise errors.no_value()
    if overwrite and tags:
        raise errors.tags_and_overwrite()
    checked_new_name(name, call.account, call.region)
    former = parameters.get(call.tx, call.account, call.region, name)
    if former is not None and not overwrite:
        raise errors.exists_already()
    before = None if former is None else newest(call.tx, former)
    kind = type or (before.type if before is not None else "")
    if not kind:
        raise errors.no_type()
    _require_own_key(kind, key_id)
    chosen = _tier(call, former, tier, len(value))
    pattern = allowed_pattern if allowed_pattern is not None else before.pattern if before is not None else ""
    made = ParameterVersion(
        account=call.account,
        region=call.region,
        name=name,
        number=1 if former is None else former.version + 1,
        type=kind,
        value=value,
        modified=call.at,
        user=call.caller.arn,
        tier=chosen,
        data_type=_data_type(data_type or (before.data_type if before is not None else "text"), kind, value),
        description=description
        if description is not None
        else before.description
        if before is not None
        else "",
        pattern=pattern,
        seal=call.ids.uuid() if kind == SECURE else "",
    )
    if pattern and not fits(pattern, value):
        raise errors.pattern_mismatch(pattern)
    if former is None:
        parameters.put(
            call.tx,
            Parameter(
                account=call.account,
                region=call.region,
                name=name,
                version=1,
                tier=chosen,
                tags=checked_tags((), tags or ()),
            ),
        )
    else:
        _forget_oldest(call, former)
        parameters.put(call.tx, replace(former, version=made.number, tier=chosen))
    parameter_versions.put(call.tx, made)
    return {"Version": made.number, "Tier": chosen}


def _require_own_key(kind: str, key: str | None) -> None:
    if key and kind != SECURE:
        raise errors.key_without_secret()
    if key and not key.endswith(OWN_KEY):
        raise errors.no_key(key)


def _tier(call: Call, former: Parameter | None, wanted: str | None, length: int) -> str:
    """Return the tier of a value. Raises for a value it does not take, for too many, and for a downgrade."""
    now = former.tier if former is not None else STANDARD
    tier = wanted or now
    if tier == INTELLIGENT:
        tier = ADVANCED if now == ADVANCED or length > LONGEST[STANDARD] else STANDARD
    if tier == STANDARD and now == ADVANCED:
        raise errors.no_downgrade()
    if length > LONGEST[tier]:
        raise (
            errors.too_long(LONGEST[tier])
            if tier == ADVANCED
            else errors.too_long_for_standard(LONGEST[tier])
        )
    if former is None or former.tier != tier:
        number = parameters.count_where(call.tx, "tier", (call.account, call.region, tier))
        if number >= MOST_PARAMETERS[tier]:
            raise errors.too_many_parameters(MOST_PARAMETERS[tier], tier)
    return tier


def _data_type(data_type: str, kind: str, value: str) -> str:
    if data_type not in _DATA_TYPES:
        raise errors.unknown_data_type(data_type)
    if data_type == _IMAGE and (kind == SECURE or not _IMAGE_ID.fullmatch(value)):
        raise errors.invalid(
            f"The value of a parameter of the data type {_IMAGE} must be the id of an image."
        )
    return data_type


def _forget_oldest(call: Call, parameter: Parameter) -> None:
    """Delete the oldest version where there are as many as a parameter can have. Raises if it has a label."""
    versions = list(versions_of(call.tx, parameter))
    if len(versions) < MOST_VERSIONS:
        return
    if versions[0].labels:
        raise errors.oldest_has_a_label(parameter.name, versions[0].number)
    parameter_versions.delete(call.tx, versions[0])
