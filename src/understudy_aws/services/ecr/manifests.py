"""Manifests of images, as docker and OCI write them (registry.md 24.2)."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.services.ecr import errors

LARGEST = 4 * 1024 * 1024
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    }
)
_LISTS = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)
MEDIA_TYPES = _IMAGES | _LISTS
# Their bytes are elsewhere, where the manifest says.
_FOREIGN = ("foreign", "nondistributable")
_MOST_PARTS = 4096


class Manifest(msgspec.Struct, frozen=True):
    """What a manifest says: of an image its layers and its configuration, of a list the images it has."""

    digest: str
    media_type: str
    layers: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    size: int = 0
    artifact_type: str = ""
    subject: str = ""


def read(text: str, media_type: str | None) -> Manifest:
    """Return what a manifest says. Raises InvalidParameterException for a text that is none, or of another kind."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise _invalid("it is no JSON of schema version 2")
    said = document.get("mediaType")
    kind = said if isinstance(said, str) and said else media_type
    if not kind:
        kind = (
            "application/vnd.oci.image.index.v1+json"
            if "manifests" in document
            else "application/vnd.oci.image.manifest.v1+json"
        )
    if kind not in MEDIA_TYPES or (media_type and said and media_type != said):
        raise _invalid(f"its media type is not supported: {str(media_type or kind)[:128]}")
    digest = digest_of(text.encode())
    subject = document.get("subject")
    artifact = _text(document.get("artifactType"))
    about = _digest(subject) if isinstance(subject, dict) else ""
    if kind in _LISTS:
        parts = [_digest(each) for each in _descriptors(document.get("manifests"))]
        return Manifest(
            digest, kind, parts=tuple(dict.fromkeys(parts)), artifact_type=artifact, subject=about
        )
    config = document.get("config")
    if not isinstance(config, dict):
        raise _invalid("it has no configuration")
    held = [config, *(each for each in _descriptors(document.get("layers")) if not _is_foreign(each))]
    sizes = {_digest(each): _size(each) for each in held}
    return Manifest(
        digest,
        kind,
        layers=tuple(sizes),
        size=sum(sizes.values()),
        artifact_type=artifact,
        subject=about,
    )


def digest_of(data: bytes) -> str:
    """Return the digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptors(value: Any) -> list[dict[str, Any]]:
    if (
        not isinstance(value, list)
        or len(value) > _MOST_PARTS
        or not all(isinstance(each, dict) for each in value)
    ):
        raise _invalid("it has no list of layers or images")
    return value


def _digest(descriptor: dict[str, Any]) -> str:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise _invalid("a digest in it is none of sha256")
    return digest


def _size(descriptor: dict[str, Any]) -> int:
    size = descriptor.get("size")
    if type(size) is not int or not 0 <= size < 2**53:
        raise _invalid("a size in it is no number of bytes")
    return size


def _is_foreign(descriptor: dict[str, Any]) -> bool:
    return any(word in _text(descriptor.get("mediaType")) for word in _FOREIGN)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _invalid(why: str) -> ApiError:
    return errors.invalid_parameter(
        f"at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax' {why}"
    )
