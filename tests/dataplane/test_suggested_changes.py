"""What is suggested for a refusal lets it pass, and opens nothing else: over random networks, all pairs looked at."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from random_networks import own_everything, questions, random_network

from understudy_aws.dataplane.changes import AddEntry, AddRoute, AddRule, Change, DeleteRoute, changed
from understudy_aws.dataplane.reach import Question, reach, refusals
from understudy_aws.dataplane.wanted import Network

REFUSALS = 200
# Of each network so many, so that there are many networks.
OF_EACH = 8


def refused(
    shape, *, ipv6: bool
) -> Iterator[tuple[Network, list[Question], frozenset[Question], Question, list[Change]]]:
    """Yield refusals that changes get past: the network, all that can be asked and what passes, and the changes."""
    for seed in range(1000):
        network = shape(random_network(seed, ipv6=ipv6))
        asked = questions(network)
        passing = frozenset(each for each in asked if reach(network, each).passes)
        found = 0
        for question in asked[seed % 5 :: 5]:
            outcomes, passes = refusals(network, question)
            assert passes or (outcomes[-1].change is None and outcomes[-1].advice), (seed, question)
            if outcomes and passes:
                changes = [each.change for each in outcomes if each.change is not None]
                yield network, asked, passing, question, changes
                found += 1
            if found == OF_EACH:
                break


def is_reverse(network: Network, one: Question, other: Question) -> bool:
    addresses = {
        each.id: (*each.addresses, *(public for _, public in each.public))
        for vpc in network.vpcs
        for each in vpc.interfaces
    }
    return one.address in addresses[other.interface] and other.address in addresses[one.interface]


def is_in(network: Network, question: Question, block: IPv4Network | IPv6Network) -> bool:
    """Whether a question is to a block, or from it."""
    sources = [
        address for vpc in network.vpcs for each in vpc.interfaces if each.id == question.interface
        for address in each.addresses
    ]  # fmt: skip
    return any(ip_address(address) in block for address in (question.address, *sources))


def is_named(network: Network, question: Question, changes: list[Change]) -> bool:
    """Whether a packet of a question is to or from an address that one of the changes names."""
    for change in changes:
        network = changed(network, change)
    blocks = [ip_network(_block(change)) for change in changes]
    packets = [hop.packet for hop in reach(network, question).hops if hop.packet is not None]
    return any(
        ip_address(address) in block
        for packet in packets
        for address in (packet.source, packet.destination)
        for block in blocks
    )


def _block(change: Change) -> str:
    if isinstance(change, AddRule):
        return change.rule.cidr
    if isinstance(change, AddEntry):
        return change.entry.cidr
    return change.route.destination if isinstance(change, AddRoute) else change.destination


def opened(
    network: Network, changes: list[Change], asked: list[Question], passing: frozenset[Question]
) -> list[Question]:
    """Return what passes with the changes and is not among what passed before."""
    now = network
    for change in changes:
        now = changed(now, change)
    return [each for each in asked if each not in passing and reach(now, each).passes]


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_where_nothing_is_shared_a_change_opens_what_was_asked_and_nothing_else(ipv6):
    kinds: set[type[Change]] = set()
    tried = 0
    for network, asked, passing, question, changes in refused(own_everything, ipv6=ipv6):
        kinds |= {type(each) for each in changes}
        found = opened(network, changes, asked, passing)
        assert question in found
        # A route for the answers of a connection is one for connections that begin at the other end, and a black hole
        # that goes is gone for all of its block.
        routed = any(isinstance(each, AddRoute | DeleteRoute) for each in changes)
        gone = [ip_network(each.destination) for each in changes if isinstance(each, DeleteRoute)]
        for each in found:
            assert (
                each == question
                or (routed and is_reverse(network, each, question))
                or any(is_in(network, each, block) for block in gone)
            ), (question, each, changes)
        tried += 1
        if tried == REFUSALS:
            break
    assert tried == REFUSALS
    assert {AddRule, AddEntry, AddRoute} <= kinds


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_what_is_shared_opens_for_those_who_share_it_and_to_the_same_address_and_port(ipv6):
    """A group holds for its members, and a table and a network ACL for their subnets, whoever asked."""
    kinds: set[type[Change]] = set()
    tried = 0
    for network, asked, passing, question, changes in refused(lambda each: each, ipv6=ipv6):
        kinds |= {type(each) for each in changes}
        found = opened(network, changes, asked, passing)
        assert question in found
        for each in found:
            assert is_named(network, each, changes), (question, each, changes)
            if not any(isinstance(change, AddRoute | DeleteRoute) for change in changes):
                assert each.port == question.port
        tried += 1
        if tried == REFUSALS:
            break
    assert tried == REFUSALS
    assert DeleteRoute in kinds or ipv6
