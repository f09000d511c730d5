"""What a node serves inside the networks: each is told what was made, and fails for itself."""

from __future__ import annotations

import asyncio

from understudy_aws.dataplane.wanted import Network, Vpc
from understudy_aws.node.network_services import NetworkServices

NETWORK = Network(vpcs=(Vpc(id="vpc-1", cidrs=("10.0.0.0/16",)),))


class Named:
    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.told: list[Network] = []

    async def want(self, network: Network) -> None:
        if self.error:
            raise self.error
        self.told.append(network)

    async def close(self) -> None:
        self.told.clear()


def test_one_that_fails_keeps_no_other_from_serving_and_is_asked_again():
    failing, other = Named("names", OSError("no sockets")), Named("logs")
    services = NetworkServices([failing, other])
    asyncio.run(services.want(NETWORK))
    assert services.errors == {"names": "no sockets"}
    assert other.told == [NETWORK]
    failing.error = None
    asyncio.run(services.want(NETWORK))
    assert services.errors == {}
    assert failing.told == [NETWORK]


def test_all_of_them_are_closed():
    first, second = Named("names"), Named("logs")
    services = NetworkServices([first, second])
    asyncio.run(services.want(NETWORK))
    asyncio.run(services.close())
    assert first.told == second.told == []
