"""What is told of a version of a parameter, with its value or what stands for it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from understudy_aws.services.ssm.records import OWN_KEY, SECURE, Parameter, ParameterVersion

# The texts that KMS makes begin so, and are longer than what they hold.
_HEAD = b"\x01\x02\x02\x00\x78"
_MORE = 150


def told(
    parameter: Parameter, version: ParameterVersion, selector: str, *, decrypted: bool
) -> dict[str, Any]:
    """Return a parameter as those see it who read it."""
    return {
        "Name": parameter.name,
        "Type": version.type,
        "Value": shown_value(version, decrypted=decrypted),
        "Version": version.number,
        "Selector": f":{selector}" if selector else None,
        "LastModifiedDate": version.modified,
        "ARN": parameter.arn,
        "DataType": version.data_type,
    }


def described(version: ParameterVersion) -> dict[str, Any]:
    """Return what lists tell of a version, which is never its value."""
    return {
        "Name": version.name,
        "Type": version.type,
        "KeyId": OWN_KEY if version.type == SECURE else None,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": version.user,
        "Description": version.description or None,
        "AllowedPattern": version.pattern or None,
        "Version": version.number,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    }


def shown_value(version: ParameterVersion, *, decrypted: bool) -> str:
    """Return the value; of a SecureString that is not asked for decrypted, a text that says nothing of it."""
    if version.type != SECURE or decrypted:
        return version.value
    length = len(version.value.encode()) + _MORE
    return base64.b64encode(_HEAD + hashlib.shake_256(version.seal.encode()).digest(length)).decode()
