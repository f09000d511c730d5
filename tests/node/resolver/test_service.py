"""The resolvers of all VPCs, held to what is wanted, with sockets on this machine's loopback link instead of VPCs'."""

from __future__ import annotations

import asyncio
import errno
import socket
import time

import dns.message
import pytest
from msgspec.structs import replace
from networks import group, hosts, vpc

from understudy_aws.dataplane.wanted import Dns, Network, Vpc
from understudy_aws.node.resolver import service
from understudy_aws.node.resolver.forwarding import Forwarder
from understudy_aws.node.resolver.service import Resolvers


class Namespaces:
    """Namespaces by name with their identities; those that `fail` take no sockets."""

    def __init__(self) -> None:
        self.identities: dict[str, int] = {}
        self.fail: set[str] = set()
        self.made: dict[str, list[int]] = {}

    def identity(self, name: str) -> int:
        if name not in self.identities:
            raise FileNotFoundError(name)
        return self.identities[name]

    def inside(self, name: str, function):
        if name in self.fail:
            raise OSError(errno.EMFILE, "Too many open files")
        made = function()
        self.made.setdefault(name, []).append(made[0][0].getsockname()[1])
        return made


@pytest.fixture
def namespaces(monkeypatch):
    def make_sockets(addresses):
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        made.bind(("127.0.0.1", 0))
        return [made], []

    monkeypatch.setattr(service, "make_sockets", make_sockets)
    return Namespaces()


def named(id: str, *addresses: str, support: bool = True) -> Vpc:
    dns = Dns(support=support, domains=("ec2.internal",), hosts={"ec2.internal": hosts(*addresses)})
    return replace(vpc(id, groups=(group("sg-app"),)), dns=dns)


async def answer(port: int, name: str = "ip-10-0-1-10.ec2.internal") -> str:
    """Ask whoever listens at a port; `nobody` when nobody does."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        asking.connect(("127.0.0.1", port))
        asking.send(dns.message.make_query(name, "A").to_wire())
        try:
            wire = await asyncio.wait_for(loop.sock_recv(asking, 4096), 5)
        except ConnectionRefusedError:
            return "nobody"
    return dns.message.from_wire(wire).rcode().name


def test_one_that_cannot_be_had_does_not_keep_the_others_and_comes_later(namespaces):
    namespaces.identities = {"vpc-a": 1, "vpc-b": 2}
    namespaces.fail = {"vpc-a"}
    network = Network(vpcs=(named("vpc-a", "10.0.1.10"), named("vpc-b", "10.0.1.10"), named("vpc-c")))

    async def told() -> None:
        resolvers = Resolvers(namespaces, Forwarder(tuple))
        for _ in range(2):
            with pytest.raises(OSError, match=r"Too many open files|vpc-c"):
                await resolvers.want(network)
            assert await answer(namespaces.made["vpc-b"][0]) == "NOERROR"
        namespaces.fail.clear()
        namespaces.identities["vpc-c"] = 3
        await resolvers.want(network)
        assert [await answer(namespaces.made[id][0]) for id in ("vpc-a", "vpc-b", "vpc-c")] == [
            "NOERROR", "NOERROR", "NXDOMAIN",
        ]  # fmt: skip
        assert [len(ports) for ports in namespaces.made.values()] == [1, 1, 1], "once made they stay"
        await resolvers.close()
        assert {await answer(ports[0]) for ports in namespaces.made.values()} == {"nobody"}

    asyncio.run(told())


def test_a_namespace_that_was_made_anew_gets_sockets_of_its_own(namespaces):
    """A socket keeps the namespace that it was made in alive, where nobody is any more."""
    namespaces.identities = {"vpc-a": 1}
    network = Network(vpcs=(named("vpc-a", "10.0.1.10"),))

    async def told() -> None:
        resolvers = Resolvers(namespaces, Forwarder(tuple))
        await resolvers.want(network)
        namespaces.identities["vpc-a"] = 2
        await resolvers.want(network)
        before, after = namespaces.made["vpc-a"]
        assert (await answer(before), await answer(after)) == ("nobody", "NOERROR")
        await resolvers.want(Network(vpcs=(named("vpc-a", "10.0.1.11"),)))
        assert await answer(after) == "NXDOMAIN", "other names, the same sockets"
        await resolvers.want(Network(vpcs=(named("vpc-a", support=False),)))
        assert await answer(after) == "nobody"
        await resolvers.close()

    asyncio.run(told())


def test_being_told_again_and_again_costs_nothing(namespaces):
    namespaces.identities = {f"vpc-{n}": n for n in range(100)}
    network = Network(vpcs=tuple(named(id, "10.0.1.10") for id in namespaces.identities))

    async def told() -> float:
        resolvers = Resolvers(namespaces, Forwarder(tuple))
        await resolvers.want(network)
        began = time.process_time()
        for _ in range(10):
            await resolvers.want(network)
        spent = time.process_time() - began
        await resolvers.close()
        return spent

    assert asyncio.run(told()) < 0.5
    assert {len(ports) for ports in namespaces.made.values()} == {1}
