"""The default VPC, which every account has in every Region until it deletes it."""

from __future__ import annotations

from datetime import datetime

from understudy_aws.core.answers import Answer
from understudy_aws.core.ids import Ids
from understudy_aws.data.regions import find as find_region
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.services.ec2.api.cidrs import Cidr, known
from understudy_aws.services.ec2.api.errors import default_vpc_exists
from understudy_aws.services.ec2.dhcp_options import default_set
from understudy_aws.services.ec2.internet_gateways import make_attached
from understudy_aws.services.ec2.route_tables import make_main
from understudy_aws.services.ec2.subnet_lifecycle import make
from understudy_aws.services.ec2.vpc_lifecycle import provision_vpc
from understudy_aws.services.ec2.vpcs import Vpc, default_vpc, described_vpc
from understudy_aws.store.database import Transaction

# Reference ec2.md 7.5: this block, and a /20 of it for each zone.
BLOCK = "172.31.0.0/16"
_SUBNET_LENGTH = 20


@operation("ec2:CreateDefaultVpc", on=all_resources)
def create_default_vpc(call: Call) -> Answer:
    """Make the default VPC again after it was deleted. Raises DefaultVpcAlreadyExists."""
    if default_vpc(call.tx, call.account, call.region) is not None:
        raise default_vpc_exists()
    vpc = provision_default_vpc(call.tx, call.account, call.region, call.ids, call.at)
    return {"Vpc": {**described_vpc(call, vpc), "State": "pending"}}


def provision_default_vpc(tx: Transaction, account: str, region: str, ids: Ids, _at: datetime) -> Vpc:
    """Make the default VPC as AWS does: a subnet in each zone, an internet gateway and DNS host names."""
    vpc = Vpc(
        account=account,
        region=region,
        id=ids.ec2("vpc"),
        cidr=BLOCK,
        association=ids.ec2("vpc-cidr-assoc"),
        dhcp_options=default_set(tx, account, region, ids).id,
        is_default=True,
        dns_hostnames=True,
    )
    provision_vpc(tx, vpc, ids)
    gateway = make_attached(tx, account, region, vpc.id, ids)
    make_main(tx, vpc, ids, gateway.id)
    found = find_region(region)
    step = 1 << (32 - _SUBNET_LENGTH)
    first = known(BLOCK).network
    for place, zone in enumerate(found.zones if found is not None else ()):
        make(tx, vpc, zone, Cidr(first + place * step, _SUBNET_LENGTH), ids, default=True)
    return vpc
