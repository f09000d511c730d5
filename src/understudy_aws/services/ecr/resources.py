"""The kinds of resource that Elastic Container Registry has here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.ecr.lookups import of_arn, repository_keys, repository_policy
from understudy_aws.services.ecr.records import (
    Repository,
    authorization_tokens,
    image_tags,
    images,
    layer_uploads,
    layers,
    repositories,
)
from understudy_aws.store.database import Transaction


def _set_tags(tx: Transaction, repository: Repository, tags: Mapping[str, str]) -> None:
    repositories.put(tx, replace(repository, tags=tuple(tags.items())))


RESOURCES: tuple[TaggedKind[Repository], ...] = (
    TaggedKind(
        name="repository",
        table=repositories,
        find=of_arn,
        target=lambda repository: Target(
            repository.arn, repository_keys(repository), policy=repository_policy(repository)
        ),
        references=NO_REFERENCES,
        deleted_by="DeleteRepository",
        tags=lambda repository: dict(repository.tags),
        set_tags=_set_tags,
    ),
)

# All but tokens go with their repository; only one without images is deleted unless it is forced.
PARTS: tuple[RecordKind[Any], ...] = (
    RecordKind(
        name="image",
        table=images,
        references=NO_REFERENCES,
        deleted_by="BatchDeleteImage",
        identifier=lambda image: f"{image.repository}@{image.digest}",
    ),
    RecordKind(
        name="image-tag",
        table=image_tags,
        references=NO_REFERENCES,
        deleted_by="BatchDeleteImage",
        identifier=lambda tag: f"{tag.repository}:{tag.tag}",
    ),
    RecordKind(
        name="layer",
        table=layers,
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda layer: f"{layer.repository}@{layer.digest}",
    ),
    RecordKind(
        name="layer-upload",
        table=layer_uploads,
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda upload: upload.id,
    ),
    RecordKind(
        name="authorization-token",
        table=authorization_tokens,
        references=NO_REFERENCES,
        deleted_by="",
        identifier=lambda token: token.key,
    ),
)
