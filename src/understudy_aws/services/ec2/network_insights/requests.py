"""CreateNetworkInsightsPath and DeleteNetworkInsightsPath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.arn import Arn, ec2
from understudy_aws.core.arn import parse as parse_arn
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.parameters import check_addresses
from understudy_aws.services.ec2.api.tag_specifications import TagSpecifications, tags_for
from understudy_aws.services.ec2.api.targets import a_new, unknown
from understudy_aws.services.ec2.network_insights.analyses import network_insights_analyses
from understudy_aws.services.ec2.network_insights.records import (
    NetworkInsightsPath,
    PacketFilter,
    PathEnd,
    Ports,
    described_path,
    find_path,
    network_insights_paths,
    target_of_path,
)
from understudy_aws.services.ec2.resources import RESOURCES, Ec2Resource

# Reachability Analyzer guide, "Quotas": of an account in a Region.
PATHS = 1000
# EC2 API reference, CreateNetworkInsightsPath: what a path can begin or end at, as far as it is here.
_KINDS = ("internet-gateway", "network-interface", "vpc-endpoint", "vpc-peering-connection")
# What else it can begin or end at. There is none here.
_ABSENT = {
    "i": ("InvalidInstanceID.NotFound", "The instance ID '{}' does not exist"),
    "tgw": ("InvalidTransitGatewayID.NotFound", "Transit Gateway {} was deleted or does not exist."),
    "vgw": ("InvalidVpnGatewayID.NotFound", "The vpnGateway ID '{}' does not exist"),
}
PacketFilterRequest = Mapping[str, Any] | None


def a_new_path(call: Call, params: Params) -> Sequence[Target]:
    """Return the targets of making a path: it, its tags, and the resources of the caller's own at its ends."""
    targets = a_new(call, params, "network-insights-path")
    for given in (params.get("source"), params.get("destination")):
        if given:
            targets.extend(_targets_of(call, given))
    return targets


def a_path(call: Call, params: Params) -> Sequence[Target]:
    """Return the path that the request names."""
    return [target_of_path(call, params["network_insights_path_id"])]


@operation("ec2:CreateNetworkInsightsPath", on=a_new_path)
def create_network_insights_path(
    call: Call,
    *,
    source: str,
    protocol: str,
    client_token: str,  # noqa: ARG001 - the pipeline answers a repeated one
    source_ip: str | None = None,
    destination_ip: str | None = None,
    destination: str | None = None,
    destination_port: int | None = None,
    tag_specifications: TagSpecifications = None,
    filter_at_source: PacketFilterRequest = None,
    filter_at_destination: PacketFilterRequest = None,
) -> Answer:
    """Make a path from a resource to another one, or to an address."""
    tags = tags_for("network-insights-path", tag_specifications)
    check_addresses(source_ip, destination_ip)
    if filter_at_source:
        _alone("FilterAtSource", SourceIp=source_ip, DestinationPort=destination_port)
    if filter_at_destination:
        _alone("FilterAtDestination", DestinationIp=destination_ip)
    at_source, at_destination = _filter_in(filter_at_source), _filter_in(filter_at_destination)
    if not destination and (at_source is None or not at_source.destination):
        raise errors.missing_choice(
            "The request must include either the Destination parameter or the FilterAtSource.DestinationAddress "
            "parameter. Add the required parameter and retry the request."
        )
    ends = [_end(call, given) if given else PathEnd() for given in (source, destination)]
    if network_insights_paths.count(call.tx, call.account, call.region) >= PATHS:
        raise errors.limit("NetworkInsightsPath.LimitExceeded", "network insights paths")
    path = network_insights_paths.put(
        call.tx,
        NetworkInsightsPath(
            account=call.account,
            region=call.region,
            id=call.ids.ec2("nip"),
            created=call.at,
            source=ends[0],
            destination=ends[1],
            protocol=protocol,
            source_ip=source_ip or "",
            destination_ip=destination_ip or "",
            destination_port=destination_port,
            at_source=at_source,
            at_destination=at_destination,
            tags=tags,
        ),
    )
    return {"NetworkInsightsPath": described_path(path)}


@operation("ec2:DeleteNetworkInsightsPath", on=a_path)
def delete_network_insights_path(call: Call, *, network_insights_path_id: str) -> Answer:
    """Delete a path that has no analyses. Raises AnalysisExistsForNetworkInsightsPath."""
    path = find_path(call, network_insights_path_id)
    if network_insights_analyses.count_where(call.tx, "path", path.id):
        raise ApiError(
            "AnalysisExistsForNetworkInsightsPath",
            f"The networkInsightsPath ID '{path.id}' has analyses, which must be deleted first",
        )
    network_insights_paths.delete(call.tx, path)
    return {"NetworkInsightsPathId": path.id}


def _alone(name: str, **others: Any) -> None:
    """Raise InvalidParameterCombination for what a packet filter says already."""
    for other, value in others.items():
        if value is not None:
            raise errors.combination(name, other)


def _kind(id: str) -> Ec2Resource[Any] | None:
    prefix = id.partition("-")[0]
    return next((kind for kind in RESOURCES if kind.id_prefix == prefix and kind.name in _KINDS), None)


def _targets_of(call: Call, given: str) -> list[Target]:
    """Return the target of a resource at an end, named by its id or ARN, if it is the caller's own."""
    arn = parse_arn(given)
    if arn is not None and (arn.account, arn.region) != (call.account, call.region):
        return []
    id = arn.resource.partition("/")[2] if arn is not None else given
    kind = _kind(id)
    if kind is None:
        return []
    record = kind.find_by_id(call, id)
    return [kind.target(record) if record is not None else unknown(call, kind.name, id)]


def _end(call: Call, given: str) -> PathEnd:
    """Return an end, named by an id, or by an ARN which may be of another account. The resource must exist."""
    arn = parse_arn(given)
    id = arn.resource.partition("/")[2] if arn is not None else given
    kind = _kind(id)
    if kind is None:
        absent = _ABSENT.get(id.partition("-")[0])
        raise ApiError(absent[0], absent[1].format(id)) if absent else errors.invalid_id(given)
    if arn is None or (arn.account, arn.region) == (call.account, call.region):
        kind.existing(call, id)
        return PathEnd(id=id, arn=ec2(call.region, call.account, f"{kind.name}/{id}"))
    if arn.service != "ec2" or arn.region != call.region or kind.find(call.tx, _named(arn, kind, id)) is None:
        raise errors.invalid_id(given)
    return PathEnd(id=id, arn=given)


def _named(arn: Arn, kind: Ec2Resource[Any], id: str) -> Arn:
    return arn._replace(resource=f"{kind.name}/{id}")


def _filter_in(given: PacketFilterRequest) -> PacketFilter | None:
    if not given:
        return None
    check_addresses(given.get("SourceAddress"), given.get("DestinationAddress"))
    return PacketFilter(
        source=given.get("SourceAddress") or "",
        source_ports=_ports_in(given.get("SourcePortRange")),
        destination=given.get("DestinationAddress") or "",
        destination_ports=_ports_in(given.get("DestinationPortRange")),
    )


def _ports_in(given: Mapping[str, Any] | None) -> Ports | None:
    if not given:
        return None
    first, last = given.get("FromPort"), given.get("ToPort")
    if first is None or last is None:
        raise errors.missing("ToPort" if last is None else "FromPort")
    if first > last:
        raise errors.invalid_value(f"{first}-{last}", "PortRange", "The first port comes after the last.")
    return first, last
