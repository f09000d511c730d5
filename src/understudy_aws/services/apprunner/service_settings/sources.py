"""Where a service comes from: an image, or a repository of source code (apprunner-services.md 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from understudy_aws.core.confidential import Confidential
from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.service_settings import images
from understudy_aws.services.apprunner.service_settings.environments import (
    Environment,
    environment,
)
from understudy_aws.services.apprunner.service_settings.runtimes import BY_NAME

API = "API"
REPOSITORY = "REPOSITORY"


class ImageSource(msgspec.Struct, frozen=True, omit_defaults=True):
    """An image, and how its application is started."""

    identifier: str
    kind: str
    start_command: str = ""
    environment: Environment = Environment()


class CodeSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How source code is built and started, where a request says so."""

    runtime: str
    build_command: str = ""
    start_command: str = ""
    environment: Environment = Environment()


class CodeSource(Confidential, frozen=True, omit_defaults=True):
    """A branch of a repository. Without `settings` its configuration file says how it is built and started.

    AWS takes any text for the URL (CodeRepository in the App Runner API Reference), one with credentials, too.
    """

    hidden = frozenset({"url"})

    url: str
    branch: str
    directory: str = "/"
    settings: CodeSettings | None = None


class Source(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The source of a service, an image or code, and what gives access to it."""

    image: ImageSource | None = None
    code: CodeSource | None = None
    automatic: bool
    access_role: str = ""
    connection: str = ""


def source(former: Source | None, asked: Mapping[str, Any], *, account: str, at: datetime) -> Source:
    """Return the source that a SourceConfiguration asks for, of a new service or instead of the former. Raises.

    `account` makes the request, at the time `at`.
    """
    image, code = asked.get("ImageRepository"), asked.get("CodeRepository")
    if (image is None) == (code is None):
        raise errors.invalid_request(
            "You must specify either CodeRepository or ImageRepository in SourceConfiguration, but not both."
        )
    if former is not None and (former.image is None) != (image is None):
        raise errors.invalid_request(
            "You can't change the source of a service from code to image or from image to code."
        )
    authentication = asked.get("AuthenticationConfiguration")
    role = former.access_role if former is not None else ""
    connection = former.connection if former is not None else ""
    if authentication is None and image is not None and image["ImageRepositoryType"] == images.PUBLIC:
        # The role of the repository that the image came from is not taken along.
        role = ""
    if authentication is not None:
        role = authentication.get("AccessRoleArn") or ""
        connection = authentication.get("ConnectionArn") or ""
    automatic = asked.get("AutoDeploymentsEnabled")
    if image is not None:
        made = _image(former.image if former is not None else None, image, account)
        _require_authentication_of_image(made, role, connection)
        return Source(
            image=made,
            automatic=_automatic(former, automatic, made, account),
            access_role=role,
        )
    assert code is not None, "it is one of the two"
    if not connection:
        raise errors.invalid_request(
            "ConnectionArn in AuthenticationConfiguration is required for a source code repository."
        )
    if role:
        raise errors.invalid_request("AccessRoleArn isn't supported for a source code repository.")
    kept = former.automatic if former is not None else True
    return Source(
        code=_code(former.code if former is not None else None, code, account, at),
        automatic=kept if automatic is None else automatic,
        connection=connection,
    )


def described(settings: Source) -> dict[str, Any]:
    """Return a source as answers describe it."""
    shown: dict[str, Any] = {"AutoDeploymentsEnabled": settings.automatic}
    authentication = {
        name: arn
        for name, arn in (("AccessRoleArn", settings.access_role), ("ConnectionArn", settings.connection))
        if arn
    }
    if authentication:
        shown["AuthenticationConfiguration"] = authentication
    if settings.image is not None:
        shown["ImageRepository"] = {
            "ImageIdentifier": settings.image.identifier,
            "ImageRepositoryType": settings.image.kind,
            "ImageConfiguration": {
                **_described_environment(settings.image.environment),
                **_given("StartCommand", settings.image.start_command),
            },
        }
    if settings.code is not None:
        shown["CodeRepository"] = _described_code(settings.code)
    return shown


def _image(former: ImageSource | None, asked: Mapping[str, Any], account: str) -> ImageSource:
    identifier, kind = asked["ImageIdentifier"], asked["ImageRepositoryType"]
    found = images.read(identifier)
    if found is None or found.kind != kind:
        raise errors.invalid_request(
            f"The image identifier {identifier} isn't valid for the image repository type {kind}."
        )
    configuration = asked.get("ImageConfiguration")
    if configuration is None and former is not None:
        return msgspec.structs.replace(former, identifier=identifier, kind=kind)
    configuration = configuration or {}
    return ImageSource(
        identifier,
        kind,
        configuration.get("StartCommand") or "",
        _environment(configuration, account),
    )


def _require_authentication_of_image(image: ImageSource, role: str, connection: str) -> None:
    if connection:
        raise errors.invalid_request("ConnectionArn isn't supported for an image repository.")
    if image.kind == images.PRIVATE and not role:
        raise errors.invalid_request(
            "AccessRoleArn in AuthenticationConfiguration is required for an image in an Amazon ECR repository."
        )
    if image.kind == images.PUBLIC and role:
        raise errors.invalid_request(
            "AccessRoleArn isn't supported for an image in an Amazon ECR Public repository."
        )


def _automatic(former: Source | None, asked: bool | None, image: ImageSource, account: str) -> bool:
    """Return whether each new image is deployed by itself, which only those of the account's own repositories are."""
    found = images.read(image.identifier)
    assert found is not None, "it was read before"
    possible = found.kind == images.PRIVATE and found.account == account
    if asked and found.kind == images.PUBLIC:
        raise errors.invalid_request(
            "App Runner doesn't support automatic deployments for an image in an ECR Public repository."
        )
    if asked and not possible:
        raise errors.invalid_request(
            "App Runner doesn't support automatic deployments for an image in an ECR repository of another account."
        )
    if asked is None:
        return possible and (former is None or former.automatic)
    return asked


def _code(former: CodeSource | None, asked: Mapping[str, Any], account: str, at: datetime) -> CodeSource:
    branch = asked["SourceCodeVersion"]["Value"]
    if not asked["RepositoryUrl"] or not branch:
        raise errors.invalid_request("The URL and the branch of a source code repository can't be empty.")
    directory = asked.get("SourceDirectory") or (former.directory if former is not None else "/")
    if not directory.startswith("/") or ".." in directory.split("/"):
        raise errors.invalid_request(
            f"The source directory {directory} isn't valid. Specify an absolute path from the root of the repository."
        )
    configuration = asked.get("CodeConfiguration")
    if configuration is None:
        if former is None:
            raise errors.invalid_request("CodeConfiguration is required for a source code repository.")
        settings = former.settings
    else:
        settings = _code_settings(former, configuration, account, at)
    return CodeSource(asked["RepositoryUrl"], branch, directory, settings)


def _code_settings(
    former: CodeSource | None, asked: Mapping[str, Any], account: str, at: datetime
) -> CodeSettings | None:
    if asked["ConfigurationSource"] == REPOSITORY:
        return None
    values = asked.get("CodeConfigurationValues")
    if values is None:
        raise errors.invalid_request("CodeConfigurationValues is required when ConfigurationSource is API.")
    runtime = BY_NAME[values["Runtime"]]
    has_it = former is not None and former.settings is not None and former.settings.runtime == runtime.name
    if runtime.has_ended(at) and not has_it:
        raise errors.invalid_request(f"The runtime {runtime.name} is no longer supported.")
    return CodeSettings(
        runtime.name,
        values.get("BuildCommand") or "",
        values.get("StartCommand") or "",
        _environment(values, account),
    )


def _environment(asked: Mapping[str, Any], account: str) -> Environment:
    return environment(
        port=asked.get("Port"),
        variables=asked.get("RuntimeEnvironmentVariables"),
        secrets=asked.get("RuntimeEnvironmentSecrets"),
        account=account,
    )


def _described_environment(settings: Environment) -> dict[str, Any]:
    shown: dict[str, Any] = {"Port": settings.port}
    if settings.variables:
        shown["RuntimeEnvironmentVariables"] = dict(settings.variables)
    if settings.secrets:
        shown["RuntimeEnvironmentSecrets"] = dict(settings.secrets)
    return shown


def _described_code(code: CodeSource) -> dict[str, Any]:
    configuration: dict[str, Any] = {"ConfigurationSource": REPOSITORY}
    if code.settings is not None:
        configuration = {
            "ConfigurationSource": API,
            "CodeConfigurationValues": {
                "Runtime": code.settings.runtime,
                **_described_environment(code.settings.environment),
                **_given("BuildCommand", code.settings.build_command),
                **_given("StartCommand", code.settings.start_command),
            },
        }
    return {
        "RepositoryUrl": code.url,
        "SourceCodeVersion": {"Type": "BRANCH", "Value": code.branch},
        "SourceDirectory": code.directory,
        "CodeConfiguration": configuration,
    }


def _given(name: str, text: str) -> dict[str, str]:
    return {name: text} if text else {}
