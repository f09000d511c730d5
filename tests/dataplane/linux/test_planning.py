"""From any network to any other: the steps reach it, can be repeated and interrupted, and spare what stays.

The kernel is played by a set of objects that refuses what the real one refuses: an address on a link that is not there,
a jump to a missing chain, a set that is still looked into. As in the real one, what is made twice stays as it was.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from network_strategies import networks
from networks import OPEN_ACL, group, interface, rule, vpc

from understudy_aws.dataplane.linux.compile import network_objects, network_parts
from understudy_aws.dataplane.linux.objects import (
    Address,
    Chain,
    Element,
    FilterSet,
    MarkRule,
    Namespace,
    Route,
    Setting,
    Veth,
)
from understudy_aws.dataplane.linux.planning import (
    ChangeFilter,
    CreateNamespace,
    DeleteNamespace,
    Make,
    Remove,
    Replace,
    Restore,
    plan,
)
from understudy_aws.dataplane.wanted import Network


class PlayedKernel:
    """Objects by key, with the refusals of the real kernel."""

    def __init__(self, objects=frozenset()) -> None:
        self.objects = {each.key: each for each in objects}

    def observe(self):
        return frozenset(self.objects.values())

    def carry_out(self, step) -> None:
        match step:
            case CreateNamespace(namespace):
                self.objects.setdefault(namespace.key, namespace)
            case DeleteNamespace(namespace):
                self._drop(lambda each: each.key == namespace.key or self._stands_in(each, namespace.name))
            case ChangeFilter():
                self._change(step)
            case Make(object):
                self._check(object)
                self.objects.setdefault(object.key, object)
            case Replace(object):
                self._check(object)
                self.objects[object.key] = object
            case Remove(object):
                self.objects.pop(object.key, None)
                if isinstance(object, Veth):
                    ends = {(object.namespace, object.name), (object.peer_namespace, object.peer)}
                    self._drop(
                        lambda each: isinstance(each, Address | Route) and (each.namespace, each.link) in ends
                    )

    def _check(self, object) -> None:
        assert ("namespace", object.namespace) in self.objects
        if isinstance(object, Veth):
            assert ("namespace", object.peer_namespace) in self.objects
        if isinstance(object, Address | Route) and object.link not in {"", "lo"}:
            ends = {
                end
                for each in self.objects.values()
                if isinstance(each, Veth)
                for end in ((each.namespace, each.name), (each.peer_namespace, each.peer))
            }
            assert (object.namespace, object.link) in ends, object

    def _change(self, step: ChangeFilter) -> None:
        assert ("namespace", step.namespace) in self.objects
        for each in step.removed_elements:
            del self.objects[each.key]
        for each in step.emptied:
            self.objects[each.key] = replace(each, rules=())
        for each in (*step.sets, *step.timeouts, *step.chains, *step.elements):
            self.objects[each.key] = each
        for each in step.removed_chains:
            assert not self.objects.pop(each.key).rules
        for each in step.removed_sets:
            del self.objects[each.key]
            self._drop(
                lambda other, gone=each: (
                    isinstance(other, Element) and (other.namespace, other.set) == (gone.namespace, gone.name)
                )
            )
        for each in step.removed_timeouts:
            del self.objects[each.key]
        chains = {each.name for each in self._of(step.namespace, Chain)}
        sets = {each.name for each in self._of(step.namespace, FilterSet)}
        for each in self._of(step.namespace, Element):
            assert each.set in sets
            assert not isinstance(each.value, str) or each.value in chains

    def _of(self, namespace, kind):
        return [
            each for each in self.objects.values() if isinstance(each, kind) and each.namespace == namespace
        ]

    def _stands_in(self, each, name) -> bool:
        if isinstance(each, Namespace):
            return False
        return each.namespace == name or (isinstance(each, Veth) and each.peer_namespace == name)

    def _drop(self, going) -> None:
        self.objects = {key: each for key, each in self.objects.items() if not going(each)}


@given(networks(), networks(), st.data())
def test_any_network_is_reached_from_any_other_also_after_a_crash(first, second, data):
    kernel = PlayedKernel(network_objects(first))
    wanted = network_objects(second)
    steps = plan(kernel.observe(), wanted)
    crash = data.draw(st.integers(0, len(steps)))
    for step in steps[:crash]:
        kernel.carry_out(step)
    for step in plan(kernel.observe(), wanted):
        kernel.carry_out(step)
    assert kernel.observe() == wanted
    assert plan(kernel.observe(), wanted) == []


@given(networks(), networks())
def test_what_stays_is_not_touched(first, second):
    before, wanted = network_objects(first), network_objects(second)
    kernel = PlayedKernel(before)
    kept = {each for each in before & wanted if isinstance(each, Namespace | Veth | Address | MarkRule)}
    for step in plan(before, wanted):
        kernel.carry_out(step)
        assert kept <= kernel.observe(), step


@given(networks(), networks())
def test_nothing_passes_a_link_before_its_filter_is_there(first, second):
    """A link has its place in the maps of groups and ACLs from when it is made to when it goes."""
    kernel = PlayedKernel(network_objects(first))
    for step in plan(kernel.observe(), network_objects(second)):
        if isinstance(step, Make) and isinstance(step.object, Veth) and step.object.peer == "eth0":
            maps = {
                each.set
                for each in kernel.observe()
                if isinstance(each, Element)
                and each.namespace == step.object.namespace
                and each.element.rstrip(b"\0") == step.object.name.encode()
            }
            assert {"egress", "ingress", "out_of_subnet", "into_subnet", "route_tables"} <= maps
        kernel.carry_out(step)


@given(networks(), networks())
def test_a_change_of_parts_is_a_change_of_the_whole(first, second):
    """The node compares parts, so that one interface among thousands is cheap: it must come to the same."""
    before, after = network_parts(first), network_parts(second)
    changed = [key for key in before.keys() | after.keys() if before.get(key) != after.get(key)]
    kernel = PlayedKernel(network_objects(first))
    old = frozenset().union(*(before.get(key, frozenset()) for key in changed))
    new = frozenset().union(*(after.get(key, frozenset()) for key in changed))
    for step in plan(old, new):
        kernel.carry_out(step)
    assert kernel.observe() == network_objects(second)


def test_parts_share_no_object():
    one = vpc(
        "vpc-1",
        interface("a", "vpc-1-subnet-1", "10.0.1.10"),
        groups=(group("sg-app", rule(group="sg-app")),),
    )
    parts = network_parts(Network(vpcs=(one,)))
    assert sum(map(len, parts.values())) == len(network_objects(Network(vpcs=(one,))))
    assert OPEN_ACL.id


def test_settings_are_put_back_once_packets_are_filtered_and_not_where_the_namespace_goes():
    app = interface("app", "vpc-a-subnet-1", "10.0.1.10")
    wanted = network_objects(Network(vpcs=(vpc("vpc-a", app, groups=(group("sg-app"),)),)))
    changed = Setting("vpc-a", "", "ipv4/ip_forward", "0", "1")
    table = next(each for each in wanted if isinstance(each, Chain) and each.namespace == "vpc-a")
    steps = plan((wanted - {table}) | {changed}, wanted)
    assert [type(each) for each in steps] == [ChangeFilter, Restore]
    assert steps[1] == Restore(changed)
    assert Restore(changed) not in plan(wanted | {changed}, frozenset())
