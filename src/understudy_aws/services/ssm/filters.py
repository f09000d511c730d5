"""Filters of lists of parameters (parameters.md 23.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.names import checked_path, is_below
from understudy_aws.services.ssm.records import OWN_KEY, SECURE, Parameter, ParameterVersion

_OF_LISTS = ("Path", "Name", "Type", "KeyId", "Tier", "DataType")
_OF_PATHS = ("Type", "KeyId", "Label")
_VALUES = {
    "Tier": ("Standard", "Advanced", "Intelligent-Tiering"),
    "Type": ("String", "StringList", "SecureString"),
}
_OPTIONS = {
    "Path": ("Recursive", "OneLevel"),
    "Name": ("BeginsWith", "Equals", "Contains"),
    "Label": ("Equals",),
}
_USUAL_OPTIONS = ("BeginsWith", "Equals")
_TAG = "tag:"


class Filter(msgspec.Struct, frozen=True):
    """One filter: a key, how its values are compared, and the values, of which one must fit.

    A tag's filter without values fits every parameter that has the tag.
    """

    key: str
    option: str
    values: tuple[str, ...]


def checked_filters(given: Sequence[Mapping[str, Any]], *, by_path: bool) -> tuple[Filter, ...]:
    """Return the filters of a request: of DescribeParameters, or `by_path`. Raises for what AWS refuses."""
    keys = _OF_PATHS if by_path else _OF_LISTS
    checked: list[Filter] = []
    for each in given:
        key, values = each["Key"], tuple(each.get("Values") or ())
        option = each.get("Option") or ("OneLevel" if key == "Path" else "Equals")
        if key not in keys and (by_path or not key.startswith(_TAG)):
            raise errors.filter_key(
                f"The following filter key is not valid: {key}. Valid filter keys include: [{', '.join(keys)}]."
            )
        if not values and not key.startswith(_TAG):
            raise errors.filter_value(f"The following filter values are missing : null for filter key {key}.")
        if any(key == former.key for former in checked):
            raise errors.filter_key(
                f"The following filter is duplicated in the request: {key}. A request can contain only one "
                "occurrence of a specific filter."
            )
        options = _OPTIONS.get(key, _USUAL_OPTIONS)
        if option not in options:
            raise errors.filter_option(
                f"The following filter option is not valid: {option}. Valid options include: [{', '.join(options)}]."
            )
        known = _VALUES.get(key, ())
        for value in values if known and option == "Equals" else ():
            if value not in known:
                raise errors.filter_option(
                    f"The following filter value is not valid: {value}. Valid values include: [{', '.join(known)}]."
                )
        if key == "Path":
            values = tuple(map(checked_path, values))
        checked.append(Filter(key, option, values))
    return tuple(checked)


def former_filters(given: Sequence[Mapping[str, Any]]) -> tuple[Filter, ...]:
    """Return the filters of the older form, whose names are beginnings."""
    return tuple(
        Filter(each["Key"], "BeginsWith" if each["Key"] == "Name" else "Equals", tuple(each["Values"]))
        for each in given
    )


def fits_all(filters: Sequence[Filter], parameter: Parameter, version: ParameterVersion) -> bool:
    """Whether a parameter in a version fits all filters. Labels are not looked at."""
    return all(each.key == "Label" or _fits(each, parameter, version) for each in filters)


def _fits(wanted: Filter, parameter: Parameter, version: ParameterVersion) -> bool:
    if wanted.key == "Path":
        recursive = wanted.option == "Recursive"
        return any(is_below(parameter.name, path, recursive=recursive) for path in wanted.values)
    held = _held(wanted.key, parameter, version)
    if held is None:
        return False
    if not wanted.values:
        return True
    if wanted.key == "Name" and wanted.option != "Contains":
        # A slash at the beginning makes no difference to what is compared.
        values, held = [value.removeprefix("/") for value in wanted.values], held.removeprefix("/")
    else:
        values = list(wanted.values)
    if wanted.option == "Equals":
        return held in values
    if wanted.option == "BeginsWith":
        return any(held.startswith(value) for value in values)
    return any(value in held for value in values)


def _held(key: str, parameter: Parameter, version: ParameterVersion) -> str | None:
    if key.startswith(_TAG):
        return dict(parameter.tags).get(key.removeprefix(_TAG))
    return {
        "Name": parameter.name,
        "Type": version.type,
        "KeyId": OWN_KEY if version.type == SECURE else None,
        "Tier": version.tier,
        "DataType": version.data_type,
    }.get(key)
