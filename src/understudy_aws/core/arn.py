"""Amazon Resource Names."""

from __future__ import annotations

import re
from typing import NamedTuple

PARTITION = "aws"


class Arn(NamedTuple):
    """The parts of an ARN: `arn:partition:service:region:account:resource`."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


_KIND = re.compile("[^/:]*")


def kind_of(resource: str) -> str:
    """Return the word for the kind of a resource in an ARN: `vpc` of `vpc/vpc-1`, `log-group` of `log-group:name`."""
    found = _KIND.match(resource)
    assert found is not None, "it matches the empty text"
    return found[0]


def parse(text: str) -> Arn | None:
    """Return the parts of an ARN, or None for a text that is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])


def account_in(text: str) -> str:
    """Return the account id in an ARN; "" for an ARN without one (`arn:aws:s3:::bucket`) and for any other text."""
    parts = text.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdecimal() and parts[0] == "arn" else ""


def iam(account: str, resource: str) -> str:
    """An IAM entity's ARN; `resource` such as `role/path/name`, the path's slashes included."""
    return f"arn:{PARTITION}:iam::{account}:{resource}"


def sts(account: str, resource: str) -> str:
    """An STS session's ARN; `resource` such as `assumed-role/name/session`."""
    return f"arn:{PARTITION}:sts::{account}:{resource}"


def ec2(region: str, account: str, resource: str) -> str:
    """An EC2 resource's ARN; `resource` such as `vpc/vpc-0…` or `vpc/*`."""
    return f"arn:{PARTITION}:ec2:{region}:{account}:{resource}"


def organizations(account: str, resource: str) -> str:
    """The ARN of something of an organization's, under its management account; `resource` such as `root/o-…/r-…`."""
    return f"arn:{PARTITION}:organizations::{account}:{resource}"


def apprunner(region: str, account: str, resource: str) -> str:
    """An App Runner resource's ARN; `resource` such as `vpcconnector/name/1/id`."""
    return f"arn:{PARTITION}:apprunner:{region}:{account}:{resource}"


def access_analyzer(region: str, account: str, resource: str) -> str:
    """An Access Analyzer resource's ARN; `resource` such as `analyzer/name`."""
    return f"arn:{PARTITION}:access-analyzer:{region}:{account}:{resource}"
