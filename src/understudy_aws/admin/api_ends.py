"""`aws:SERVICE` as what `reach` is asked to: where interfaces find the API of a service, and what would lead there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from understudy_aws.admin.errors import InvalidRequestError
from understudy_aws.core.deferred import deferred
from understudy_aws.data.vpc_endpoint_services import INTERFACE, services_in
from understudy_aws.dataplane.edge import API_ADDRESSES, HTTPS_PORT
from understudy_aws.dataplane.wanted import Network
from understudy_aws.services.ec2.api_names import api_names
from understudy_aws.services.ec2.network_interfaces import NetworkInterface, network_interfaces
from understudy_aws.services.ec2.vpc_dns import is_found_by_name, working_endpoints
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint
from understudy_aws.services.ec2.vpcs import vpcs
from understudy_aws.store.database import Transaction

if TYPE_CHECKING:
    from understudy_aws.dataplane.linux import outside
else:
    outside = deferred("understudy_aws.dataplane.linux.outside")

_PREFIX = "aws:"


def is_api(text: str) -> bool:
    """Whether a text names the API of a service, as `aws:apprunner` does."""
    return text.startswith(_PREFIX)


def api_end(
    tx: Transaction, text: str, source: NetworkInterface, now: datetime
) -> tuple[str, NetworkInterface | None]:
    """Return the address at which names lead an interface to the API of a service, and the interface that has it.

    That is an interface of a VPC endpoint with private DNS, of its own zone if there is one, and else the address on
    the internet. Raises InvalidRequestError.
    """
    service = _service(text, source.region)
    vpc = vpcs.get(tx, source.account, source.region, source.vpc)
    for endpoint in working_endpoints(tx, vpc, now) if vpc is not None else ():
        if vpc is not None and _is_of(endpoint, service) and is_found_by_name(endpoint, vpc):
            found = [
                network_interfaces.get(tx, endpoint.account, endpoint.region, id)
                for id in endpoint.interfaces
            ]
            there = sorted(
                (each for each in found if each is not None), key=lambda each: each.zone != source.zone
            )
            if there:
                addresses = (*there[0].addresses, *there[0].ipv6_addresses)
                own6 = bool(source.ipv6_addresses) and not source.addresses
                return next((each for each in addresses if (":" in each) == own6), addresses[0]), there[0]
    return API_ADDRESSES[6 if source.ipv6_addresses and not source.addresses else 4], None


def name_advice(tx: Transaction, text: str, source: NetworkInterface, now: datetime) -> str:
    """Return why the names of a service's API do not lead an interface where they could; empty when they do."""
    vpc = vpcs.get(tx, source.account, source.region, source.vpc)
    if vpc is None:
        return ""
    change = f"aws ec2 modify-vpc-attribute --vpc-id {vpc.id}"
    if not vpc.dns_support:
        return (
            f"No name is resolved in {vpc.id}, whose EnableDnsSupport is off, unless its DHCP options name another "
            f"server: {change} --enable-dns-support"
        )
    service = _service(text, source.region)
    for endpoint in working_endpoints(tx, vpc, now):
        if (
            _is_of(endpoint, service)
            and endpoint.private_dns
            and not is_found_by_name(endpoint, vpc)
            and not endpoint.inbound_only
        ):
            return (
                f"The names of {service} do not lead to {endpoint.id}, since EnableDnsHostnames of {vpc.id} is off: "
                f"{change} --enable-dns-hostnames"
            )
    return ""


def endpoint_advice(text: str, source: NetworkInterface) -> str:
    """Return what would lead an interface to the API of a service without a way to the internet."""
    service = _service(text, source.region)
    name = next(
        (
            each.name
            for each in services_in(source.region)
            if each.type == INTERFACE and each.name.rpartition(".")[2] == service
        ),
        "",
    )
    if not name:
        return f"There are no VPC endpoints to {service}, so that only a way to the internet leads there."
    groups = " ".join(group for group, _ in source.groups)
    words = [
        f"A VPC endpoint would lead there, in a group that admits TCP {HTTPS_PORT}: aws ec2 create-vpc-endpoint",
        f"--vpc-id {source.vpc} --vpc-endpoint-type Interface --service-name {name} --subnet-ids {source.subnet}",
    ]
    if groups:
        words.append(f"--security-group-ids {groups}")
    return " ".join(words)


def with_world(network: Network) -> Network:
    """Return a network that knows whether its packets get out to the real internet, and what is this machine's own."""
    try:
        own, _ = outside.ways_of_this_machine()
    except (OSError, AttributeError):
        # Another system than Linux has no such question, and no such packets.
        return network
    return replace(network, world=not outside.obstacle(), machine=tuple(sorted(map(str, own))))


def _is_of(endpoint: VpcEndpoint, service: str) -> bool:
    return endpoint.service.rpartition(".")[2] == service


def _service(text: str, region: str) -> str:
    """Return the service that a text names: one with an API here, or with endpoints at AWS."""
    service = text.removeprefix(_PREFIX)
    known = {name.partition(".")[0] for name in api_names((region,))}
    known.update(each.name.rpartition(".")[2] for each in services_in(region))
    if service not in known:
        raise InvalidRequestError(f"{text!r} names no service; aws:apprunner, for example, does.")
    return service
