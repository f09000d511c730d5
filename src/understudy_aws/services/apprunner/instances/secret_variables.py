"""The values of an application's secret variables, read as its instance role (apprunner-services.md 5.4)."""

from __future__ import annotations

import json

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.controller import World
from understudy_aws.gateway.durable_operations import StepFailedError
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.service_records import ServiceVersion
from understudy_aws.services.apprunner.service_settings import secret_references
from understudy_aws.services.apprunner.service_settings.secret_references import SecretReference

TASKS = "tasks.apprunner.amazonaws.com"
_INVALID = "InvalidRequestException"


def instance_session(world: World, *, role: str, source_arn: str, name: str) -> RoleSession:
    """Return a session of an instance role for a service."""
    return RoleSession(
        world.gateway, principal=TASKS, role_arn=role, session_name=name, source_arn=source_arn
    )


def fetch_secrets(world: World, version: ServiceVersion) -> tuple[tuple[str, str], ...]:
    """Return the secret variables with their values. Raises StepFailedError."""
    role = version.settings.instance.role
    if not role:
        raise StepFailedError(_INVALID, "Secrets are read with the instance role, and the service has none.")
    values = []
    with instance_session(world, role=role, source_arn=version.service, name="AppRunnerSecrets") as session:
        for name, text in version.secrets:
            reference = secret_references.read(text)
            if reference is None:
                raise StepFailedError(_INVALID, f"The value of the secret {name} isn't valid: {text}")
            try:
                values.append((name, _value(session, reference, version.region)))
            except ApiError as error:
                raise StepFailedError(
                    error.code, f"The value of the secret {name} can't be read: {error.message}"
                ) from error
            except LookupError as error:
                raise StepFailedError(_INVALID, f"The secret {name} has no such value: {error}") from error
    return tuple(values)


def _value(session: RoleSession, reference: SecretReference, region: str) -> str:
    """Return what a reference means. Raises ApiError, and LookupError for what is not in the secret."""
    region = reference.region or region
    if reference.service == secret_references.PARAMETER_STORE:
        answer = session.call(
            "ssm", "GetParameters", region=region, names=[reference.identifier], with_decryption=True
        )
        if not answer["Parameters"]:
            raise LookupError(f"there is no parameter {reference.identifier}.")
        return str(answer["Parameters"][0]["Value"])
    chosen = {"version_stage": reference.stage, "version_id": reference.version}
    answer = session.call(
        "secretsmanager",
        "GetSecretValue",
        region=region,
        secret_id=reference.identifier,
        **{name: value for name, value in chosen.items() if value},
    )
    text = answer.get("SecretString")
    if text is None:
        raise LookupError(f"{reference.identifier} holds bytes and no text.")
    return _member(text, reference.json_key) if reference.json_key else str(text)


def _member(text: str, key: str) -> str:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise LookupError("it is no JSON text.") from error
    if not isinstance(found, dict) or key not in found:
        raise LookupError(f"its JSON text has no key {key}.")
    value = found[key]
    return value if isinstance(value, str) else json.dumps(value)
