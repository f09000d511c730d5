"""The list of a Region's parameters, without their values (parameters.md 23.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.filters import checked_filters, fits_all, former_filters
from understudy_aws.services.ssm.lookups import everything, newest
from understudy_aws.services.ssm.records import parameters
from understudy_aws.services.ssm.values import described

_PAGE = 10


@operation("ssm:DescribeParameters", on=everything)
def describe_parameters(
    call: Call,
    *,
    filters: list[Mapping[str, Any]] | None = None,
    parameter_filters: list[Mapping[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
    shared: bool | None = None,
) -> Answer:
    """List parameters by name, page by page. Of those shared by Resource Access Manager there are none."""
    if filters and parameter_filters:
        raise errors.invalid("You can use either Filters or ParameterFilters in a single request.")
    wanted = former_filters(filters) if filters else checked_filters(parameter_filters or (), by_path=False)
    scope = f"DescribeParameters {wanted!r} {bool(shared)}"
    after = None
    if next_token:
        try:
            after = (call.account, call.region, *key_after(next_token, scope))
        except BadTokenError as error:
            raise errors.bad_token() from error
    found = (
        (parameter, version)
        for parameter in parameters.scan(call.tx, call.account, call.region, after=after)
        if not shared and fits_all(wanted, parameter, version := newest(call.tx, parameter))
    )
    shown, token = page(found, max_results or _PAGE, lambda each: (each[0].name,), scope)
    return {
        "Parameters": [{**described(version), "ARN": parameter.arn} for parameter, version in shown],
        "NextToken": token,
    }
