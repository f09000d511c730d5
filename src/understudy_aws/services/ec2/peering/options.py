"""ModifyVpcPeeringConnectionOptions: DNS resolution between the VPCs of a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api.listings import refuse
from understudy_aws.services.ec2.api.targets import changes_in, changing
from understudy_aws.services.ec2.peering.descriptions import described_options
from understudy_aws.services.ec2.peering.errors import (
    no_dns_hostnames,
    no_options,
    not_active,
    options_of_other_account,
    options_of_other_region,
)
from understudy_aws.services.ec2.peering.records import (
    ACTIVE,
    PeeringSide,
    VpcPeeringConnection,
    change,
    find_connection,
    state_of,
    target_of_connection,
)
from understudy_aws.services.ec2.vpcs import vpcs


def a_connection_to_change(call: Call, params: Params) -> Sequence[Target]:
    """Return the connection with the attributes being changed: the options of which side."""
    target = target_of_connection(call, params["vpc_peering_connection_id"])
    return [changing(target, changes_in(params, "vpc_peering_connection_id"))]


@operation("ec2:ModifyVpcPeeringConnectionOptions", on=a_connection_to_change)
def modify_vpc_peering_connection_options(
    call: Call,
    *,
    vpc_peering_connection_id: str,
    accepter_peering_connection_options: dict[str, Any] | None = None,
    requester_peering_connection_options: dict[str, Any] | None = None,
) -> Answer:
    """Change the options of the sides that are the caller's own in the Region. The connection must be active."""
    given = {
        side: options
        for side, options in (
            ("requester", requester_peering_connection_options),
            ("accepter", accepter_peering_connection_options),
        )
        if options is not None
    }
    connection = find_connection(call, vpc_peering_connection_id)
    if not given:
        raise no_options()
    for options in given.values():
        _check_options(options)
    if state_of(connection, call.at) != ACTIVE:
        raise not_active(connection.id)
    changed = {name: _changed(call, connection, name, options) for name, options in given.items()}
    change(call.tx, connection, **changed)
    return {
        f"{name.capitalize()}PeeringConnectionOptions": described_options(side)
        for name, side in changed.items()
    }


def _check_options(options: Mapping[str, Any]) -> None:
    refuse(
        allow_egress_from_local_classic_link_to_remote_vpc=options.get(
            "AllowEgressFromLocalClassicLinkToRemoteVpc"
        ),
        allow_egress_from_local_vpc_to_remote_classic_link=options.get(
            "AllowEgressFromLocalVpcToRemoteClassicLink"
        ),
        allow_multipath_resilience=options.get("AllowMultipathResilience"),
        multipath_resilience_mode=options.get("MultipathResilienceMode"),
    )


def _changed(
    call: Call, connection: VpcPeeringConnection, name: str, options: Mapping[str, Any]
) -> PeeringSide:
    """Return a side with its new options. Raises OperationNotPermitted for a side that is not the caller's here."""
    side: PeeringSide = getattr(connection, name)
    if side.account != call.account:
        raise options_of_other_account(call.account, name)
    if side.region != call.region:
        raise options_of_other_region(name)
    dns = options.get("AllowDnsResolutionFromRemoteVpc")
    if dns and not all(_gives_host_names(call, each) for each in connection.sides):
        raise no_dns_hostnames()
    return side if dns is None else replace(side, dns=dns)


def _gives_host_names(call: Call, side: PeeringSide) -> bool:
    vpc = vpcs.get(call.tx, side.account, side.region, side.vpc)
    return vpc is not None and vpc.dns_support and vpc.dns_hostnames
