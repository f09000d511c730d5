"""The kinds of resource that Systems Manager has here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.ssm.lookups import of_arn, parameter_keys, parameter_policy
from understudy_aws.services.ssm.records import Parameter, parameter_versions, parameters
from understudy_aws.store.database import Transaction


def _set_tags(tx: Transaction, parameter: Parameter, tags: Mapping[str, str]) -> None:
    parameters.put(tx, replace(parameter, tags=tuple(tags.items())))


RESOURCES: tuple[TaggedKind[Parameter], ...] = (
    TaggedKind(
        name="parameter",
        table=parameters,
        find=of_arn,
        target=lambda parameter: Target(
            parameter.arn, parameter_keys(parameter), policy=parameter_policy(parameter)
        ),
        references=NO_REFERENCES,
        deleted_by="DeleteParameter",
        tags=lambda parameter: dict(parameter.tags),
        set_tags=_set_tags,
    ),
)

PARTS: tuple[RecordKind[Any], ...] = (
    # It goes with its parameter.
    RecordKind(
        name="version",
        table=parameter_versions,
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda version: f"{version.name}:{version.number}",
    ),
)
