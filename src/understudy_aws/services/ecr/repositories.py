"""Repositories: made, described, deleted, and what is set of them (registry.md 24.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.ecr import errors
from understudy_aws.services.ecr.images import delete_image, delete_layers
from understudy_aws.services.ecr.lookups import a_new_repository, a_repository, existing, the_repositories
from understudy_aws.services.ecr.records import (
    IMMUTABLE,
    MUTABLE,
    Repository,
    host_of,
    images,
    layer_uploads,
    layers,
    repositories,
)
from understudy_aws.services.ecr.tag_rules import checked_tags

_PAGE = 100
_OWN_ENCRYPTION = "AES256"


@operation("ecr:CreateRepository", on=a_new_repository)
def create_repository(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    tags: list[Mapping[str, str]] | None = None,
    image_tag_mutability: str | None = None,
    image_scanning_configuration: Mapping[str, Any] | None = None,
    encryption_configuration: Mapping[str, Any] | None = None,
) -> Answer:
    """Make a repository in the caller's registry."""
    if registry_id not in {None, call.account}:
        raise errors.another_registry()
    kind = (encryption_configuration or {}).get("encryptionType", _OWN_ENCRYPTION)
    if kind != _OWN_ENCRYPTION:
        raise errors.no_key(kind)
    if repositories.get(call.tx, call.account, call.region, repository_name) is not None:
        raise errors.exists_already(repository_name, call.account)
    made = Repository(
        account=call.account,
        region=call.region,
        name=repository_name,
        created=call.at,
        mutability=_mutability(image_tag_mutability or MUTABLE),
        scan_on_push=bool((image_scanning_configuration or {}).get("scanOnPush")),
        tags=checked_tags((), tags or ()),
    )
    return {"repository": described(repositories.put(call.tx, made))}


@operation("ecr:DescribeRepositories", on=the_repositories)
def describe_repositories(
    call: Call,
    *,
    registry_id: str | None = None,
    repository_names: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Answer:
    """Describe repositories: those that are named, or all of a registry page by page."""
    if repository_names:
        return {"repositories": [described(existing(call, registry_id, name)) for name in repository_names]}
    account = registry_id or call.account
    scope, after = f"DescribeRepositories {account}", None
    if next_token:
        try:
            after = (account, call.region, *key_after(next_token, scope))
        except BadTokenError as error:
            raise errors.bad_token() from error
    found = repositories.scan(call.tx, account, call.region, after=after)
    shown, token = page(found, max_results or _PAGE, lambda each: (each.name,), scope)
    return {"repositories": list(map(described, shown)), "nextToken": token}


@operation("ecr:DeleteRepository", on=a_repository)
def delete_repository(
    call: Call, *, repository_name: str, registry_id: str | None = None, force: bool | None = None
) -> Answer:
    """Delete a repository; one with images only when forced."""
    found = existing(call, registry_id, repository_name)
    key = (found.account, found.region, found.name)
    held = list(images.scan(call.tx, *key))
    if held and not force:
        raise errors.not_empty(found.name, found.account)
    for image in held:
        delete_image(call.tx, image)
    delete_layers(call.tx, list(layers.scan(call.tx, *key)))
    for upload in list(layer_uploads.scan(call.tx, *key)):
        layer_uploads.delete(call.tx, upload)
    repositories.delete(call.tx, found)
    return {"repository": described(found)}


@operation("ecr:PutImageTagMutability", on=a_repository)
def put_image_tag_mutability(
    call: Call, *, repository_name: str, image_tag_mutability: str, registry_id: str | None = None
) -> Answer:
    """Say whether a tag can be given to another image."""
    found = existing(call, registry_id, repository_name)
    changed = repositories.put(call.tx, replace(found, mutability=_mutability(image_tag_mutability)))
    return {**_named(changed), "imageTagMutability": changed.mutability}


@operation("ecr:PutImageScanningConfiguration", on=a_repository)
def put_image_scanning_configuration(
    call: Call,
    *,
    repository_name: str,
    image_scanning_configuration: Mapping[str, Any],
    registry_id: str | None = None,
) -> Answer:
    """Say whether images are scanned when they are pushed. It is kept; nothing is scanned here."""
    found = existing(call, registry_id, repository_name)
    wanted = bool(image_scanning_configuration.get("scanOnPush"))
    changed = repositories.put(call.tx, replace(found, scan_on_push=wanted))
    return {**_named(changed), "imageScanningConfiguration": {"scanOnPush": changed.scan_on_push}}


def described(repository: Repository) -> dict[str, Any]:
    """Return what descriptions tell of a repository."""
    return {
        "repositoryArn": repository.arn,
        **_named(repository),
        "repositoryUri": f"{host_of(repository.account, repository.region)}/{repository.name}",
        "createdAt": repository.created,
        "imageTagMutability": repository.mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": {"encryptionType": _OWN_ENCRYPTION},
    }


def _named(repository: Repository) -> dict[str, Any]:
    return {"registryId": repository.account, "repositoryName": repository.name}


def _mutability(wanted: str) -> str:
    if wanted not in {MUTABLE, IMMUTABLE}:
        raise errors.no_exclusions()
    return wanted
