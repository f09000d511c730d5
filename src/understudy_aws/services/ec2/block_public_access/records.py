"""The records of VPC Block Public Access, and the mode that follows from them (vpcs.md 8.6)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.expiry import Expiry
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

OFF, BIDIRECTIONAL, INGRESS = "off", "block-bidirectional", "block-ingress"
MODES = (OFF, BIDIRECTIONAL, INGRESS)
ALLOW_BIDIRECTIONAL, ALLOW_EGRESS = "allow-bidirectional", "allow-egress"
EXCLUSION_MODES = (ALLOW_BIDIRECTIONAL, ALLOW_EGRESS)
# How long one that was deleted is described; AWS does so for a time that it does not tell.
SHOWN_AFTERWARDS = timedelta(hours=1)


class PublicAccessOptions(Record, frozen=True, kw_only=True):
    """The mode of an account in a Region, which was changed at `updated` and is in force from `ready` on."""

    account: str
    region: str
    mode: str
    updated: datetime
    ready: datetime


class Exclusion(Record, frozen=True, kw_only=True):
    """A VPC or subnet (`resource`) for which the account's mode does not hold.

    `ready` is when what was asked for last is done: the creation, the change at `updated` or the deletion at `deleted`.
    """

    account: str
    region: str
    id: str
    resource: str
    mode: str
    created: datetime
    ready: datetime
    updated: datetime | None = None
    deleted: datetime | None = None
    tags: dict[str, str] = {}


public_access_options = Table(
    "ec2/vpc-block-public-access-options",
    PublicAccessOptions,
    key=lambda options: (options.account, options.region),
)

exclusions = Table(
    "ec2/vpc-block-public-access-exclusion",
    Exclusion,
    key=lambda exclusion: (exclusion.account, exclusion.region, exclusion.id),
    indexes={
        # Those that hold: a deleted one is only described.
        "resource": lambda exclusion: (exclusion.resource,) if exclusion.deleted is None else (),
        "place": lambda exclusion: (
            ((exclusion.account, exclusion.region),) if exclusion.deleted is None else ()
        ),
    },
    ordered={"deleted": lambda exclusion: exclusion.deleted},
)

EXCLUSION_REFERENCES: References = (
    # It ends with its VPC or subnet.
    Reference(
        "is for",
        lambda exclusion: (exclusion.resource,) if exclusion.deleted is None else (),
        index="resource",
    ),
)

deleted_exclusions = Expiry("deleted exclusions", exclusions, "deleted", kept_for=SHOWN_AFTERWARDS)


def block_mode(tx: Transaction, account: str, region: str, *resources: str) -> str:
    """Return the mode for a VPC, or for a subnet and its VPC: the first that has an exclusion decides."""
    options = public_access_options.get(tx, account, region)
    if options is None or options.mode == OFF:
        return OFF
    for resource in resources:
        for exclusion in exclusions.where(tx, "resource", resource):
            if exclusion.mode == ALLOW_BIDIRECTIONAL:
                return OFF
            return INGRESS
    return options.mode


def drop_exclusions(tx: Transaction, resource: str, now: datetime) -> None:
    """Delete the exclusions of a VPC or subnet that is being deleted."""
    for exclusion in exclusions.where(tx, "resource", resource):
        exclusions.put(tx, replace(exclusion, deleted=now, ready=now))


def state_of(exclusion: Exclusion, now: datetime) -> str:
    """Return the state of an exclusion at a time."""
    did = "delete" if exclusion.deleted else "update" if exclusion.updated else "create"
    return f"{did}-{'complete' if exclusion.ready <= now else 'in-progress'}"


def resource_arn(exclusion: Exclusion) -> str:
    """Return the ARN of the VPC or subnet of an exclusion."""
    kind = exclusion.resource.partition("-")[0]
    return ec2(exclusion.region, exclusion.account, f"{kind}/{exclusion.resource}")


def find_exclusion(call: Call, id: str) -> Exclusion:
    """Return the exclusion of this id. Raises InvalidVpcBlockPublicAccessExclusionId.NotFound."""
    found = exclusions.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("vpcbpa-exclude", id)
    return found


def described_exclusion(exclusion: Exclusion, now: datetime) -> dict[str, Any]:
    """Return an exclusion as answers describe it."""
    times = (exclusion.created, exclusion.updated, exclusion.deleted)
    shown: dict[str, Any] = {
        "ExclusionId": exclusion.id,
        "InternetGatewayExclusionMode": exclusion.mode,
        "ResourceArn": resource_arn(exclusion),
        "State": state_of(exclusion, now),
        "CreationTimestamp": exclusion.created,
        "LastUpdateTimestamp": max(time for time in times if time is not None),
        "Tags": tag_set(exclusion.tags),
    }
    if exclusion.deleted is not None:
        shown["DeletionTimestamp"] = exclusion.deleted
    return shown


@memoized
def exclusion_target(exclusion: Exclusion) -> Target:
    """Return an exclusion's ARN and the condition keys that policies see of it."""
    arn = ec2(exclusion.region, exclusion.account, f"vpc-block-public-access-exclusion/{exclusion.id}")
    return Target(arn, resource_tags(exclusion.tags))
