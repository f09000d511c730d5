"""By which variables programs in a VPC find the services that have an endpoint there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from types import MappingProxyType

from understudy_aws.dataplane.edge import API_URL
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.vpc_dns import working_endpoints
from understudy_aws.services.ec2.vpcs import Vpc
from understudy_aws.store.database import Transaction

# How `AWS_ENDPOINT_URL_…` names the services that are served and have endpoints (AWS SDKs and Tools Reference Guide,
# "Service-specific endpoints").
_VARIABLES = MappingProxyType(
    {
        "access-analyzer": "ACCESSANALYZER",
        "apprunner": "APPRUNNER",
        "ec2": "EC2",
        "logs": "CLOUDWATCH_LOGS",
        "secretsmanager": "SECRETS_MANAGER",
        "sts": "STS",
    }
)

_SERVICES = {f"{API_URL}_{name}": service for service, name in _VARIABLES.items()}


def endpoint_names(variables: Iterable[str], region: str) -> dict[str, str]:
    """Return the names by which private DNS leads to the endpoints of variables such as `AWS_ENDPOINT_URL_STS`.

    A server's certificate has these, and no address of a VPC endpoint.
    """
    return {each: f"{_SERVICES[each]}.{region}.amazonaws.com" for each in variables}


def endpoint_variables(tx: Transaction, vpc: Vpc, now: datetime) -> dict[str, str]:
    """Return the addresses at which private DNS has services in a VPC, by variable."""
    found = {}
    for endpoint in working_endpoints(tx, vpc, now):
        name = _VARIABLES.get(endpoint.service.rpartition(".")[2])
        if name is not None and endpoint.private_dns and not endpoint.inbound_only:
            first = network_interfaces.get(tx, endpoint.account, endpoint.region, endpoint.interfaces[0])
            if first is not None:
                found[f"{API_URL}_{name}"] = next(iter((*first.addresses, *first.ipv6_addresses)))
    return found
