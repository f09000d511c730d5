"""Parameters read: one, several, those below a path, and one's history (parameters.md 23.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.filters import checked_filters, fits_all
from understudy_aws.services.ssm.lookups import (
    a_parameter,
    a_path,
    chosen,
    found_by,
    newest,
    the_parameters,
    versions_of,
)
from understudy_aws.services.ssm.names import checked_path, is_below, require_own, selected
from understudy_aws.services.ssm.records import Parameter, ParameterVersion, parameters
from understudy_aws.services.ssm.values import described, shown_value, told

_PATH_PAGE = 10
_HISTORY_PAGE = 50


@operation("ssm:GetParameter", on=a_parameter)
def get_parameter(call: Call, *, name: str, with_decryption: bool | None = None) -> Answer:
    """Return a parameter, in its newest version or in the one that the name chooses."""
    wanted = selected(name)
    require_own(wanted.name)
    found = found_by(call, wanted)
    if found is None:
        raise errors.no_such_parameter()
    version = chosen(call.tx, found, wanted.selector)
    return {"Parameter": told(found, version, wanted.selector, decrypted=bool(with_decryption))}


@operation("ssm:GetParameters", on=the_parameters)
def get_parameters(call: Call, *, names: list[str], with_decryption: bool | None = None) -> Answer:
    """Return several parameters. Those that are not there are told, and are no error."""
    shown, invalid = [], []
    for name in dict.fromkeys(names):
        wanted = selected(name)
        require_own(wanted.name)
        found = found_by(call, wanted)
        try:
            if found is None:
                raise errors.no_such_parameter()
            version = chosen(call.tx, found, wanted.selector)
        except ApiError:
            invalid.append(name)
            continue
        shown.append(told(found, version, wanted.selector, decrypted=bool(with_decryption)))
    return {"Parameters": shown, "InvalidParameters": invalid}


@operation("ssm:GetParametersByPath", on=a_path)
def get_parameters_by_path(
    call: Call,
    *,
    path: str,
    recursive: bool | None = None,
    parameter_filters: list[Mapping[str, Any]] | None = None,
    with_decryption: bool | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Return the parameters directly below a path, or all below it, page by page."""
    below = checked_path(path)
    filters = checked_filters(parameter_filters or (), by_path=True)
    label = next((each.values for each in filters if each.key == "Label"), ())

    def found() -> Iterator[tuple[Parameter, ParameterVersion, str]]:
        for parameter in _below(call, below, after[0], recursive=bool(recursive)):
            versions = versions_of(call.tx, parameter) if label else iter((newest(call.tx, parameter),))
            for version in versions:
                held = next((each for each in label if each in version.labels), "")
                behind = parameter.name != after[0] or version.number > int(after[1])
                if behind and (held or not label) and fits_all(filters, parameter, version):
                    yield parameter, version, held

    scope = f"GetParametersByPath {below} {bool(recursive)} {filters!r}"
    after = _after(next_token, scope, ("", "0"))
    shown, token = page(
        found(), max_results or _PATH_PAGE, lambda each: (each[0].name, str(each[1].number)), scope
    )
    return {
        "Parameters": [
            told(parameter, version, held, decrypted=bool(with_decryption))
            for parameter, version, held in shown
        ],
        "NextToken": token,
    }


@operation("ssm:GetParameterHistory", on=a_parameter)
def get_parameter_history(
    call: Call,
    *,
    name: str,
    with_decryption: bool | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Return all versions of a parameter, the oldest first."""
    found = found_by(call, selected(name))
    if found is None:
        raise errors.no_such_parameter()
    scope = f"GetParameterHistory {found.arn}"
    after = int(_after(next_token, scope, ("0",))[0])
    versions = (each for each in versions_of(call.tx, found) if each.number > after)
    shown, token = page(versions, max_results or _HISTORY_PAGE, lambda each: (str(each.number),), scope)
    return {
        "Parameters": [
            {
                **described(each),
                "Value": shown_value(each, decrypted=bool(with_decryption)),
                "Labels": list(each.labels),
            }
            for each in shown
        ],
        "NextToken": token,
    }


def _below(call: Call, path: str, first: str, *, recursive: bool) -> Iterator[Parameter]:
    """Yield the parameters below a path by name, from `first` on. Looks at no others than those with the path."""
    begin = max(first, "" if path == "/" else path)
    for parameter in parameters.scan(
        call.tx, call.account, call.region, after=(call.account, call.region, begin[:-1]) if begin else None
    ):
        if parameter.name < begin:
            continue
        if path != "/" and not parameter.name.startswith(path):
            return
        if is_below(parameter.name, path, recursive=recursive):
            yield parameter


def _after(token: str | None, scope: str, start: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key that a token holds, or the one to start behind without a token."""
    if not token:
        return start
    try:
        key = key_after(token, scope)
    except BadTokenError as error:
        raise errors.bad_token() from error
    if len(key) != len(start) or not key[-1].isdecimal():
        raise errors.bad_token()
    return key
