"""What a request that came through a VPC endpoint meets there: the service it leads to, and the endpoint's policy."""

from __future__ import annotations

from understudy_aws.gateway.vpc_endpoints import ThroughEndpoint
from understudy_aws.policy import NamedPolicy, compile_policy
from understudy_aws.services.ec2.vpc_endpoints.records import VpcEndpoint, vpc_endpoints
from understudy_aws.store.database import Transaction
from understudy_aws.store.tables import memoized

# Services whose endpoints have another name than signatures for them.
_SIGNED_AS = {"ecr.api": "ecr", "ecr.dkr": "ecr"}


def through_endpoint(tx: Transaction, vpc: str, endpoint: str) -> ThroughEndpoint | None:
    """Return an endpoint of a VPC as its requests meet it, or None when it is gone."""
    return next(
        (
            _front(each)
            for each in vpc_endpoints.where(tx, "vpc", vpc)
            if each.id == endpoint and each.is_held
        ),
        None,
    )


@memoized
def _front(endpoint: VpcEndpoint) -> ThroughEndpoint:
    policy = None
    if endpoint.policy:
        policy = NamedPolicy(endpoint.id, compile_policy(endpoint.policy, name=endpoint.id, kind="resource"))
    short = endpoint.service.rpartition(f".{endpoint.region}.")[2]
    return ThroughEndpoint(_SIGNED_AS.get(short, short.rpartition(".")[2]), endpoint.region, policy)
