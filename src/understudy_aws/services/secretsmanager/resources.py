"""The kinds of resource that Secrets Manager has here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.secretsmanager.lookups import of_arn, secret_keys, secret_policy
from understudy_aws.services.secretsmanager.records import Secret, secret_versions, secrets
from understudy_aws.store.database import Transaction


def _set_tags(tx: Transaction, secret: Secret, tags: Mapping[str, str]) -> None:
    secrets.put(tx, replace(secret, tags=tuple(tags.items())))


RESOURCES: tuple[TaggedKind[Secret], ...] = (
    TaggedKind(
        name="secret",
        table=secrets,
        find=of_arn,
        target=lambda secret: Target(secret.arn, secret_keys(secret), policy=secret_policy(secret)),
        references=NO_REFERENCES,
        deleted_by="DeleteSecret",
        tags=lambda secret: dict(secret.tags),
        set_tags=_set_tags,
    ),
)

PARTS: tuple[RecordKind[Any], ...] = (
    # It goes with its secret.
    RecordKind(
        name="version",
        table=secret_versions,
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda version: f"{version.secret}:{version.id}",
    ),
)
