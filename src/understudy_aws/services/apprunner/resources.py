"""The kinds of resource that App Runner has here."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from understudy_aws.core.arn import Arn
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.apprunner.targets import resource_tags
from understudy_aws.services.apprunner.vpc_connectors import (
    CONNECTOR_REFERENCES,
    CONNECTOR_USE_REFERENCES,
    ConnectorUse,
    VpcConnector,
    connector_uses,
    vpc_connectors,
)
from understudy_aws.store.database import Transaction


def _find(tx: Transaction, arn: Arn) -> VpcConnector | None:
    """Return a connector, or a deleted one that is still described."""
    found = vpc_connectors.where(tx, "by_arn", str(arn))
    return found[0] if found else None


def _set_tags(tx: Transaction, connector: VpcConnector, tags: Mapping[str, str]) -> None:
    vpc_connectors.put(tx, replace(connector, tags=tuple(tags.items())))


RESOURCES: tuple[TaggedKind[VpcConnector], ...] = (
    TaggedKind(
        name="vpcconnector",
        table=vpc_connectors,
        find=_find,
        target=lambda connector: Target(connector.arn, resource_tags(connector.tags)),
        references=CONNECTOR_REFERENCES,
        deleted_by="DeleteVpcConnector",
        tags=lambda connector: dict(connector.tags),
        set_tags=_set_tags,
    ),
)

PARTS: tuple[RecordKind[ConnectorUse], ...] = (
    # A service by its use of a connector.
    RecordKind(
        name="service",
        table=connector_uses,
        references=CONNECTOR_USE_REFERENCES,
        deleted_by="",
        identifier=lambda use: use.service,
    ),
)
