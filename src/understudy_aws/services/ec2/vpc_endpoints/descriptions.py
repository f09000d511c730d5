"""How VPC endpoints are described."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from understudy_aws.core.answers import Description
from understudy_aws.data.vpc_endpoint_services import hosted_zone
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.subnets import subnets
from understudy_aws.services.ec2.vpc_endpoints.endpoint_services import has_gateways, service_of
from understudy_aws.services.ec2.vpc_endpoints.policies import shown_policy
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint, dns_label, private_zone, state_of
from understudy_aws.store.database import Transaction


def described_endpoint(tx: Transaction, endpoint: VpcEndpoint, now: datetime) -> Description:
    """Return an endpoint as answers describe it. The result is reused while its state is the same."""
    state = state_of(endpoint, now)
    shown: Description | None = endpoint.__dict__.get("shown")
    if shown is None or shown["State"] != state:
        shown = endpoint.__dict__["shown"] = Description(_members(tx, endpoint, state))
    return shown


def _members(tx: Transaction, endpoint: VpcEndpoint, state: str) -> dict[str, Any]:
    options: dict[str, Any] = {"DnsRecordIpType": endpoint.record_type}
    if endpoint.private_dns and has_gateways(service_of(endpoint)):
        options["PrivateDnsOnlyForInboundResolverEndpoint"] = endpoint.inbound_only
    return {
        "VpcEndpointId": endpoint.id,
        "VpcEndpointType": endpoint.kind,
        "VpcId": endpoint.vpc,
        "ServiceName": endpoint.service,
        "State": state,
        "PolicyDocument": shown_policy(endpoint),
        "RouteTableIds": list(endpoint.route_tables),
        "SubnetIds": list(endpoint.subnets),
        "Groups": [{"GroupId": id, "GroupName": name} for id, name in endpoint.groups],
        "IpAddressType": endpoint.ip_address_type,
        "DnsOptions": options,
        "PrivateDnsEnabled": endpoint.private_dns,
        "RequesterManaged": False,
        "NetworkInterfaceIds": list(endpoint.interfaces),
        "DnsEntries": [] if endpoint.is_gateway else _dns_entries(tx, endpoint),
        "CreationTimestamp": endpoint.created,
        "Tags": tag_set(endpoint.tags),
        "OwnerId": endpoint.account,
        "ServiceRegion": endpoint.region,
    }


def _dns_entries(tx: Transaction, endpoint: VpcEndpoint) -> list[dict[str, str]]:
    """Return an endpoint's own names, of the Region and of each zone, and the service's that resolve to it."""
    service = service_of(endpoint)
    label = f"*.{dns_label(endpoint)}" if service.wildcard else dns_label(endpoint)
    zone = hosted_zone(endpoint.region)
    entries = [{"DnsName": f"{label}.{service.base_name}", "HostedZoneId": zone}]
    for id in endpoint.subnets:
        subnet = subnets.get(tx, endpoint.account, endpoint.region, id)
        assert subnet is not None, "an endpoint's interface keeps its subnet from being deleted"
        entries.append({"DnsName": f"{label}-{subnet.zone}.{service.base_name}", "HostedZoneId": zone})
    if endpoint.private_dns:
        entries.extend(
            {"DnsName": name, "HostedZoneId": private_zone(endpoint)} for name in service.private_names
        )
    return entries
