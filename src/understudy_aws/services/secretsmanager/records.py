"""The records of secrets and of their versions."""

from __future__ import annotations

from datetime import datetime, timedelta

from understudy_aws.core.arn import PARTITION
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.store.tables import Record, Table

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"
PENDING = "AWSPENDING"


class Secret(Record, frozen=True, kw_only=True):
    """A secret without its values. `suffix` are the six characters that Secrets Manager puts after the name in ARNs.

    `deleted` is when a secret that was deleted is gone for good. `accessed` is the day its value was last read.
    """

    account: str
    region: str
    name: str
    suffix: str
    created: datetime
    changed: datetime
    accessed: datetime | None = None
    deleted: datetime | None = None
    description: str = ""
    policy: str = ""
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def arn(self) -> str:
        resource = f"secret:{self.name}-{self.suffix}"
        return f"arn:{PARTITION}:secretsmanager:{self.region}:{self.account}:{resource}"


class SecretVersion(Record, frozen=True, kw_only=True):
    """One value of a secret, a text or bytes. It never changes; its staging labels do.

    `deleted` is when it goes with its secret.
    """

    account: str
    region: str
    secret: str
    suffix: str
    id: str
    created: datetime
    text: str | None = None
    binary: bytes | None = None
    stages: tuple[str, ...] = ()
    accessed: datetime | None = None
    deleted: datetime | None = None


secrets = Table(
    "secretsmanager/secret",
    Secret,
    key=lambda record: (record.account, record.region, record.name),
    ordered={"deleted": lambda record: record.deleted},
)
secret_versions = Table(
    "secretsmanager/version",
    SecretVersion,
    key=lambda record: (record.account, record.region, record.secret, record.suffix, record.id),
    ordered={"deleted": lambda record: record.deleted},
)
# What was deleted is gone when its recovery window has passed.
deleted_secrets = Expiry("deleted secrets", secrets, "deleted", kept_for=timedelta())
deleted_secret_versions = Expiry(
    "versions of deleted secrets", secret_versions, "deleted", kept_for=timedelta()
)
