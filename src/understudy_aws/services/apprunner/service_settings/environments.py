"""The environment of an application: its port, its variables, and where the values of secret ones come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.service_settings import secret_references

DEFAULT_PORT = "8080"
# App Runner sets it itself (apprunner-services.md 5.4).
PORT = "PORT"
RESERVED_PREFIX = "AWSAPPRUNNER"

Pairs = tuple[tuple[str, str], ...]


class Environment(msgspec.Struct, frozen=True, omit_defaults=True):
    """The port that an application listens at, its variables, and references to the values of its secret variables."""

    port: str = DEFAULT_PORT
    variables: Pairs = ()
    secrets: Pairs = ()


def environment(
    *,
    port: str | None,
    variables: Mapping[str, str] | None,
    secrets: Mapping[str, str] | None,
    account: str,
) -> Environment:
    """Return the environment that a request of this account asks for, or raise."""
    if port is not None and not is_port(port):
        raise errors.invalid_request(f"The port {port} isn't valid. Specify a number between 1 and 65535.")
    refusal = refusal_of_names(variables or {}, secrets or {})
    if refusal:
        raise errors.invalid_request(refusal)
    for name, reference in (secrets or {}).items():
        refusal = refusal_of_secret(name, reference, account)
        if refusal:
            raise errors.invalid_request(refusal)
    return Environment(port or DEFAULT_PORT, tuple((variables or {}).items()), tuple((secrets or {}).items()))


def is_port(text: str) -> bool:
    """Return whether a text is the number of a port."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535


def refusal_of_name(name: str) -> str:
    """Return why no variable can have this name; empty for one that can."""
    if name == PORT:
        return f"The environment variable {PORT} is reserved. Use the port setting instead."
    if name.startswith(RESERVED_PREFIX):
        return f"Environment variables with the prefix {RESERVED_PREFIX} are reserved: {name}."
    if not name or "=" in name or "\0" in name:
        return f"The environment variable name {name!r} isn't valid."
    return ""


def refusal_of_names(variables: Iterable[str], secrets: Iterable[str]) -> str:
    """Return why these cannot be the names of an application's variables and secrets; empty if they can."""
    variables, secrets = list(variables), list(secrets)
    for name in (*variables, *secrets):
        refusal = refusal_of_name(name)
        if refusal:
            return refusal
    twice = sorted(set(variables) & set(secrets))
    return f"A name can't be both an environment variable and a secret: {', '.join(twice)}." if twice else ""


def refusal_of_secret(name: str, reference: str, account: str) -> str:
    """Return why a secret variable cannot have this reference; empty if it can."""
    found = secret_references.read(reference)
    if found is None:
        return (
            f"The value of the secret {name} isn't valid. Specify the ARN of a Secrets Manager secret, or the ARN or "
            f"name of a Systems Manager parameter: {reference}"
        )
    if found.service == secret_references.PARAMETER_STORE and found.account not in {"", account}:
        return f"The secret {name} refers to a Systems Manager parameter of another account: {reference}"
    return ""
