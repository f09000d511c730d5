"""The values of a service's secret environment variables, read as its instance role (apprunner-services.md 5.4).

No value is in an error, in the trail or in a log. An error says which variable and which reference it is about.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.denials import statement_that_denied
from understudy_aws.services.apprunner.errors import invalid_request
from understudy_aws.services.apprunner.service_settings.secret_references import (
    PARAMETER_STORE,
    SecretReference,
    read,
)

TASKS = "tasks.apprunner.amazonaws.com"


def instance_session(gateway: Gateway, *, role_arn: str, service_arn: str) -> RoleSession:
    """Return a session of an instance role, for a service; leave its `with` block when the values are read."""
    return RoleSession(
        gateway,
        principal=TASKS,
        role_arn=role_arn,
        session_name="AppRunnerInstance",
        source_arn=service_arn,
    )


def secret_values(
    gateway: Gateway, role: RoleSession, references: Mapping[str, str], *, account: str, region: str
) -> dict[str, str]:
    """Return the value of each variable, by what it refers to, as the session of a role reads it.

    `account` and `region` are the service's. Raises the ApiError of the service that was asked, or of the role that
    cannot be assumed, with a text that says which variable cannot be had and what decided that.
    """
    read_before: dict[str, str] = {}
    values: dict[str, str] = {}
    for variable, text in references.items():
        if text not in read_before:
            try:
                read_before[text] = _value(role, text, account, region)
            except ApiError as error:
                raise _named(gateway, error, variable, text) from error
        values[variable] = read_before[text]
    return values


def _value(role: RoleSession, text: str, account: str, region: str) -> str:
    reference = read(text)
    if reference is None:
        raise invalid_request("It is no ARN of a secret or a parameter, and no name of a parameter.")
    if reference.service == PARAMETER_STORE:
        value = _parameter(role, reference, account, region)
    else:
        value = _secret(role, reference, region)
    if "\0" in value:
        raise invalid_request("Its value has a null character, which no environment variable can have.")
    return value


def _parameter(role: RoleSession, reference: SecretReference, account: str, region: str) -> str:
    if reference.account not in {"", account}:
        raise invalid_request("Parameters of other accounts cannot be used.")
    answer = role.call(
        "ssm",
        "GetParameters",
        region=reference.region or region,
        names=[reference.identifier],
        with_decryption=True,
    )
    found = answer["Parameters"]
    if not found:
        raise ApiError("ParameterNotFound", "There is no such parameter.")
    return str(found[0]["Value"])


def _secret(role: RoleSession, reference: SecretReference, region: str) -> str:
    wanted: dict[str, Any] = {"secret_id": reference.identifier}
    if reference.stage:
        wanted["version_stage"] = reference.stage
    if reference.version:
        wanted["version_id"] = reference.version
    answer = role.call("secretsmanager", "GetSecretValue", region=reference.region or region, **wanted)
    value = answer.get("SecretString")
    if value is None:
        raise invalid_request("The secret has bytes and no text.")
    return _of_key(str(value), reference.json_key) if reference.json_key else str(value)


def _of_key(text: str, key: str) -> str:
    """Return what a secret's JSON has under a key: a text as it is, anything else as JSON."""
    try:
        keys = json.loads(text)
    except ValueError:
        keys = None
    if not isinstance(keys, dict):
        raise invalid_request("The secret's text is no JSON object, so that it has no keys.")
    if key not in keys:
        raise invalid_request(f"The secret's JSON has no key {key}.")
    value = keys[key]
    return value if isinstance(value, str) else json.dumps(value)


def _named(gateway: Gateway, error: ApiError, variable: str, text: str) -> ApiError:
    said = f"The value of {variable} cannot be read from {text}. {error.message}"
    return ApiError(
        error.code,
        f"{said.rstrip('. ')}.{statement_that_denied(gateway, error)}",
        error.status,
        detail=error.detail,
    )
