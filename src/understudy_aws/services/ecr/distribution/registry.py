"""The registry: OCI's distribution API over the operations of the service, each asked of IAM (registry.md 24.3).

A client is known by its token. What it asks for is carried out by the service's operations, as the caller that the
token stands for, so that policies decide and the trail tells as of every call. Only the bytes of layers are no part of
them: they go straight into files and out of files, and no more of them than a piece is ever in memory.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from msgspec.structs import replace

from understudy_aws.authn.caller import Caller
from understudy_aws.core.errors import ApiError
from understudy_aws.core.http import BodySink, FileBody, HttpRequest, HttpResponse, ResponseInSteps, Steps
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.services.ecr.authorization_tokens import USER, key_of
from understudy_aws.services.ecr.distribution.answers import (
    answered,
    as_json,
    failed,
    refused,
    unknown_client,
)
from understudy_aws.services.ecr.distribution.blob_files import BlobFiles, NoRoomError, WrongDigestError
from understudy_aws.services.ecr.distribution.routes import Wanted, is_for_registry, query, wanted
from understudy_aws.services.ecr.manifests import DIGEST, LARGEST, digest_of
from understudy_aws.services.ecr.records import AuthorizationToken, authorization_tokens, layer_uploads
from understudy_aws.store.database import Transaction
from understudy_aws.store.protocol import StoreError

_UPLOADING = frozenset({"PATCH", "PUT"})
_BYTES = ("Content-Type", "application/octet-stream")
_MOST_TAGS = 1000
_UNKNOWN = failed(404, "UNSUPPORTED", "The registry has nothing under this path.")


class Client:
    """Who sent a request to the registry, and which registry it means. It calls the service's operations."""

    def __init__(
        self, gateway: Gateway, tx: Transaction, request: HttpRequest, caller: Caller, about: Wanted
    ) -> None:
        self.tx = tx
        self.about = about
        self._gateway = gateway
        self._request = request
        self._caller = caller

    def call(self, operation: str, **params: Any) -> Mapping[str, Any]:
        """Carry out an operation on the repository that the request names. Raises its ApiError."""
        return self._gateway.perform(
            self._caller,
            "ecr",
            operation,
            {"registry_id": self.about.account, "repository_name": self.about.name, **params},
            region=self.about.region,
            tx=self.tx,
            request=self._request,
        )


class Registry:
    """Serves the requests below `/v2/`."""

    def __init__(self, gateway: Gateway, files: BlobFiles) -> None:
        self._gateway = gateway
        self._files = files

    def handle(self, request: HttpRequest) -> HttpResponse | ResponseInSteps:
        """Answer a request that is for the registry."""
        about = wanted(request)
        if about is None:
            if request.path in {"/v2/", "/v2"}:
                return self._as_client(request, Wanted("", "", "", ""), lambda _client: as_json({}))
            return _UNKNOWN
        if about.kind == "uploads" and request.method == "PUT":
            if request.sink is not None:
                request.sink.close()
            return ResponseInSteps(self._complete(request, about))
        serve = _SERVED.get((about.kind, request.method))
        if serve is None:
            return failed(405, "UNSUPPORTED", f"{request.method} is not served here.")
        return self._as_client(request, about, lambda client: serve(self, request, client))

    def sink(self, request: HttpRequest) -> BodySink | HttpResponse | None:
        """Return where the body of a request goes whose head came: a file, for part of a layer; None for memory.

        An answer refuses the request before its body comes.
        """
        if not is_for_registry(request):
            return None
        about = wanted(request)
        if (
            about is None
            or about.kind != "uploads"
            or request.method not in _UPLOADING
            or not about.reference
        ):
            return None
        length = int(request.headers.get("content-length", "0"))
        sinks: list[BodySink] = []

        def begin(client: Client) -> HttpResponse:
            at = self._files.size_of(about.reference)
            client.call(
                "UploadLayerPart",
                upload_id=about.reference,
                part_first_byte=at,
                part_last_byte=max(at, at + length - 1),
                layer_part_blob=b"",
            )
            begins = request.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
            if begins and begins != str(at):
                return _at(client.about, at, failed(416, "RANGE_INVALID", f"The next byte is number {at}."))
            try:
                sink = self._files.append(about.reference, length)
            except NoRoomError as error:
                return failed(507, "UNKNOWN", str(error))
            if sink is None:
                return failed(409, "BLOB_UPLOAD_INVALID", "Another request uploads to it now.")
            sinks.append(sink)
            return answered(200)

        response = self._as_client(request, about, begin)
        return sinks[0] if sinks else response

    def _as_client(
        self, request: HttpRequest, about: Wanted, serve: Callable[[Client], HttpResponse]
    ) -> HttpResponse:
        """Serve a request as who its token stands for, in one transaction that keeps the trail's entry in any case."""
        with self._gateway.database.transaction() as tx:
            try:
                token, caller = self._known(tx, request)
                if caller is None or token is None:
                    return unknown_client(request.headers.get("host", ""), "The registry takes a token.")
                about = replace(
                    about, account=about.account or token.account, region=about.region or token.region
                )
                return serve(Client(self._gateway, tx, request, caller, about))
            except ApiError as error:
                return refused(error)
            except StoreError as error:
                return failed(503, "UNAVAILABLE", str(error))

    def _known(
        self, tx: Transaction, request: HttpRequest
    ) -> tuple[AuthorizationToken | None, Caller | None]:
        """Return the token of a request and who it stands for now; None for what is not known any more."""
        kind, _, text = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return None, None
        try:
            user, _, secret = base64.b64decode(text.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None, None
        token = authorization_tokens.get(tx, key_of(secret)) if user == USER else None
        now = self._gateway.clock.now()
        if token is None or token.expires <= now:
            return None, None
        credential = self._gateway.credentials.credential(tx, token.access_key_id)
        if credential is None or not credential.active:
            return token, None
        if credential.expires_at is not None and credential.expires_at <= now:
            return token, None
        return token, credential.caller

    # Manifests and tags.

    def _get_manifest(self, _request: HttpRequest, client: Client) -> HttpResponse:
        answer = client.call("BatchGetImage", image_ids=[_image_id(client.about.reference)])
        if not answer["images"]:
            return failed(404, "MANIFEST_UNKNOWN", str(answer["failures"][0]["failureReason"]))
        found = answer["images"][0]
        return answered(
            200,
            found["imageManifest"].encode(),
            ("Content-Type", found["imageManifestMediaType"]),
            ("Docker-Content-Digest", found["imageId"]["imageDigest"]),
        )

    def _put_manifest(self, request: HttpRequest, client: Client) -> HttpResponse:
        if len(request.body) > LARGEST:
            return failed(413, "SIZE_INVALID", f"A manifest has at most {LARGEST} bytes.")
        try:
            text = request.body.decode()
        except UnicodeDecodeError:
            return failed(400, "MANIFEST_INVALID", "The manifest is no text.")
        id = _image_id(client.about.reference)
        kind = request.headers.get("content-type", "").partition(";")[0].strip()
        params = {
            "image_manifest": text,
            "image_manifest_media_type": kind or None,
            "image_tag": id.get("imageTag"),
            "image_digest": id.get("imageDigest"),
        }
        try:
            client.call("PutImage", **{name: value for name, value in params.items() if value is not None})
        except ApiError as error:
            # Who pushes the same again has what was asked for.
            if error.code != "ImageAlreadyExistsException":
                raise
        digest = digest_of(request.body)
        location = f"{client.about.place}/manifests/{digest}"
        return answered(201, b"", ("Location", location), ("Docker-Content-Digest", digest))

    def _delete_manifest(self, _request: HttpRequest, client: Client) -> HttpResponse:
        answer = client.call("BatchDeleteImage", image_ids=[_image_id(client.about.reference)])
        for failure in answer["failures"]:
            missing = failure["failureCode"] == "ImageNotFound"
            code = "MANIFEST_UNKNOWN" if missing else "DENIED"
            return failed(404 if missing else 409, code, str(failure["failureReason"]))
        return answered(202)

    def _list_tags(self, request: HttpRequest, client: Client) -> HttpResponse:
        given = query(request)
        most = given.get("n", "")
        size = min(int(most), _MOST_TAGS) if most.isascii() and most.isdecimal() else _MOST_TAGS
        after = given.get("last", "")
        tags: list[str] = []
        token: str | None = None
        while True:
            more = {"next_token": token} if token else {}
            answer = client.call("ListImages", filter={"tagStatus": "TAGGED"}, max_results=_MOST_TAGS, **more)
            tags += [each["imageTag"] for each in answer["imageIds"] if each["imageTag"] > after]
            token = answer.get("nextToken")
            if not token:
                break
        shown = sorted(tags)[:size]
        place = f"{client.about.place}/tags/list"
        following = (
            (("Link", f'<{place}?last={shown[-1]}&n={size}>; rel="next"'),)
            if 0 < len(shown) < len(tags)
            else ()
        )
        return as_json({"name": client.about.place.removeprefix("/v2/"), "tags": shown}, *following)

    # Layers.

    def _head_blob(self, _request: HttpRequest, client: Client) -> HttpResponse:
        answer = client.call("BatchCheckLayerAvailability", layer_digests=[client.about.reference])
        (found,) = answer["layers"]
        if found["layerAvailability"] != "AVAILABLE":
            return failed(404, "BLOB_UNKNOWN", "The repository does not have the layer.")
        return self._blob(client.about.reference)

    def _get_blob(self, _request: HttpRequest, client: Client) -> HttpResponse:
        client.call("GetDownloadUrlForLayer", layer_digest=client.about.reference)
        return self._blob(client.about.reference)

    def _blob(self, digest: str) -> HttpResponse:
        file = self._files.open(digest)
        if file is None:
            return failed(
                404, "BLOB_UNKNOWN", "The bytes of the layer are not in the state directory any more."
            )
        size = file.seek(0, 2)
        file.seek(0)
        headers = (_BYTES, ("Docker-Content-Digest", digest), ("Accept-Ranges", "none"))
        return replace(answered(200, b"", *headers), file=FileBody(file, size))

    # Uploads.

    def _begin(self, _request: HttpRequest, client: Client) -> HttpResponse:
        if client.about.reference:
            return _UNKNOWN
        upload = client.call("InitiateLayerUpload")["uploadId"]
        return _at(replace(client.about, reference=upload), 0, answered(202))

    def _uploaded(self, request: HttpRequest, client: Client) -> HttpResponse:
        """Tell how much of an upload has come, after a part of it or when that is asked for."""
        if request.sink is not None:
            # The permission was asked for when it began.
            request.sink.close()
            return _at(client.about, self._files.size_of(client.about.reference), answered(202))
        self._require_upload(client)
        return _at(client.about, self._files.size_of(client.about.reference), answered(204))

    def _cancel(self, _request: HttpRequest, client: Client) -> HttpResponse:
        self._require_upload(client)
        about = client.about
        found = layer_uploads.get(client.tx, about.account, about.region, about.name, about.reference)
        if found is not None:
            layer_uploads.delete(client.tx, found)
            self._files.cancel(found.id)
        return answered(204)

    def _require_upload(self, client: Client) -> None:
        """Raise unless the upload is there, and the client may upload."""
        at = max(0, self._files.size_of(client.about.reference) - 1)
        client.call(
            "UploadLayerPart",
            upload_id=client.about.reference,
            part_first_byte=at,
            part_last_byte=at,
            layer_part_blob=b"",
        )

    def _complete(self, request: HttpRequest, about: Wanted) -> Steps[HttpResponse]:
        """End an upload: its bytes are read and made durable beside other requests, and then it is a layer."""
        digest = query(request).get("digest", "")
        if not DIGEST.fullmatch(digest):
            return failed(400, "DIGEST_INVALID", "A layer is named by its digest of sha256.")
        if request.sink is None:
            # Without a last part nobody has asked yet whether this client may upload.
            refusal = self._as_client(request, about, self._may_complete)
            if refusal.status >= 400:
                return refusal
        sink = self._files.append(about.reference, 0)
        if sink is None:
            return failed(409, "BLOB_UPLOAD_INVALID", "Another request uploads to it now.")
        try:
            finished: Future[int] = self._files.finish(about.reference, digest)
            yield finished
            size = finished.result()
        except WrongDigestError:
            return failed(400, "DIGEST_INVALID", "The bytes that came have another digest.")
        except OSError as error:
            return failed(507, "UNKNOWN", f"The layer could not be kept: {error.strerror}.")
        finally:
            sink.close()

        def record(client: Client) -> HttpResponse:
            named = client.about
            found = layer_uploads.get(client.tx, named.account, named.region, named.name, named.reference)
            if found is not None:
                layer_uploads.put(client.tx, replace(found, digest=digest, size=size))
            client.call("CompleteLayerUpload", upload_id=named.reference, layer_digests=[digest])
            place = f"{named.place}/blobs/{digest}"
            return answered(201, b"", ("Location", place), ("Docker-Content-Digest", digest))

        return self._as_client(request, about, record)

    def _may_complete(self, client: Client) -> HttpResponse:
        self._require_upload(client)
        return answered(200)


def _at(about: Wanted, size: int, response: HttpResponse) -> HttpResponse:
    """Return an answer that tells how much of an upload has come, and where it goes on."""
    told = (
        ("Location", f"{about.place}/blobs/uploads/{about.reference}"),
        ("Range", f"0-{max(0, size - 1)}"),
        ("Docker-Upload-UUID", about.reference),
    )
    return replace(response, headers=(*response.headers, *told))


def _image_id(reference: str) -> dict[str, str]:
    return {"imageDigest" if ":" in reference else "imageTag": reference}


_SERVED: Mapping[tuple[str, str], Callable[[Registry, HttpRequest, Client], HttpResponse]] = {
    ("manifests", "GET"): Registry._get_manifest,  # noqa: SLF001 - the table of this module
    ("manifests", "HEAD"): Registry._get_manifest,  # noqa: SLF001
    ("manifests", "PUT"): Registry._put_manifest,  # noqa: SLF001
    ("manifests", "DELETE"): Registry._delete_manifest,  # noqa: SLF001
    ("tags", "GET"): Registry._list_tags,  # noqa: SLF001
    ("blobs", "HEAD"): Registry._head_blob,  # noqa: SLF001
    ("blobs", "GET"): Registry._get_blob,  # noqa: SLF001
    ("uploads", "POST"): Registry._begin,  # noqa: SLF001
    ("uploads", "PATCH"): Registry._uploaded,  # noqa: SLF001
    ("uploads", "GET"): Registry._uploaded,  # noqa: SLF001
    ("uploads", "DELETE"): Registry._cancel,  # noqa: SLF001
}
