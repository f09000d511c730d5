"""boto3, and one sentence where it is missing."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from understudy_aws.core.errors import UserError


@cache
def session() -> Any:
    """Return the boto3 session of all clients of this process: loading API descriptions is what costs time.

    Raises UserError when boto3 is not installed.
    """
    try:
        boto3 = import_module("boto3")
    except ModuleNotFoundError as missing:
        if missing.name != "boto3":
            raise
        raise UserError(
            "boto3 is not installed, and the clients of a test are made with it: pip install 'understudy-aws[testing]'"
        ) from missing
    return boto3.Session()
