"""Why an instance waited in vain for something in its VPC, such as its database: which rule or route refuses that."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from understudy_aws.dataplane.messages import InstanceStatus
from understudy_aws.dataplane.packets import TCP
from understudy_aws.dataplane.reach import Question, reach
from understudy_aws.services.apprunner.service_records import ServiceInstance
from understudy_aws.services.ec2.network_interfaces import network_interfaces
from understudy_aws.services.ec2.wanted_network import network_of
from understudy_aws.store.database import Transaction


def why_unanswered(tx: Transaction, instance: ServiceInstance, state: InstanceStatus, now: datetime) -> str:
    """Return a sentence about the first connection that an instance waited for and that is refused; empty for none.

    One that was merely slow, or whose other end is not there, is not told of.
    """
    own = network_interfaces.get(tx, instance.account, instance.region, instance.interface)
    if own is None:
        return ""
    for address, port in state.unanswered:
        having = network_interfaces.where(tx, "ipv6" if ":" in address else "address", address)
        near = [each for each in having if each.vpc == own.vpc]
        ends = {each.id: each for each in (own, *(near or having)[:1])}
        # Whether this machine has a way to the world is another question.
        network = replace(network_of(tx, list(ends.values()), now), world=True)
        outcome = reach(network, Question(own.id, address, TCP, port))
        if not outcome.passes:
            hop = outcome.hops[-1]
            return f"It waited for TCP port {port} of {address}, which it does not reach: at {hop.at}, {hop.why}."
    return ""
