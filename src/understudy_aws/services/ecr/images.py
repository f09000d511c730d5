"""Images: put, read, listed, described and deleted (registry.md 24.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.gateway.paging import BadTokenError, key_after, page
from understudy_aws.services.ecr import errors
from understudy_aws.services.ecr.lookups import a_repository, existing
from understudy_aws.services.ecr.manifests import DIGEST, LARGEST, read
from understudy_aws.services.ecr.records import (
    IMMUTABLE,
    Image,
    ImageTag,
    Layer,
    Repository,
    image_tags,
    images,
    layers,
    manifests,
)
from understudy_aws.store.database import Transaction

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_PAGE = 100
_NO_DIGEST = (
    "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
)


@operation("ecr:PutImage", on=a_repository)
def put_image(
    call: Call,
    *,
    repository_name: str,
    image_manifest: str,
    registry_id: str | None = None,
    image_manifest_media_type: str | None = None,
    image_tag: str | None = None,
    image_digest: str | None = None,
) -> Answer:
    """Put the manifest of an image whose layers are there, under a tag if one is given."""
    repository = existing(call, registry_id, repository_name)
    if len(image_manifest.encode()) > LARGEST:
        raise errors.invalid_parameter(f"at 'ImageManifest': it has more than {LARGEST} bytes")
    if image_tag is not None and not _TAG.fullmatch(image_tag):
        raise errors.invalid_parameter("at 'ImageTag': it is no tag")
    manifest = read(image_manifest, image_manifest_media_type)
    if image_digest not in {None, manifest.digest}:
        raise errors.another_digest(str(image_digest), manifest.digest)
    key = _key(repository)
    missing = [digest for digest in manifest.layers if layers.get(call.tx, *key, digest) is None]
    if missing:
        raise errors.no_such_layers(missing, repository.name, repository.account)
    missing = [digest for digest in manifest.parts if images.get(call.tx, *key, digest) is None]
    if missing:
        raise errors.no_referenced_images(missing, repository.name, repository.account)
    former = images.get(call.tx, *key, manifest.digest)
    tagged = image_tags.get(call.tx, *key, image_tag) if image_tag else None
    if former is not None and (image_tag is None or (tagged is not None and tagged.digest == former.digest)):
        raise errors.image_exists(manifest.digest, image_tag or "null", repository.name, repository.account)
    if tagged is not None and repository.mutability == IMMUTABLE:
        raise errors.tag_exists(tagged.tag, repository.name)
    if former is None:
        former = images.put(
            call.tx,
            Image(
                account=repository.account,
                region=repository.region,
                repository=repository.name,
                digest=manifest.digest,
                media_type=manifest.media_type,
                pushed=call.at,
                size=manifest.size,
                artifact_type=manifest.artifact_type,
                subject=manifest.subject,
                layers=manifest.layers,
                parts=manifest.parts,
            ),
        )
        manifests.put(call.tx, (*key, manifest.digest), image_manifest.encode())
    if image_tag:
        image_tags.put(
            call.tx,
            ImageTag(
                account=repository.account,
                region=repository.region,
                repository=repository.name,
                tag=image_tag,
                digest=manifest.digest,
            ),
        )
    return {"image": _shown(call.tx, former, image_tag)}


@operation("ecr:BatchGetImage", on=a_repository)
def batch_get_image(
    call: Call,
    *,
    repository_name: str,
    image_ids: list[Mapping[str, str]],
    registry_id: str | None = None,
    accepted_media_types: list[str] | None = None,
) -> Answer:
    """Return manifests of images. They are given in the media type they were put in."""
    del accepted_media_types
    repository = existing(call, registry_id, repository_name)
    shown, failures = [], []
    for id in image_ids:
        found = _find(call.tx, repository, id)
        if isinstance(found, Image):
            day = call.at.replace(hour=0, minute=0, second=0, microsecond=0)
            # It is told by the day alone, so that reading writes once a day.
            if found.pulled != day:
                found = images.put(call.tx, replace(found, pulled=day))
            shown.append(_shown(call.tx, found, id.get("imageTag")))
        else:
            failures.append(found)
    return {"images": shown, "failures": failures}


@operation("ecr:BatchDeleteImage", on=a_repository)
def batch_delete_image(
    call: Call, *, repository_name: str, image_ids: list[Mapping[str, str]], registry_id: str | None = None
) -> Answer:
    """Delete images by digest; by tag the tag, and with its last tag the image."""
    repository = existing(call, registry_id, repository_name)
    deleted: list[dict[str, Any]] = []
    failures = []
    for id in image_ids:
        found = _find(call.tx, repository, id)
        if not isinstance(found, Image):
            failures.append(found)
            continue
        tags = _tags(call.tx, found)
        only_tag = "imageDigest" not in id and len(tags) > 1
        lists = images.where(call.tx, "part", images.key(found))
        if lists and not only_tag:
            named = ", ".join(each.digest for each in lists)
            reason = f"Requested image referenced by manifest list: [{named}]"
            failures.append(_failure(id, "ImageReferencedByManifestList", reason))
            continue
        going = [each for each in tags if not only_tag or each.tag == id.get("imageTag")]
        deleted += [{"imageDigest": found.digest, "imageTag": each.tag} for each in going]
        if not going:
            deleted.append({"imageDigest": found.digest})
        if only_tag:
            for each in going:
                image_tags.delete(call.tx, each)
        else:
            delete_image(call.tx, found)
            delete_layers(call.tx, _layers(call.tx, found))
    return {"imageIds": deleted, "failures": failures}


@operation("ecr:ListImages", on=a_repository)
def list_images(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    filter: Mapping[str, str] | None = None,
) -> Answer:
    """List the images of a repository, once for each of their tags."""
    repository = existing(call, registry_id, repository_name)
    status = (filter or {}).get("tagStatus", "ANY")
    scope = f"ListImages {repository.arn} {status}"
    after = _after(next_token, scope)
    ids = (id for image in images.scan(call.tx, *_key(repository)) for id in _ids(call.tx, image, status))
    following = (id for id in ids if after is None or _place(id) > after)
    shown, token = page(following, max_results or _PAGE, _place, scope)
    return {"imageIds": shown, "nextToken": token}


@operation("ecr:DescribeImages", on=a_repository)
def describe_images(
    call: Call,
    *,
    repository_name: str,
    registry_id: str | None = None,
    image_ids: list[Mapping[str, str]] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
    filter: Mapping[str, str] | None = None,
) -> Answer:
    """Describe images: those that are named, or all of a repository page by page."""
    repository = existing(call, registry_id, repository_name)
    if image_ids:
        named = [_find(call.tx, repository, id) for id in image_ids]
        for id, found in zip(image_ids, named, strict=True):
            if not isinstance(found, Image):
                raise errors.no_such_image(_said(id), repository.name, repository.account)
        return {"imageDetails": [_described(call.tx, each) for each in named if isinstance(each, Image)]}
    status = (filter or {}).get("tagStatus", "ANY")
    scope = f"DescribeImages {repository.arn} {status}"
    after = _after(next_token, scope)
    key = _key(repository)
    found_images = (
        image
        for image in images.scan(call.tx, *key, after=None if after is None else (*key, *after))
        if status == "ANY" or bool(_tags(call.tx, image)) is (status == "TAGGED")
    )
    shown, token = page(found_images, max_results or _PAGE, lambda each: (each.digest,), scope)
    return {"imageDetails": [_described(call.tx, each) for each in shown], "nextToken": token}


def delete_image(tx: Transaction, image: Image) -> None:
    """Delete an image with its manifest and its tags."""
    for tag in _tags(tx, image):
        image_tags.delete(tx, tag)
    manifests.delete(tx, *images.key(image))
    images.delete(tx, image)


def delete_layers(tx: Transaction, going: Iterable[Layer]) -> None:
    """Delete those layers that no image of their repository has. Their files go later."""
    for layer in going:
        if not images.count_where(tx, "layer", layers.key(layer)):
            layers.delete(tx, layer)


def _key(repository: Repository) -> tuple[str, str, str]:
    return (repository.account, repository.region, repository.name)


def _layers(tx: Transaction, image: Image) -> Sequence[Layer]:
    key = images.key(image)[:3]
    return [found for digest in image.layers if (found := layers.get(tx, *key, digest)) is not None]


def _tags(tx: Transaction, image: Image) -> Sequence[ImageTag]:
    return image_tags.where(tx, "image", images.key(image))


def _find(tx: Transaction, repository: Repository, id: Mapping[str, str]) -> Image | dict[str, Any]:
    """Return the image of an identifier, or the failure that tells why there is none."""
    digest, tag = id.get("imageDigest"), id.get("imageTag")
    if not digest and not tag:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        return _failure(id, "MissingDigestAndTag", reason)
    if digest and not DIGEST.fullmatch(digest):
        return _failure(id, "InvalidImageDigest", _NO_DIGEST)
    key = _key(repository)
    tagged = image_tags.get(tx, *key, tag) if tag else None
    if digest and tagged is not None and tagged.digest != digest:
        return _failure(id, "ImageTagDoesNotMatchDigest", "Requested image tag does not match the digest")
    wanted = digest or (tagged.digest if tagged is not None else "")
    found = images.get(tx, *key, wanted) if wanted and (tagged is not None or not tag) else None
    return found if found is not None else _failure(id, "ImageNotFound", "Requested image not found")


def _failure(id: Mapping[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": dict(id), "failureCode": code, "failureReason": reason}


def _said(id: Mapping[str, str]) -> str:
    digest, tag = id.get("imageDigest", "null"), id.get("imageTag", "null")
    return f"{{imageDigest:'{digest}', imageTag:'{tag}'}}"


def _shown(tx: Transaction, image: Image, tag: str | None) -> dict[str, Any]:
    manifest = manifests.get(tx, *images.key(image))
    assert manifest is not None, "an image has a manifest"
    return {
        "registryId": image.account,
        "repositoryName": image.repository,
        "imageId": {"imageDigest": image.digest, "imageTag": tag},
        "imageManifest": manifest.decode(),
        "imageManifestMediaType": image.media_type,
    }


def _described(tx: Transaction, image: Image) -> dict[str, Any]:
    return {
        "registryId": image.account,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageTags": [each.tag for each in _tags(tx, image)] or None,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type or None,
        "lastRecordedPullTime": image.pulled,
        "subjectManifestDigest": image.subject or None,
    }


def _ids(tx: Transaction, image: Image, status: str) -> Iterator[dict[str, str]]:
    tags = _tags(tx, image)
    if status != "UNTAGGED":
        yield from ({"imageDigest": image.digest, "imageTag": each.tag} for each in tags)
    if not tags and status != "TAGGED":
        yield {"imageDigest": image.digest}


def _place(id: Mapping[str, str]) -> tuple[str, str]:
    return (id["imageDigest"], id.get("imageTag", ""))


def _after(token: str | None, scope: str) -> tuple[str, ...] | None:
    if not token:
        return None
    try:
        return key_after(token, scope)
    except BadTokenError as error:
        raise errors.bad_token() from error
