"""Where the value of a secret environment variable comes from (apprunner-services.md 5.4)."""

from __future__ import annotations

import re

import msgspec

from understudy_aws.core.arn import Arn, parse

SECRETS_MANAGER = "secretsmanager"
PARAMETER_STORE = "ssm"
LONGEST = 2048

_PARAMETER_NAME = re.compile(r"[A-Za-z0-9_./-]{1,1011}")
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]{1,512}")


class SecretReference(msgspec.Struct, frozen=True):
    """A secret of Secrets Manager or a parameter of Systems Manager's Parameter Store.

    service     `secretsmanager` or `ssm`
    identifier  what the service is asked for: the ARN without what follows it, or a parameter's name
    account     the account in the ARN; empty for a name
    region      the Region in the ARN; empty for a name
    json_key    of a secret: the key in its JSON text whose value is meant, empty for the whole text
    stage       of a secret: the stage of its version, empty for the current one
    version     of a secret: the id of its version
    """

    service: str
    identifier: str
    account: str = ""
    region: str = ""
    json_key: str = ""
    stage: str = ""
    version: str = ""


def read(text: str) -> SecretReference | None:
    """Return what a reference means, or None for a text that is none."""
    if not text or len(text) > LONGEST:
        return None
    if not text.startswith("arn:"):
        return SecretReference(PARAMETER_STORE, text) if _PARAMETER_NAME.fullmatch(text) else None
    arn = parse(text)
    if arn is None or not arn.region or not (arn.account.isdecimal() and len(arn.account) == 12):
        return None
    return _of_parameter(arn) if arn.service == PARAMETER_STORE else _of_secret(arn)


def _of_parameter(arn: Arn) -> SecretReference | None:
    kind, _, name = arn.resource.partition("/")
    if kind != "parameter" or not _PARAMETER_NAME.fullmatch(name):
        return None
    return SecretReference(PARAMETER_STORE, str(arn), arn.account, arn.region)


def _of_secret(arn: Arn) -> SecretReference | None:
    kind, *rest = arn.resource.split(":")
    if arn.service != SECRETS_MANAGER or kind != "secret" or len(rest) not in {1, 4}:
        return None
    name, json_key, stage, version = (*rest, "", "", "")[:4]
    if not _SECRET_NAME.fullmatch(name) or (stage and version):
        return None
    whole = str(arn._replace(resource=f"secret:{name}"))
    return SecretReference(SECRETS_MANAGER, whole, arn.account, arn.region, json_key, stage, version)
