"""The records of parameters and of their versions."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.arn import PARTITION
from understudy_aws.store.tables import Record, Table

STRING, STRING_LIST, SECURE = "String", "StringList", "SecureString"
STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
OWN_KEY = "alias/aws/ssm"


class Parameter(Record, frozen=True, kw_only=True):
    """A parameter without its values. `version` is the number of its newest."""

    account: str
    region: str
    name: str
    version: int
    tier: str = STANDARD
    tags: tuple[tuple[str, str], ...] = ()
    policy: str = ""
    policy_id: str = ""

    @property
    def arn(self) -> str:
        return arn_of(self.account, self.region, self.name)


class ParameterVersion(Record, frozen=True, kw_only=True):
    """One value of a parameter, with what was said of it. It never changes; its labels do.

    `seal` is what a SecureString shows in the place of its value unless it is asked for.
    """

    account: str
    region: str
    name: str
    number: int
    type: str
    value: str
    modified: datetime
    user: str
    tier: str = STANDARD
    data_type: str = "text"
    description: str = ""
    pattern: str = ""
    seal: str = ""
    labels: tuple[str, ...] = ()


def arn_of(account: str, region: str, name: str) -> str:
    """Return the ARN of a name; a slash at its beginning is not told (parameters.md 23.1)."""
    return f"arn:{PARTITION}:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"


parameters = Table(
    "ssm/parameter",
    Parameter,
    key=lambda record: (record.account, record.region, record.name),
    indexes={"tier": lambda record: ((record.account, record.region, record.tier),)},
)
# Numbers are written with as many digits, so that the oldest comes first.
parameter_versions = Table(
    "ssm/version",
    ParameterVersion,
    key=lambda record: (record.account, record.region, record.name, f"{record.number:012d}"),
)
