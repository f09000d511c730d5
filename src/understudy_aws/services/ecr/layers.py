"""Layers: whether they are there, where they are, and the steps by which one is uploaded (registry.md 24.2).

The bytes of layers come and go by the registry's HTTP API (`distribution/`), which asks for these operations. Whoever
else calls them gets the same answers.
"""

from __future__ import annotations

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ecr import errors
from understudy_aws.services.ecr.lookups import a_repository, existing
from understudy_aws.services.ecr.manifests import DIGEST
from understudy_aws.services.ecr.records import Layer, LayerUpload, host_of, layer_uploads, layers

# AWS says so of a part of a layer.
_PART = 20 * 1024 * 1024


@operation("ecr:BatchCheckLayerAvailability", on=a_repository)
def batch_check_layer_availability(
    call: Call, *, repository_name: str, layer_digests: list[str], registry_id: str | None = None
) -> Answer:
    """Tell which layers a repository has."""
    repository = existing(call, registry_id, repository_name)
    told, failures = [], []
    for digest in layer_digests:
        if not DIGEST.fullmatch(digest):
            reason = f"Invalid layer digest '{digest}'"
            failures.append(
                {"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason}
            )
            continue
        found = layers.get(call.tx, repository.account, repository.region, repository.name, digest)
        told.append(
            {
                "layerDigest": digest,
                "layerAvailability": "AVAILABLE" if found is not None else "UNAVAILABLE",
                "layerSize": found.size if found is not None else None,
            }
        )
    return {"layers": told, "failures": failures}


@operation("ecr:GetDownloadUrlForLayer", on=a_repository)
def get_download_url_for_layer(
    call: Call, *, repository_name: str, layer_digest: str, registry_id: str | None = None
) -> Answer:
    """Tell where the bytes of a layer are: in the registry's HTTP API, under the name it has at AWS."""
    repository = existing(call, registry_id, repository_name)
    if layers.get(call.tx, repository.account, repository.region, repository.name, layer_digest) is None:
        raise errors.no_such_layer(layer_digest, repository.name, repository.account)
    host = host_of(repository.account, repository.region)
    return {
        "downloadUrl": f"https://{host}/v2/{repository.name}/blobs/{layer_digest}",
        "layerDigest": layer_digest,
    }


@operation("ecr:InitiateLayerUpload", on=a_repository)
def initiate_layer_upload(call: Call, *, repository_name: str, registry_id: str | None = None) -> Answer:
    """Begin to upload a layer."""
    repository = existing(call, registry_id, repository_name)
    upload = LayerUpload(
        account=repository.account,
        region=repository.region,
        repository=repository.name,
        id=call.ids.uuid(),
        begun=call.at,
    )
    layer_uploads.put(call.tx, upload)
    return {"uploadId": upload.id, "partSize": _PART}


@operation("ecr:UploadLayerPart", on=a_repository)
def upload_layer_part(
    call: Call,
    *,
    repository_name: str,
    upload_id: str,
    part_first_byte: int,
    part_last_byte: int,
    layer_part_blob: bytes,
    registry_id: str | None = None,
) -> Answer:
    """Take a part of a layer. Its bytes come by the registry's HTTP API alone."""
    del part_first_byte
    repository = existing(call, registry_id, repository_name)
    _upload(call, repository.account, repository.name, upload_id)
    if layer_part_blob:
        raise errors.parts_elsewhere()
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "uploadId": upload_id,
        "lastByteReceived": part_last_byte,
    }


@operation("ecr:CompleteLayerUpload", on=a_repository)
def complete_layer_upload(
    call: Call,
    *,
    repository_name: str,
    upload_id: str,
    layer_digests: list[str],
    registry_id: str | None = None,
) -> Answer:
    """Give a repository the layer whose bytes came, when they have the digest that is named."""
    repository = existing(call, registry_id, repository_name)
    upload = _upload(call, repository.account, repository.name, upload_id)
    if not upload.digest or upload.digest not in layer_digests:
        raise errors.wrong_layer(layer_digests[0] if layer_digests else "", upload_id)
    place = (repository.account, repository.region, repository.name, upload.digest)
    former = layers.get(call.tx, *place)
    layer = Layer(
        account=repository.account,
        region=repository.region,
        repository=repository.name,
        digest=upload.digest,
        size=upload.size,
        uploaded=call.at,
    )
    layers.put(call.tx, layer if former is None else replace(former, uploaded=call.at))
    layer_uploads.delete(call.tx, upload)
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "uploadId": upload_id,
        "layerDigest": upload.digest,
    }


def _upload(call: Call, account: str, name: str, id: str) -> LayerUpload:
    found = layer_uploads.get(call.tx, account, call.region, name, id)
    if found is None:
        raise errors.no_such_upload(id, name, account)
    return found
