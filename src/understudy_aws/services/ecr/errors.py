"""Elastic Container Registry's errors (registry.md 24.5). Their HTTP status is 400."""

from __future__ import annotations

from understudy_aws.core.errors import ApiError


def _where(name: str, registry: str) -> str:
    return f"the repository with name '{name}' in the registry with id '{registry}'"


def invalid_parameter(message: str) -> ApiError:
    return ApiError("InvalidParameterException", f"Invalid parameter: {message}")


def no_such_repository(name: str, registry: str) -> ApiError:
    return ApiError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry}'",
    )


def exists_already(name: str, registry: str) -> ApiError:
    return ApiError(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{name}' already exists in the registry with id '{registry}'",
    )


def not_empty(name: str, registry: str) -> ApiError:
    return ApiError(
        "RepositoryNotEmptyException",
        f"The repository with name '{name}' in registry with id '{registry}' cannot be deleted because it still "
        "contains images",
    )


def no_policy(name: str, registry: str) -> ApiError:
    return ApiError(
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for {_where(name, registry)}",
    )


def no_lifecycle_policy(name: str, registry: str) -> ApiError:
    return ApiError(
        "LifecyclePolicyNotFoundException", f"Lifecycle policy does not exist for {_where(name, registry)}"
    )


def malformed_policy(why: str) -> ApiError:
    return invalid_parameter(
        f"at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided' {why}"
    )


def too_many_tags(most: int) -> ApiError:
    return ApiError("TooManyTagsException", f"A repository can have at most {most} tags.")


def wrong_tag(message: str) -> ApiError:
    return ApiError("InvalidTagParameterException", message)


def another_registry() -> ApiError:
    return invalid_parameter("at 'registryId': a repository can be made in the caller's own registry alone")


def no_key(kind: str) -> ApiError:
    """Return the error for keys of KMS: there are none here."""
    return ApiError(
        "NotImplemented", f"Understudy does not serve KMS, so there is no encryption by {kind}.", 501
    )


def no_exclusions() -> ApiError:
    return ApiError("NotImplemented", "Understudy does not serve exclusions of tags from mutability.", 501)


def no_such_image(image: str, name: str, registry: str) -> ApiError:
    return ApiError(
        "ImageNotFoundException",
        f"The image with imageId {image} does not exist within {_where(name, registry)}",
    )


def image_exists(digest: str, tag: str, name: str, registry: str) -> ApiError:
    return ApiError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{name}' in "
        f"registry with id '{registry}'",
    )


def tag_exists(tag: str, name: str) -> ApiError:
    return ApiError(
        "ImageTagAlreadyExistsException",
        f"The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the "
        "repository is immutable.",
    )


def another_digest(given: str, found: str) -> ApiError:
    return ApiError(
        "ImageDigestDoesNotMatchException",
        f"The image digest '{given}' does not match the digest of the manifest, '{found}'.",
    )


def no_such_layers(digests: list[str], name: str, registry: str) -> ApiError:
    return ApiError(
        "LayersNotFoundException",
        f"Layers with digests '[{', '.join(digests)}]' required for pushing image into {_where(name, registry)} "
        "do not exist",
    )


def no_such_layer(digest: str, name: str, registry: str) -> ApiError:
    return ApiError(
        "LayersNotFoundException",
        f"The layer with digest '{digest}' does not exist in {_where(name, registry)}",
    )


def no_referenced_images(digests: list[str], name: str, registry: str) -> ApiError:
    return ApiError(
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{', '.join(digests)}]' required for pushing image into {_where(name, registry)} "
        "do not exist",
    )


def no_such_upload(id: str, name: str, registry: str) -> ApiError:
    return ApiError(
        "UploadNotFoundException",
        f"Upload with id '{id}' could not be found for {_where(name, registry)}",
    )


def parts_elsewhere() -> ApiError:
    return ApiError(
        "NotImplemented",
        "Understudy takes the bytes of layers by the registry's HTTP API, as docker push sends them.",
        501,
    )


def wrong_layer(digest: str, id: str) -> ApiError:
    return ApiError(
        "InvalidLayerException", f"The bytes of the upload with id '{id}' do not have the digest '{digest}'."
    )


def bad_token() -> ApiError:
    return invalid_parameter("at 'nextToken': it is no token of this list")
