"""When users, groups, roles and policies were last used to access services and actions (last-accessed.md 33.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.data import service_catalogue
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.management_events import is_management_operation
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.iam import errors
from understudy_aws.services.iam.access_reports import (
    Granularity,
    Job,
    ReportedEntity,
    Use,
    job_of,
    submit,
)
from understudy_aws.services.iam.granted_services import gives_access
from understudy_aws.services.iam.listings import short_listing, sorted_listing
from understudy_aws.services.iam.reported_entities import (
    PolicyOfEntity,
    a_reported_entity,
    arn_of,
    existing,
    policies_of,
)
from understudy_aws.wire.model import load


@operation("iam:GenerateServiceLastAccessedDetails", on=a_reported_entity)
def generate_service_last_accessed_details(
    call: Call, *, arn: str, granularity: Granularity | None = None
) -> Answer:
    """Begin a report about a user, group, role or policy. Raises NoSuchEntity, InvalidInput."""
    return {"JobId": submit(call, arn_of(existing(call, arn)), granularity or "SERVICE_LEVEL")}


@operation("iam:GetServiceLastAccessedDetails", on=all_resources)
def get_service_last_accessed_details(
    call: Call, *, job_id: str, max_items: int | None = None, marker: str | None = None
) -> Answer:
    """List the services that the subject of a report gives access to, each with its last use."""
    job = job_of(call, job_id)
    uses, entities = job.uses(), job.entities()
    page = sorted_listing(
        "ServicesLastAccessed",
        job.found.services,
        lambda service: _service(job, service, uses.get(service, ()), entities),
        key=lambda service: (service,),
        scope=f"GetServiceLastAccessedDetails:{job_id}",
        max_items=max_items,
        marker=marker,
    )
    return {**job.shown(), "JobType": job.granularity, **page}


@operation("iam:GetServiceLastAccessedDetailsWithEntities", on=all_resources)
def get_service_last_accessed_details_with_entities(
    call: Call,
    *,
    job_id: str,
    service_namespace: str,
    max_items: int | None = None,
    marker: str | None = None,
) -> Answer:
    """List the users and roles that could use the subject of a report for a service, the latest use first."""
    job = job_of(call, job_id)
    _check_namespace(service_namespace)
    accessible = service_namespace in job.found.services
    entities = job.entities()
    last: dict[str, Use] = {}
    for use in job.uses().get(service_namespace, ()):
        last.setdefault(use.by, use)
    used = [entities[id] for id in last]
    others = sorted((each for each in job.found.entities if each.id not in last), key=lambda each: each.arn)
    page = short_listing(
        "EntityDetailsList",
        [*used, *others] if accessible else [],
        lambda each: {
            "EntityInfo": {
                "Arn": each.arn,
                "Name": each.name,
                "Type": each.kind,
                "Id": each.id,
                "Path": each.path,
            },
            "LastAuthenticated": last[each.id].at if each.id in last else None,
        },
        scope=f"GetServiceLastAccessedDetailsWithEntities:{job_id}:{service_namespace}",
        max_items=max_items,
        marker=marker,
    )
    return {**job.shown(), **page}


@operation("iam:ListPoliciesGrantingServiceAccess", on=a_reported_entity)
def list_policies_granting_service_access(
    call: Call, *, arn: str, service_namespaces: list[str], marker: str | None = None
) -> Answer:
    """List for each service the policies of a user, group or role that give access to it."""
    policies = policies_of(call.tx, existing(call, arn, policies_too=False))
    for namespace in service_namespaces:
        _check_namespace(namespace)
    return short_listing(
        "PoliciesGrantingServiceAccess",
        service_namespaces,
        lambda namespace: {
            "ServiceNamespace": namespace,
            "Policies": [_policy(each) for each in policies if gives_access([each.compiled], namespace)],
        },
        scope=f"ListPoliciesGrantingServiceAccess:{arn}:{','.join(service_namespaces)}",
        max_items=len(service_namespaces),
        marker=marker,
    )


def _check_namespace(namespace: str) -> None:
    """Raise InvalidInput for a service that AWS does not have."""
    found = service_catalogue.service(namespace)
    if found is None or found.prefix != namespace:
        raise errors.invalid_input(f"Invalid service namespace: {namespace}")


def _policy(policy: PolicyOfEntity) -> Mapping[str, Any]:
    if policy.arn:
        return {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}
    return {
        "PolicyName": policy.name,
        "PolicyType": "INLINE",
        "EntityType": policy.kind,
        "EntityName": policy.holder,
    }


def _service(
    job: Job, prefix: str, uses: Sequence[Use], entities: Mapping[str, ReportedEntity]
) -> Mapping[str, Any]:
    """Return a service as a report shows it; `uses` are those of the service, the latest first."""
    shown: dict[str, Any] = {
        "ServiceName": service_catalogue.name_of(prefix),
        "ServiceNamespace": prefix,
        "TotalAuthenticatedEntities": len({use.by for use in uses}),
    }
    if uses:
        shown["LastAuthenticated"] = uses[0].at
        shown["LastAuthenticatedEntity"] = entities[uses[0].by].arn
        shown["LastAuthenticatedRegion"] = uses[0].region
    if job.granularity == "ACTION_LEVEL":
        shown["TrackedActionsLastAccessed"] = _actions(prefix, uses, entities) or None
    return shown


def _actions(
    prefix: str, uses: Sequence[Use], entities: Mapping[str, ReportedEntity]
) -> list[Mapping[str, Any]]:
    """Return the tracked actions of a service; none when none of them was used (docs/decisions/0049)."""
    last: dict[str, Use] = {}
    for use in uses:
        last.setdefault(use.action, use)
    tracked = _tracked(prefix, uses[0].api) if uses else ()
    if not any(action in last for action in tracked):
        return []
    return [
        {
            "ActionName": action,
            "LastAccessedEntity": entities[last[action].by].arn,
            "LastAccessedTime": last[action].at,
            "LastAccessedRegion": last[action].region,
        }
        if action in last
        else {"ActionName": action}
        for action in tracked
    ]


def _tracked(prefix: str, api: str) -> Sequence[str]:
    """Return the actions of a service that reports tell of: its operations whose calls are management events."""
    service = service_catalogue.service(prefix)
    assert service is not None, "prefixes are the catalogue's"
    operations = load(api).operation_names
    return [
        each.name
        for each in service.actions.values()
        if each.name in operations and is_management_operation(api, each.name)
    ]
