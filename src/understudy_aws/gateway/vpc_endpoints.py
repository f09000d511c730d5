"""VPC endpoints as requests that come through one see them: a service's front with a policy of its own."""

from __future__ import annotations

from typing import Protocol

import msgspec

from understudy_aws.core.errors import ApiError
from understudy_aws.policy import NamedPolicy
from understudy_aws.store.database import Transaction


class ThroughEndpoint(msgspec.Struct, frozen=True):
    """What a request meets at an endpoint: the service it leads to, by its name in signatures, and the Region.

    `policy` is None where the endpoint allows everything.
    """

    service: str
    region: str
    policy: NamedPolicy | None = None


class VpcEndpointSource(Protocol):
    """Looks endpoints up; EC2 does."""

    def __call__(self, tx: Transaction, vpc: str, endpoint: str) -> ThroughEndpoint | None:
        """Return an endpoint of a VPC, or None when it is gone."""
        ...


def found_endpoint(source: VpcEndpointSource | None, tx: Transaction, vpc: str, id: str) -> ThroughEndpoint:
    """Return the endpoint that a request came through. Raises ServiceUnavailable when it is gone meanwhile."""
    found = source(tx, vpc, id) if source is not None else None
    if found is None:
        raise ApiError("ServiceUnavailable", f"The VPC endpoint {id} is gone.", 503)
    return found


def other_service(endpoint: ThroughEndpoint) -> ApiError:
    """Return the refusal of a request for another service than the endpoint leads to."""
    return ApiError("UnknownOperationException", f"This VPC endpoint leads to {endpoint.service} alone.", 404)
