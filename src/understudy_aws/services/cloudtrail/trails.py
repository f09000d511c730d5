"""The operations on trails. There are none: the event history needs none, and there is nowhere to deliver to."""

from __future__ import annotations

import re
from collections.abc import Sequence

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import parse
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.cloudtrail import errors

_SHORTEST, _LONGEST = 3, 128
_CHARACTERS = re.compile(r"[A-Za-z0-9._-]*")


def the_trail(call: Call, params: Params) -> Sequence[Target]:
    """Return the trail by the ARN that it would have."""
    name = str(params.get("name") or params.get("trail_name") or "*")
    if parse(name) is not None:
        return [Target(name)]
    return [Target(f"arn:aws:cloudtrail:{call.region}:{call.account}:trail/{name}")]


@operation("cloudtrail:DescribeTrails", on=all_resources)
def describe_trails(
    call: Call,  # noqa: ARG001 - there are none in any account
    *,
    trail_name_list: list[str] | None = None,
    include_shadow_trails: bool | None = None,  # noqa: ARG001 - there are none to copy
) -> Answer:
    """Describe trails. Those that are named and do not exist are left out, as at AWS."""
    for name in trail_name_list or ():
        _check_name(name)
    return {"trailList": []}


@operation("cloudtrail:ListTrails", on=all_resources)
def list_trails(call: Call, *, next_token: str | None = None) -> Answer:  # noqa: ARG001 - there is one page
    """List the trails."""
    if next_token:
        raise errors.invalid_next_token()
    return {"Trails": []}


@operation("cloudtrail:GetTrail", on=the_trail)
def get_trail(call: Call, *, name: str) -> Answer:
    """Describe a trail."""
    raise _missing(call, name)


@operation("cloudtrail:GetTrailStatus", on=the_trail)
def get_trail_status(call: Call, *, name: str) -> Answer:
    """Tell whether a trail is delivered."""
    raise _missing(call, name)


@operation("cloudtrail:GetEventSelectors", on=the_trail)
def get_event_selectors(call: Call, *, trail_name: str) -> Answer:
    """Tell which events a trail holds."""
    raise _missing(call, trail_name)


def _missing(call: Call, name: str) -> ApiError:
    _check_name(name)
    return errors.trail_not_found(name, call.account)


def _check_name(name: str) -> None:
    """Raise for what cannot be the name or the ARN of a trail."""
    if name.startswith("arn:"):
        arn = parse(name)
        if arn is None or arn.service != "cloudtrail" or not arn.resource.startswith("trail/"):
            raise errors.invalid_trail_arn(name)
        return
    if len(name) < _SHORTEST:
        raise errors.invalid_trail_name(
            f"Trail name too short. Minimum allowed length: {_SHORTEST} characters. "
            f"Specified name length: {len(name)} characters."
        )
    if len(name) > _LONGEST:
        raise errors.invalid_trail_name(
            f"Trail name too long. Maximum allowed length: {_LONGEST} characters. "
            f"Specified name length: {len(name)} characters."
        )
    if not _CHARACTERS.fullmatch(name):
        raise errors.invalid_trail_name(
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
            "hyphens (-), and underscores (_)."
        )
    if not name[0].isalnum():
        raise errors.invalid_trail_name("Trail name must starts with a letter or number.")
    if not name[-1].isalnum():
        raise errors.invalid_trail_name("Trail name must ends with a letter or number.")
