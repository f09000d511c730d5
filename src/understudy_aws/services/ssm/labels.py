"""Labels of versions of parameters: put on one, moved from another, taken away (parameters.md 23.3)."""

from __future__ import annotations

import re

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ssm import errors
from understudy_aws.services.ssm.lookups import a_parameter, of_name, version, versions_of
from understudy_aws.services.ssm.records import Parameter, ParameterVersion, parameter_versions

MOST_LABELS = 10
_LABEL = re.compile(r"(?!aws|ssm|\d)[a-z0-9_.-]{1,100}", re.ASCII | re.IGNORECASE)


@operation("ssm:LabelParameterVersion", on=a_parameter)
def label_parameter_version(
    call: Call, *, name: str, labels: list[str], parameter_version: int | None = None
) -> Answer:
    """Put labels on a version, the newest unless one is named; those that another version has move."""
    parameter = of_name(call, name)
    number = parameter.version if parameter_version is None else parameter_version
    labelled = _version(call, parameter, number)
    wanted = [label for label in dict.fromkeys(labels) if _LABEL.fullmatch(label)]
    kept = (*labelled.labels, *(label for label in wanted if label not in labelled.labels))
    if len(kept) > MOST_LABELS:
        raise errors.too_many_labels()
    for other in list(versions_of(call.tx, parameter)):
        left = tuple(label for label in other.labels if label not in wanted)
        if other.number != number and left != other.labels:
            parameter_versions.put(call.tx, replace(other, labels=left))
    parameter_versions.put(call.tx, replace(labelled, labels=kept))
    return {
        "InvalidLabels": [label for label in dict.fromkeys(labels) if label not in wanted],
        "ParameterVersion": number,
    }


@operation("ssm:UnlabelParameterVersion", on=a_parameter)
def unlabel_parameter_version(call: Call, *, name: str, parameter_version: int, labels: list[str]) -> Answer:
    """Take labels from a version. Those that it does not have are told as invalid."""
    labelled = _version(call, of_name(call, name), parameter_version)
    removed = [label for label in dict.fromkeys(labels) if label in labelled.labels]
    left = tuple(label for label in labelled.labels if label not in removed)
    parameter_versions.put(call.tx, replace(labelled, labels=left))
    return {
        "RemovedLabels": removed,
        "InvalidLabels": [label for label in dict.fromkeys(labels) if label not in removed],
    }


def _version(call: Call, parameter: Parameter, number: int) -> ParameterVersion:
    found = version(call.tx, parameter, number) if number > 0 else None
    if found is None:
        raise errors.no_such_version(str(number), parameter.name)
    return found
