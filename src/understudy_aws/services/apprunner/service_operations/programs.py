"""What instances of a version run: from an image's configuration, a request's code values or `apprunner.yaml`."""

from __future__ import annotations

import shlex

import msgspec
from msgspec.structs import replace

from understudy_aws.dataplane.tasks import TaskResult
from understudy_aws.gateway.durable_operations import StepFailedError
from understudy_aws.services.apprunner.configuration_file import configuration_file
from understudy_aws.services.apprunner.configuration_file.configuration_file import (
    ConfigurationFile,
    ConfigurationFileError,
)
from understudy_aws.services.apprunner.service_records import ServiceVersion
from understudy_aws.services.apprunner.service_settings.environments import Pairs
from understudy_aws.services.apprunner.service_settings.runtimes import BY_NAME, Runtime
from understudy_aws.services.apprunner.service_settings.sources import (
    CodeSettings,
    CodeSource,
    ImageSource,
)

CONFIGURATION_FAILED = "ConfigurationFileFailed"
_SHELL = ("/bin/sh", "-c")


class CodePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How source code is built and run."""

    language: str
    version: str
    build_commands: tuple[str, ...]
    build_environment: Pairs
    command: tuple[str, ...]
    port: int
    environment: Pairs
    secrets: Pairs


def code_plan(source: CodeSource, file: str | None, *, account: str) -> CodePlan:
    """Return how source code is built and run: as its request says, or the file in it. Raises StepFailedError."""
    if source.settings is not None:
        return _requested(source.settings)
    if file is None:
        place = source.directory.rstrip("/")
        raise StepFailedError(
            CONFIGURATION_FAILED,
            f"There is no configuration file {place}/{configuration_file.NAME} in the repository.",
        )
    try:
        return _written(configuration_file.read(file, account=account))
    except ConfigurationFileError as error:
        raise StepFailedError(CONFIGURATION_FAILED, str(error)) from error


def image_version(version: ServiceVersion, source: ImageSource, pulled: TaskResult) -> ServiceVersion:
    """Return the version that runs a pulled image. A start command replaces the image's own."""
    command: tuple[str, ...] = ()
    if source.start_command:
        try:
            command = tuple(shlex.split(source.start_command))
        except ValueError as error:
            raise StepFailedError(
                "StartCommandFailed", f"The start command cannot be read: {error}."
            ) from error
    return replace(
        version,
        image=pulled.image,
        command=command,
        port=int(source.environment.port),
        environment=source.environment.variables,
        secrets=source.environment.secrets,
    )


def source_version(
    version: ServiceVersion, plan: CodePlan, fetched: TaskResult, *, source: str
) -> ServiceVersion:
    """Return the version that runs a built source tree."""
    return replace(
        version,
        commit=fetched.commit,
        part=fetched.part,
        source=source,
        command=plan.command,
        port=plan.port,
        environment=plan.environment,
        secrets=plan.secrets,
    )


def _requested(settings: CodeSettings) -> CodePlan:
    runtime = BY_NAME[settings.runtime]
    return CodePlan(
        language=_language(runtime),
        version=runtime.version,
        build_commands=(settings.build_command,) if settings.build_command else (),
        build_environment=(),
        command=(*_SHELL, settings.start_command) if settings.start_command else (),
        port=int(settings.environment.port),
        environment=settings.environment.variables,
        secrets=settings.environment.secrets,
    )


def _written(file: ConfigurationFile) -> CodePlan:
    environment = file.variables
    if file.port_variable:
        environment = (*environment, (file.port_variable, file.port))
    return CodePlan(
        language=_language(file.runtime),
        version=file.runtime_version or file.runtime.version,
        build_commands=(*file.pre_build, *file.build, *file.post_build),
        build_environment=file.build_variables,
        command=(*_SHELL, _start_of(file)),
        port=int(file.port),
        environment=environment,
        secrets=file.secrets,
    )


def _start_of(file: ConfigurationFile) -> str:
    """Return the line that starts an application, after the commands that prepare its instance.

    Those see the variables of the build, and not the application's (apprunner-services.md 5.5).
    """
    if not file.pre_run:
        return file.command
    hidden = " ".join(shlex.quote(name) for name, _ in (*file.variables, *file.secrets))
    lines = [f"unset {hidden}"] if hidden else []
    lines += [f"export {name}={shlex.quote(value)}" for name, value in file.build_variables]
    prepared = " && ".join([*lines, *file.pre_run])
    return f"( {prepared} ) && {file.command}"


def _language(runtime: Runtime) -> str:
    """Return what a node calls a runtime's language: `python` of `python311`."""
    return runtime.keyword.rstrip("0123456789")
