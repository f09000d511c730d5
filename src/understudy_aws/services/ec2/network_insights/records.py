"""Paths of Reachability Analyzer: the record and DescribeNetworkInsightsPaths (network-insights.md 14.1)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import MappingProxyType
from typing import Any

from understudy_aws.core.answers import Answer, Description
from understudy_aws.core.arn import ec2
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api.filters import FilterTable, Values
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.listings import Filters, select
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import resource_tags, unknown
from understudy_aws.store.tables import Record, Table, memoized

Ports = tuple[int, int]


class PacketFilter(Record, frozen=True, kw_only=True):
    """Which packets are looked at, at one end of a path. An empty text or None stands for any."""

    source: str = ""
    source_ports: Ports | None = None
    destination: str = ""
    destination_ports: Ports | None = None


class PathEnd(Record, frozen=True, kw_only=True):
    """One end of a path: the id and the ARN of a resource; both are empty for a path to an address alone."""

    id: str = ""
    arn: str = ""


class NetworkInsightsPath(Record, frozen=True, kw_only=True):
    """A path from one resource to another, or to an address. Its ends may be deleted; it stays."""

    account: str
    region: str
    id: str
    created: datetime
    source: PathEnd
    protocol: str
    destination: PathEnd = PathEnd()
    source_ip: str = ""
    destination_ip: str = ""
    destination_port: int | None = None
    at_source: PacketFilter | None = None
    at_destination: PacketFilter | None = None
    tags: dict[str, str] = {}


def _ends(path: NetworkInsightsPath) -> list[str]:
    return [end.id for end in (path.source, path.destination) if end.id]


network_insights_paths = Table(
    "ec2/network-insights-path",
    NetworkInsightsPath,
    key=lambda path: (path.account, path.region, path.id),
    indexes={"end": _ends},
)

PATH_REFERENCES: References = (Reference("is a path between", _ends, index="end", may_dangle=True),)


def _filtered(name: str, field: str) -> Values:
    def values(path: NetworkInsightsPath) -> Iterable[str]:
        found = getattr(path, name)
        value = getattr(found, field) if found is not None else None
        if not value:
            return ()
        return (value,) if isinstance(value, str) else ("{}-{}".format(*value),)

    return values


_FILTERS: FilterTable = MappingProxyType(
    {
        "destination": lambda path: (path.destination.id,) if path.destination.id else (),
        "protocol": lambda path: (path.protocol,),
        "source": lambda path: (path.source.id,),
        **{
            f"filter-at-{end}.{name}": _filtered(f"at_{end}", field)
            for end in ("source", "destination")
            for name, field in (
                ("source-address", "source"),
                ("source-port-range", "source_ports"),
                ("destination-address", "destination"),
                ("destination-port-range", "destination_ports"),
            )
        },
    }
)


@operation("ec2:DescribeNetworkInsightsPaths", on=all_resources)
def describe_network_insights_paths(
    call: Call,
    *,
    network_insights_path_ids: list[str] | None = None,
    filters: Filters = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> Answer:
    """Describe the account's paths in the Region."""
    found, token = select(
        call, network_insights_paths, find_path, _FILTERS,
        ids=network_insights_path_ids, filters=filters, max_results=max_results, next_token=next_token,
        ids_name="networkInsightsPathIds", smallest=1,
    )  # fmt: skip
    return {"NetworkInsightsPaths": [described_path(path) for path in found], "NextToken": token}


def find_path(call: Call, id: str) -> NetworkInsightsPath:
    """Return the path of this id. Raises InvalidNetworkInsightsPathId.NotFound."""
    found = network_insights_paths.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("nip", id)
    return found


@memoized
def described_path(path: NetworkInsightsPath) -> Description:
    """Return a path as answers describe it."""
    shown: dict[str, Any] = {
        "NetworkInsightsPathId": path.id,
        "NetworkInsightsPathArn": path_arn(path),
        "CreatedDate": path.created,
        "Source": path.source.id,
        "Destination": path.destination.id or None,
        "SourceArn": path.source.arn,
        "DestinationArn": path.destination.arn or None,
        "SourceIp": path.source_ip or None,
        "DestinationIp": path.destination_ip or None,
        "Protocol": path.protocol,
        "DestinationPort": path.destination_port,
        "Tags": tag_set(path.tags),
    }
    for name, given in (("FilterAtSource", path.at_source), ("FilterAtDestination", path.at_destination)):
        if given is not None:
            shown[name] = _described_filter(given)
    return Description(shown)


def _described_filter(given: PacketFilter) -> dict[str, Any]:
    def ports(pair: Ports | None) -> dict[str, int] | None:
        return None if pair is None else {"FromPort": pair[0], "ToPort": pair[1]}

    return {
        "SourceAddress": given.source or None,
        "SourcePortRange": ports(given.source_ports),
        "DestinationAddress": given.destination or None,
        "DestinationPortRange": ports(given.destination_ports),
    }


def path_arn(path: NetworkInsightsPath) -> str:
    return ec2(path.region, path.account, f"network-insights-path/{path.id}")


@memoized
def path_target(path: NetworkInsightsPath) -> Target:
    """Return a path's ARN and the condition keys that policies see of it."""
    return Target(path_arn(path), resource_tags(path.tags))


def target_of_path(call: Call, id: str) -> Target:
    """Return the target of a path, which need not exist."""
    found = network_insights_paths.get(call.tx, call.account, call.region, id)
    return path_target(found) if found is not None else unknown(call, "network-insights-path", id)
