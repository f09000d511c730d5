"""What callers of operations on services must be allowed to act on (apprunner.md 4.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.arn import apprunner, parse
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.services.apprunner import auto_scaling_records, connections, observability_records
from understudy_aws.services.apprunner.service_records import Service, services
from understudy_aws.services.apprunner.targets import request_tags, resource_tags
from understudy_aws.services.apprunner.vpc_connectors import vpc_connectors

Keys = dict[str, str | list[str]]


def a_new_service(call: Call, params: Params) -> Sequence[Target]:
    """Return the service to be made, and what the request has it use. With tags, `TagResource` is needed too."""
    arn = apprunner(call.region, call.account, f"service/{params['service_name']}/*")
    used = _used(call, params)
    tags = request_tags(params.get("tags") or ())
    keys = {**_used_keys(used), **tags}
    targets = [Target(arn, keys), *_used_targets(used, keys)]
    if tags:
        targets.append(Target(arn, tags, action="apprunner:TagResource"))
    return targets


def a_changed_service(call: Call, params: Params) -> Sequence[Target]:
    """Return a service, and what the request has it use. Settings that are not sent give no condition keys."""
    used = _used(call, params)
    keys = _used_keys(used)
    return [*_service_targets(call, params["service_arn"], keys), *_used_targets(used, keys)]


def a_service(call: Call, params: Params) -> Sequence[Target]:
    return _service_targets(call, params["service_arn"], {})


def find_service(call: Call, text: str) -> Service | None:
    """Return the caller's service of that ARN in the call's Region, or None; also a deleted one."""
    arn = parse(text)
    if arn is None or (arn.account, arn.region) != (call.account, call.region):
        return None
    found = services.where(call.tx, "by_arn", text)
    return found[0] if found else None


def _service_targets(call: Call, arn: str, keys: Keys) -> list[Target]:
    found = find_service(call, arn)
    return [Target(arn, {**keys, **(resource_tags(found.tags) if found is not None else {})})]


def _used(call: Call, params: Params) -> dict[str, Target]:
    """Return the resources of App Runner's that a request names, by the condition key for each."""
    authentication = _member(params.get("source_configuration"), "AuthenticationConfiguration")
    egress = _member(params.get("network_configuration"), "EgressConfiguration")
    observability = params.get("observability_configuration") or {}
    found: dict[str, Target] = {}
    if scaling := params.get("auto_scaling_configuration_arn"):
        (found["apprunner:autoscalingconfigurationarn"],) = auto_scaling_records.revisions.target(
            call, scaling
        )
    if connection := authentication.get("ConnectionArn"):
        arn = parse(connection)
        known = connections.of_arn(call.tx, arn) if arn is not None else None
        found["apprunner:connectionarn"] = Target(connection, resource_tags(known.tags) if known else {})
    if configuration := observability.get("ObservabilityConfigurationArn"):
        (found["apprunner:observabilityconfigurationarn"],) = observability_records.revisions.target(
            call, configuration
        )
    if connector := egress.get("VpcConnectorArn"):
        there = vpc_connectors.where(call.tx, "by_arn", connector)
        found["apprunner:vpcconnectorarn"] = Target(connector, resource_tags(there[0].tags) if there else {})
    return found


def _member(structure: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    return (structure or {}).get(name) or {}


def _used_keys(used: Mapping[str, Target]) -> Keys:
    return {key: target.resource for key, target in used.items()}


def _used_targets(used: Mapping[str, Target], keys: Mapping[str, str | list[str]]) -> list[Target]:
    """Return targets of what is used: with the tags of each, and everything else that the request says."""
    return [Target(target.resource, {**keys, **target.keys}) for target in used.values()]
