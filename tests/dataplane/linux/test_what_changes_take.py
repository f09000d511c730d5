"""What a change takes in the kernel does not grow with what stays: one chain for a rule, some elements for an interface."""

from __future__ import annotations

from msgspec.structs import replace
from networks import TCP, group, interface, rule, vpc

from understudy_aws.dataplane.linux.compile import Compiler
from understudy_aws.dataplane.linux.objects import Element
from understudy_aws.dataplane.linux.planning import ChangeFilter, plan
from understudy_aws.dataplane.wanted import Network

MEMBERS = tuple(
    interface(f"{number:04}", "vpc-a-subnet-1", f"10.0.{1 + number // 250}.{1 + number % 250}") for number in range(3_001)
)  # fmt: skip
ADMITTING, OUT, MORE = rule(group="sg-app"), rule(), rule(TCP, 80, cidr="192.0.2.0/24")


def of(members: int, *rules) -> Network:
    first = vpc(
        "vpc-a",
        *MEMBERS[:members],
        groups=(group("sg-app", ADMITTING, *rules, egress=(OUT,)),),
        cidrs=("10.0.0.0/12",),
    )
    return Network(
        vpcs=(replace(first, subnets=tuple(replace(each, cidrs=("10.0.0.0/16",)) for each in first.subnets)),)
    )


def steps(before: Network, after: Network):
    compiler = Compiler()
    made, wanted = (frozenset().union(*compiler.parts(each).values()) for each in (before, after))
    return plan(made, wanted)


def test_a_rule_of_a_group_of_thousands_is_one_chain_in_one_transaction():
    [change] = steps(of(3_000), of(3_000, MORE))
    assert isinstance(change, ChangeFilter)
    [chain] = change.chains
    assert chain.name == "ingress_sg-app"
    assert len(chain.rules) == 3, "those there were, one for each version of IP, and the new one"
    assert (change.elements, change.removed_elements, change.sets) == ((), (), ())


def test_an_interface_more_in_a_group_of_thousands_is_elements_and_no_rule():
    changes = [each for each in steps(of(3_000), of(3_001)) if isinstance(each, ChangeFilter)]
    [change] = changes
    assert (change.chains, change.sets) == ((), ())
    assert all(isinstance(each, Element) for each in change.elements)
    few = steps(of(3), of(4))
    assert len(steps(of(3_000), of(3_001))) == len(few)
    assert len(change.elements) == sum(len(each.elements) for each in few if isinstance(each, ChangeFilter))
