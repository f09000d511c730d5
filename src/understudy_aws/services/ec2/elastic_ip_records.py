"""Elastic IP addresses: the record, how it is described, and what policies see of it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Description
from understudy_aws.core.arn import ec2
from understudy_aws.dataplane.edge import API_ADDRESSES, OWN_NETWORK_ADDRESS, PUBLIC_BLOCKS
from understudy_aws.gateway.call import Call, Target
from understudy_aws.gateway.references import Reference, References
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.cidrs import known, parse_address, text_of
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.tag_specifications import tag_set
from understudy_aws.services.ec2.api.targets import Keys, resource_tags, unknown
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import Record, Table, memoized

# RFC 2544 gives this block to tests of networks: nothing on the internet has an address of it, so that what is public
# here can be mistaken for nobody else's.
POOL = known(PUBLIC_BLOCKS[0])


_OWN = frozenset({*API_ADDRESSES.values(), OWN_NETWORK_ADDRESS})


class ElasticIp(Record, frozen=True, kw_only=True):
    """An Elastic IP address. What it is associated with (`vpc`, `interface`, `private_ip`) is empty while it is free.

    `managed` says that a NAT gateway holds it, and only the NAT gateway can let it go. `pointer` is the domain name of
    its reverse DNS record.
    """

    account: str
    region: str
    id: str
    ip: str
    association: str = ""
    vpc: str = ""
    interface: str = ""
    private_ip: str = ""
    managed: bool = False
    pointer: str = ""
    tags: dict[str, str] = {}


elastic_ips = Table(
    "ec2/elastic-ip",
    ElasticIp,
    key=lambda address: (address.account, address.region, address.id),
    indexes={
        "association": lambda address: (address.association,) if address.association else (),
        "interface": lambda address: (address.interface,) if address.interface else (),
        "ip": lambda address: (address.ip,),
        "place": lambda address: ((address.account, address.region),),
        "vpc": lambda address: (address.vpc,) if address.vpc else (),
    },
)

ELASTIC_IP_REFERENCES: References = (
    Reference(
        "is associated with",
        lambda address: (address.interface,),
        index="interface",
        held=True,
        ended_by="DisassociateAddress",
    ),
    Reference(
        "is a public address in",
        lambda address: (address.vpc,),
        index="vpc",
        refuses="DetachInternetGateway",
        ended_by="DisassociateAddress",
    ),
)


def free_again(address: ElasticIp) -> ElasticIp:
    """Return an address as it is when it is associated with nothing."""
    return replace(address, association="", vpc="", interface="", private_ip="", managed=False)


def next_free(tx: Transaction, draw: int) -> str:
    """Return an address that nobody has. The search begins at `draw`, which keeps it short.

    Raises InsufficientAddressCapacity when all are taken.
    """
    for step in range(POOL.size):
        ip = text_of(POOL.network + (draw + step) % POOL.size)
        if not is_taken(tx, ip):
            return ip
    raise errors.no_public_address()


def is_taken(tx: Transaction, ip: str) -> bool:
    """Return whether somebody has an address: AWS's own are taken too, where networks are made of packets."""
    return ip in _OWN or elastic_ips.count_where(tx, "ip", ip) > 0


def find_elastic_ip(call: Call, id: str) -> ElasticIp:
    """Return the address of this allocation id. Raises InvalidAllocationID.NotFound."""
    found = elastic_ips.get(call.tx, call.account, call.region, id)
    if found is None:
        raise no_such("eipalloc", id)
    return found


def find_by_ip(call: Call, ip: str) -> ElasticIp:
    """Return the caller's Elastic IP with this address. Raises InvalidAddress.Malformed, InvalidAddress.NotFound."""
    for found in elastic_ips.where(call.tx, "ip", ip):
        if (found.account, found.region) == (call.account, call.region):
            return found
    raise errors.no_such_address(ip) if parse_address(ip) is not None else errors.malformed_address(ip)


@memoized
def described_elastic_ip(address: ElasticIp) -> Description:
    """Return an address as DescribeAddresses describes it."""
    shown: dict[str, Any] = {
        "AllocationId": address.id,
        "Domain": "vpc",
        "Tags": tag_set(address.tags),
        "PublicIpv4Pool": "amazon",
        "NetworkBorderGroup": address.region,
        "PublicIp": address.ip,
    }
    if address.association:
        shown["AssociationId"] = address.association
        shown["NetworkInterfaceId"] = address.interface
        shown["NetworkInterfaceOwnerId"] = address.account
        shown["PrivateIpAddress"] = address.private_ip
    return Description(shown)


@memoized
def elastic_ip_target(address: ElasticIp) -> Target:
    """Return an address's ARN and the condition keys that policies see of it."""
    keys: Keys = resource_tags(address.tags)
    keys["ec2:allocationid"] = address.id
    keys["ec2:domain"] = "vpc"
    keys["ec2:publicipaddress"] = address.ip
    return Target(ec2(address.region, address.account, f"elastic-ip/{address.id}"), keys)


def target_of_elastic_ip(call: Call, id: str) -> Target:
    """Return the target of an address by its allocation id; it need not exist."""
    found = elastic_ips.get(call.tx, call.account, call.region, id)
    return elastic_ip_target(found) if found is not None else unknown(call, "elastic-ip", id)
