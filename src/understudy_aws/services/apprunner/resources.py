"""The kinds of resource that App Runner has here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from understudy_aws.core.arn import Arn
from understudy_aws.gateway.call import Target
from understudy_aws.gateway.references import NO_REFERENCES, Reference, References
from understudy_aws.gateway.service import RecordKind, TaggedKind
from understudy_aws.services.apprunner import (
    auto_scaling_records,
    connections,
    ingress_connection_records,
    observability_records,
)
from understudy_aws.services.apprunner.auto_scaling_records import (
    AUTO_SCALING_DEFAULT_REFERENCES,
    DefaultAutoScaling,
    auto_scaling_defaults,
)
from understudy_aws.services.apprunner.linked_roles import MANAGEMENT
from understudy_aws.services.apprunner.service_records import (
    Service,
    ServiceInstance,
    service_instances,
    services,
)
from understudy_aws.services.apprunner.service_uses import SERVICE_USE_REFERENCES, service_uses
from understudy_aws.services.apprunner.targets import resource_tags
from understudy_aws.services.apprunner.vpc_connectors import (
    CONNECTOR_REFERENCES,
    VpcConnector,
    vpc_connectors,
)
from understudy_aws.services.iam.references import identifier_of_linked_role
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table

R = TypeVar("R", bound=Record)


def _connector(tx: Transaction, arn: Arn) -> VpcConnector | None:
    """Return a connector, or a deleted one that is still described."""
    found = vpc_connectors.where(tx, "by_arn", str(arn))
    return found[0] if found else None


def _service(tx: Transaction, arn: Arn) -> Service | None:
    """Return a service, or a deleted one that is still described."""
    found = services.where(tx, "by_arn", str(arn))
    return found[0] if found else None


def _kind(
    name: str,
    table: Table[Any],
    find: Callable[[Transaction, Arn], Any],
    deleted_by: str,
    references: References = NO_REFERENCES,
) -> TaggedKind[Any]:
    """Return a kind whose records have an ARN and tags."""

    def set_tags(tx: Transaction, record: Any, tags: Mapping[str, str]) -> None:
        table.put(tx, replace(record, tags=tuple(tags.items())))

    return TaggedKind(
        name=name,
        table=table,
        find=find,
        target=lambda record: Target(record.arn, resource_tags(record.tags)),
        references=references,
        deleted_by=deleted_by,
        tags=lambda record: dict(record.tags),
        set_tags=set_tags,
    )


SERVICE_REFERENCES: References = (
    Reference(
        "works by",
        lambda service: (
            (identifier_of_linked_role(service.account, MANAGEMENT),) if service.deleted is None else ()
        ),
        holds=True,
        shown=True,
    ),
)

RESOURCES: tuple[TaggedKind[Any], ...] = (
    _kind("vpcconnector", vpc_connectors, _connector, "DeleteVpcConnector", CONNECTOR_REFERENCES),
    _kind(
        auto_scaling_records.KIND,
        auto_scaling_records.auto_scaling_configurations,
        auto_scaling_records.revisions.of_arn,
        "DeleteAutoScalingConfiguration",
    ),
    _kind(
        observability_records.ObservabilityConfiguration.KIND,
        observability_records.observability_configurations,
        observability_records.revisions.of_arn,
        "DeleteObservabilityConfiguration",
    ),
    _kind("connection", connections.connections, connections.of_arn, "DeleteConnection"),
    _kind("service", services, _service, "DeleteService", SERVICE_REFERENCES),
    _kind(
        "vpcingressconnection",
        ingress_connection_records.vpc_ingress_connections,
        ingress_connection_records.of_arn,
        "DeleteVpcIngressConnection",
        ingress_connection_records.INGRESS_CONNECTION_REFERENCES,
    ),
)


# An instance and its service, and its interface and it, go together.
INSTANCE_REFERENCES: References = (
    Reference(
        "is an instance of",
        lambda instance: (instance.service,),
        index="by_service",
        goes_with=True,
        shown=True,
    ),
    Reference("has", lambda instance: (instance.interface,), index="by_interface", holds=True, owns=True),
)


def _instance_id(instance: ServiceInstance) -> str:
    return instance.id


def _default_name(default: DefaultAutoScaling) -> str:
    return f"of {default.account} in {default.region}"


PARTS: tuple[RecordKind[Any], ...] = (
    # A service by its use of a resource.
    RecordKind(
        name="service",
        table=service_uses,
        references=SERVICE_USE_REFERENCES,
        deleted_by="",
        identifier=lambda use: use.service,
    ),
    RecordKind(
        name="instance",
        table=service_instances,
        references=INSTANCE_REFERENCES,
        # App Runner retires it when its service is paused, updated or deleted, or needs fewer.
        deleted_by="",
        identifier=_instance_id,
    ),
    RecordKind(
        name="default-auto-scaling",
        table=auto_scaling_defaults,
        references=AUTO_SCALING_DEFAULT_REFERENCES,
        # It is there always, and takes another configuration from then on.
        deleted_by="UpdateDefaultAutoScalingConfiguration",
        identifier=_default_name,
    ),
)
