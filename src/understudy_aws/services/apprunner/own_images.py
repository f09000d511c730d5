"""Images of the registries that are served here: App Runner gets them as the service's access role.

Each manifest and layer is asked for by an ECR call of a session of the role (registry.md 24.2), whose permissions
decide. The files go into a directory as skopeo writes one (`dir:`), from where the node takes the image; layers are
linked and not copied.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.dataplane.runtime.registries import ImagePlaces, Name, read_name
from understudy_aws.dataplane.tasks import PullImage
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.accounts import accounts
from understudy_aws.services.apprunner.service_records import Service
from understudy_aws.services.apprunner.service_settings.sources import Source
from understudy_aws.services.ecr.distribution.blob_files import BlobFiles
from understudy_aws.services.ecr.records import image_tags, repositories
from understudy_aws.store.database import Transaction

ACCESS_PRINCIPAL = "build.apprunner.amazonaws.com"
_HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")
_MANIFEST = "manifest.json"
_MOST_NAMES = 5
NOT_THERE = "ImageNotFoundException"
_VERSION = "Directory Transport Version: 1.1\n"


class _Blob(msgspec.Struct):
    digest: str


class _Manifest(msgspec.Struct):
    """What is read of an image's manifest, or of a list of them."""

    config: _Blob | None = None
    layers: list[_Blob] = []
    manifests: list[_Blob] = []


def is_of_this_server(tx: Transaction, identifier: str) -> bool:
    """Whether an image's name is one in a registry of an account here, which no other registry knows anything of."""
    host = _HOST.fullmatch(read_name(identifier).host)
    return host is not None and accounts.get(tx, host[1]) is not None


def why_none(tx: Transaction, identifier: str, images: ImagePlaces) -> str:
    """Return what is lacking of an image in a registry of this server, and what there is instead."""
    name = read_name(identifier)
    host = _HOST.fullmatch(name.host)
    assert host is not None, "it is the name of a registry"
    if repositories.get(tx, host[1], host[2], name.repository) is None:
        lacking = f"There is no repository {name.repository} in account {host[1]} and Region {host[2]}."
    else:
        found = [each.tag for each in image_tags.scan(tx, host[1], host[2], name.repository)]
        lacking = f"There is no image {name.repository}{name.last}; tags of the repository: {_some(found)}."
    return (
        f"{lacking} Built here by `understudy image build`: {_some(images.built_names())}. "
        f"`understudy up --registry {name.host}=https://{name.host}` takes the images of Amazon ECR itself."
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{', '.join(names[:_MOST_NAMES])}{more}" if names else "none"


class OwnImages(msgspec.Struct, frozen=True):
    """Images of the registries served here: their layers are `files`, and images to be taken lie in `directory`."""

    files: BlobFiles
    directory: Path

    @staticmethod
    def has(tx: Transaction, identifier: str) -> bool:
        """Whether an image's name is one of a repository that is there."""
        name = read_name(identifier)
        host = _HOST.fullmatch(name.host)
        return host is not None and repositories.get(tx, host[1], host[2], name.repository) is not None

    @staticmethod
    def digest(tx: Transaction, identifier: str) -> str | None:
        """Return the digest that an image's tag has now; None for one that is not there."""
        name = read_name(identifier)
        host = _HOST.fullmatch(name.host)
        found = image_tags.get(tx, host[1], host[2], name.repository, name.tag) if host is not None else None
        return found.digest if found is not None else None

    def pull_of(self, gateway: Gateway, service: Service, source: Source, id: str) -> PullImage:
        """Return the task that takes a service's image; `id` is the operation's. Raises ApiError and OSError.

        What was asked for once is not asked for again.
        """
        assert source.image is not None, "it is an image"
        place = self.directory / id
        if not (place / _MANIFEST).exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700, parents=True)
            with RoleSession(
                gateway,
                principal=ACCESS_PRINCIPAL,
                role_arn=source.access_role,
                session_name="AppRunner",
                source_arn=service.arn,
            ) as session:
                _Pull(session, read_name(source.image.identifier), self.files, place).run()
        return PullImage(reference=f"dir:{place}", title=source.image.identifier)

    def forget(self, id: str) -> None:
        """Delete what an operation has asked for."""
        shutil.rmtree(self.directory / id, ignore_errors=True)


class _Pull:
    """Gets one image."""

    def __init__(self, session: RoleSession, name: Name, files: BlobFiles, place: Path) -> None:
        host = _HOST.fullmatch(name.host)
        assert host is not None, "it is the name of a registry"
        self._session, self._files, self._place, self._name = session, files, place, name
        self._of = {"registry_id": host[1], "repository_name": name.repository}
        self._region = host[2]

    def run(self) -> None:
        (self._place / "version").write_text(_VERSION)
        wanted = {"imageDigest": self._name.digest} if self._name.digest else {"imageTag": self._name.tag}
        text = self._manifest(wanted)
        for digest in dict.fromkeys(self._blobs(text)):
            self._link(digest)
        unfinished = self._place / "unfinished"
        unfinished.write_text(text)
        unfinished.rename(self._place / _MANIFEST)

    def _blobs(self, text: str) -> Iterator[str]:
        manifest = msgspec.json.decode(text, type=_Manifest)
        if manifest.config is not None:
            yield manifest.config.digest
        for layer in manifest.layers:
            yield layer.digest
        for each in manifest.manifests:
            inner = self._manifest({"imageDigest": each.digest})
            (self._place / f"{_hexadecimal(each.digest)}.{_MANIFEST}").write_text(inner)
            yield from self._blobs(inner)

    def _manifest(self, id: dict[str, str]) -> str:
        answer: Any = self._session.call(
            "ecr", "BatchGetImage", region=self._region, image_ids=[id], **self._of
        )
        if not answer["images"]:
            raise ApiError(NOT_THERE, answer["failures"][0]["failureReason"])
        return str(answer["images"][0]["imageManifest"])

    def _link(self, digest: str) -> None:
        self._session.call(
            "ecr", "GetDownloadUrlForLayer", region=self._region, layer_digest=digest, **self._of
        )
        os.link(self._files.path(digest), self._place / _hexadecimal(digest))


def _hexadecimal(digest: str) -> str:
    return digest.partition(":")[2]
