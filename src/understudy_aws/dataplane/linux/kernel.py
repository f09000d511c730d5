"""The kernel of this machine: what it has, and steps carried out on it.

Every step can be repeated: what is there already is left, what is gone already is no error.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address, ip_interface, ip_network
from itertools import groupby
from pathlib import Path
from time import sleep

from msgspec.structs import replace

from understudy_aws.dataplane.linux import nftables, routing, sysctls
from understudy_aws.dataplane.linux.drift import Confirmed, Glance, Wanted
from understudy_aws.dataplane.linux.expressions import JUMP, value_data, verdict_data
from understudy_aws.dataplane.linux.names import TABLE
from understudy_aws.dataplane.linux.namespaces import Namespaces, NamespaceThread
from understudy_aws.dataplane.linux.netlink import Message, NetlinkError, NetlinkSocket
from understudy_aws.dataplane.linux.objects import (
    Address,
    Chain,
    Element,
    MarkRule,
    Namespace,
    Object,
    Route,
    Setting,
    Veth,
)
from understudy_aws.dataplane.linux.observing import Look, Sockets, alias, filter_objects, generation
from understudy_aws.dataplane.linux.planning import (
    ChangeFilter,
    CreateNamespace,
    DeleteNamespace,
    Make,
    Plumbing,
    Remove,
    Replace,
    Restore,
    Step,
)
from understudy_aws.dataplane.linux.spares import Spares
from understudy_aws.dataplane.linux.syscalls import CLONE_NEWNET, setns
from understudy_aws.dataplane.linux.watching import Watch

_THERE = {errno.EEXIST}
_GONE = {errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL}
# One message of a transaction must not be larger than what a socket takes; measured limits are above 200 KiB.
_LARGEST_COMMIT = 96 * 1024
_CHANGES: Mapping[type, int] = {Make: routing.ADD, Replace: routing.REPLACE, Remove: routing.DELETE}
# The kernel sees to a link within some milliseconds; one that never carries packets is no reason to wait for ever.
_RUNNING_POLLS, _RUNNING_PERIOD = 4000, 0.0005
# Also a namespace of which nothing is told is looked at, each time another part of them: all in five minutes.
_ROUNDS = 60
# As long as the kernel asks for a neighbour in all, but at shorter intervals.
_NEIGHBOUR_MILLISECONDS, _NEIGHBOUR_TIMES = 20, 150


class Kernel:
    """The networks in the namespaces of one directory."""

    def __init__(self, directory: Path) -> None:
        # What is done here in one go does not hold up those who need a socket in a namespace.
        self._thread, self._others = NamespaceThread(), NamespaceThread()
        self._kept: dict[str, Sockets] = {}
        self._confirmed = Confirmed()
        self.namespaces = Namespaces(directory, self._others)
        self._own = Namespaces(directory, self._thread)
        self._spares = Spares(partial(_prepare, router=False))
        self._watch = Watch()
        self._round = 0

    def close(self) -> None:
        """Let go of everything; what was made stays."""
        for name in list(self._kept):
            self._kept.pop(name).close()
        self._spares.close()
        self._watch.close()
        self._thread.close()
        self._others.close()

    def observe(self) -> frozenset[Object]:
        """Return everything there is in the namespaces, other than what the kernel puts there itself."""
        names = self._own.names()
        return frozenset(self._thread.run(lambda: list(self._observed(names))))

    def differs(self, names: Sequence[str], wanted: Wanted) -> bool:
        """Whether some namespaces hold anything else than what is wanted there.

        `wanted` returns that, and is asked for those alone that are not as they were when they held it last.
        """
        agreeing = self._confirmed.agreeing(self._thread.run(lambda: list(self._glances(names))), wanted)
        for name in agreeing:
            self._watch.is_as_wanted(name)
        return len(agreeing) < len(names)

    def unsure(self, wanted: Iterable[str]) -> list[str]:
        """Return the namespaces to look at, of those there are and those that are wanted.

        They are the ones of which the kernel does not tell that nothing has changed, and in turn a few of the others.
        """
        there = self._own.identities()
        quiet = self._watch.quiet(there)
        names = sorted({*there, *wanted})
        share = len(names) // _ROUNDS + 1
        self._round = (self._round + 1) % _ROUNDS
        too = {*names[self._round * share : (self._round + 1) * share]}
        return [name for name in names if name not in quiet or name in too]

    def _observed(self, names: Iterable[str]) -> Iterator[Object]:
        for name in names:
            with self._entered(name) as sockets:
                yield Namespace(name, router=False)
                yield from Look(sockets).objects(name)
                yield from filter_objects(name, sockets.filter)

    def _glances(self, names: Iterable[str]) -> Iterator[Glance]:
        for name in names:
            # Sockets that are kept keep a namespace too, which nobody finds by its name any more.
            if not self._own.has(name):
                yield Glance(name, None)
                continue
            with self._own.opened(name) as fd:
                self._watch.follow(name, fd)
            with self._entered(name) as sockets:
                yield self._confirmed.glance(name, sockets)

    @contextmanager
    def _entered(self, namespace: str) -> Iterator[Sockets]:
        """Enter a namespace, on the thread that does, and open sockets there for as long as the block runs."""
        with self._own.opened(namespace) as fd:
            setns(fd, CLONE_NEWNET)
        if namespace in self._kept:
            yield self._kept[namespace]
            return
        sockets = Sockets()
        try:
            yield sockets
        finally:
            sockets.close()

    def carry_out(self, steps: Iterable[Step]) -> None:
        """Carry steps out in order. Raises OSError; those before the one that failed are done."""
        steps = list(steps)
        for step in steps:
            self._doubt(step)
        # Going to the thread and back for each step would take longer than the steps.
        self._thread.run(lambda: self._carry_out_all(steps))
        if any(isinstance(step, CreateNamespace) and not step.namespace.router for step in steps):
            self._spares.refill()

    def _carry_out_all(self, steps: Iterable[Step]) -> None:
        for (kind, namespace), group in groupby(steps, key=_together):
            together = list(group)
            if kind in _CHANGES:
                self._change_plumbing(namespace, _CHANGES[kind], together)
            else:
                for step in together:
                    self._carry_out(step)

    def _doubt(self, step: Step) -> None:
        """Know no longer that what a step changes is as wanted."""
        if isinstance(step, CreateNamespace | DeleteNamespace):
            self._confirmed.forget(step.namespace.name)
        elif not isinstance(step, ChangeFilter):
            self._confirmed.forget_plumbing(step.object.namespace)
            if isinstance(step.object, Veth):
                self._confirmed.forget_plumbing(step.object.peer_namespace)

    def _carry_out(self, step: Step) -> None:
        if isinstance(step, CreateNamespace):
            router = step.namespace.router
            if step.namespace.name in self._kept and not self._own.has(step.namespace.name):
                self._kept.pop(step.namespace.name).close()
            spare = _no_spare if router else self._spares.take
            self._own.create(step.namespace.name, partial(_prepare, router=router), spare)
        elif isinstance(step, DeleteNamespace):
            if step.namespace.name in self._kept:
                self._kept.pop(step.namespace.name).close()
            self._own.delete(step.namespace.name)
        elif isinstance(step, ChangeFilter):
            self._change_filter(step)
        elif isinstance(step, Restore):
            self._restore(step.object)
        elif isinstance(step.object, Veth) and isinstance(step, Make):
            self._make_veth(step.object)
        elif isinstance(step.object, Veth):
            with self._sockets_in(step.object.namespace) as sockets:
                sockets.routing.request([routing.delete_link(step.object.name)], ignored=_GONE)

    def _restore(self, setting: Setting) -> None:
        with self._entered(setting.namespace) as sockets:
            if setting.link:
                index = _index(setting.link, sockets.routing)
                sockets.routing.request([routing.restore_link(index, setting.name)], ignored=_GONE)
            else:
                sysctls.write(setting.name, setting.kept)

    def _change_filter(self, step: ChangeFilter) -> None:
        # Closing a socket waits for what was deleted through it (10 ms), so that those of filters stay open.
        if step.namespace not in self._kept:
            self._kept[step.namespace] = self._own.inside(step.namespace, Sockets)
        netfilter = self._kept[step.namespace].filter
        before = generation(netfilter)
        try:
            commits = _commit(netfilter, step)
        except NetlinkError as error:
            if error.errno != errno.ENOENT:
                raise
            # Something that goes has gone already: an earlier attempt, or somebody else, took it away.
            self._confirmed.forget(step.namespace)
            commits = _commit(netfilter, self._what_is_left_of(step))
        self._confirmed.filter_changed(step.namespace, before, generation(netfilter), commits)

    def _what_is_left_of(self, step: ChangeFilter) -> ChangeFilter:
        """Return a change of a filter without what it takes away that is not there."""
        there = {each.key for each in filter_objects(step.namespace, self._kept[step.namespace].filter)}
        return replace(
            step,
            removed_elements=tuple(each for each in step.removed_elements if each.key in there),
            emptied=tuple(each for each in step.emptied if each.key in there),
            removed_chains=tuple(each for each in step.removed_chains if each.key in there),
            removed_sets=tuple(each for each in step.removed_sets if each.key in there),
            removed_timeouts=tuple(each for each in step.removed_timeouts if each.key in there),
        )

    def _make_veth(self, veth: Veth) -> None:
        with (
            self._sockets_in(veth.namespace) as sockets,
            self._sockets_in(veth.peer_namespace) as peer_sockets,
            self._own.opened(veth.peer_namespace) as peer_namespace,
        ):
            pair = routing.new_veth(
                veth.name, veth.mtu, peer=veth.peer, peer_namespace=peer_namespace, peer_mac=veth.peer_mac
            )
            sockets.routing.request([pair], ignored=_THERE)
            index = _index(veth.name, sockets.routing)
            if not index:
                # The other end is there: of a pair whose namespace somebody has taken away.
                peer_sockets.routing.request([routing.delete_link(veth.peer)], ignored=_GONE)
                sockets.routing.request([pair])
                index = _index(veth.name, sockets.routing)
            if veth.deaf:
                sockets.routing.request([routing.ask_no_neighbours(index)])
            sockets.routing.request(_set_up(index, alias(veth)))
            peer_index = _index(veth.peer, peer_sockets.routing)
            peer_sockets.routing.request(_set_up(peer_index, ""))
            for link, rtnetlink in ((index, sockets.routing), (peer_index, peer_sockets.routing)):
                # Packets are only slower without it.
                with suppress(NetlinkError):
                    rtnetlink.request([routing.take_large_packets(link)])
            _await_running(veth.peer, peer_sockets.routing)
            _await_running(veth.name, sockets.routing)

    def _change_plumbing(self, namespace: str, change: int, steps: Sequence[Step]) -> None:
        with self._sockets_in(namespace) as sockets:
            names = {_link_of(step) for step in steps} - {""}
            links = {name: _index(name, sockets.routing) for name in names}
            messages = [
                _plumbing_message(step.object, change, links)
                for step in steps
                if isinstance(step, Make | Replace | Remove)
            ]
            sockets.routing.request(messages, ignored=_GONE if change == routing.DELETE else _THERE)

    @contextmanager
    def _sockets_in(self, namespace: str) -> Iterator[Sockets]:
        """Open sockets to the kernel in a namespace for as long as the block runs."""
        if namespace in self._kept:
            yield self._kept[namespace]
            return
        sockets = self._own.inside(namespace, Sockets)
        try:
            yield sockets
        finally:
            sockets.close()


def _set_up(index: int, about: str) -> list[Message]:
    """Return what configures a link and brings it up."""
    return [
        routing.configure_link(index, about),
        *routing.ask_neighbours_again(index, _NEIGHBOUR_MILLISECONDS, _NEIGHBOUR_TIMES),
        routing.link_up(index),
    ]


def _await_running(name: str, rtnetlink: NetlinkSocket) -> None:
    """Wait until a link that is up carries packets, which the kernel sees to a little later, on its own time.

    Before that it drops what is sent, so that the first packet would wait a second for a neighbour to be asked again.
    """
    for _ in range(_RUNNING_POLLS):
        link = routing.found_link(rtnetlink.ask(routing.get_link(name)).body)
        if link.running:
            # The kernel says so a moment before it is so; a change, even to what is already, waits for the rest.
            rtnetlink.request([routing.link_up(link.index)])
            return
        sleep(_RUNNING_PERIOD)


def _no_spare() -> None:
    """Routers forward packets, which spares do not."""


def _prepare(*, router: bool) -> None:
    """Set up the namespace that the calling thread has just made."""
    rtnetlink = NetlinkSocket(routing.NETLINK_ROUTE)
    if router:
        rtnetlink.request([routing.name_link(routing.LOOPBACK, sysctls.ROUTER)])
    rtnetlink.request([routing.link_up(routing.LOOPBACK)])
    rtnetlink.close()
    sysctls.set_all(router=router)


def _index(name: str, rtnetlink: NetlinkSocket) -> int:
    """Return the number of a link, or 0 for one that is not there."""
    if name == "lo":
        return routing.LOOPBACK
    try:
        return routing.found_link(rtnetlink.ask(routing.get_link(name)).body).index
    except NetlinkError:
        return 0


def _link_of(step: Step) -> str:
    object = step.object if isinstance(step, Make | Replace | Remove) else None
    return object.link if isinstance(object, Address | Route) else ""


def _together(step: Step) -> tuple[type, str]:
    """Return what steps have in common that are carried out in one go; of the others, which is of no account."""
    if isinstance(step, Make | Replace | Remove) and not isinstance(step.object, Veth):
        return type(step), step.object.namespace
    return object, ""


def _plumbing_message(object: Plumbing, change: int, links: Mapping[str, int]) -> Message:
    delete = change == routing.DELETE
    if isinstance(object, Address):
        return routing.address(links.get(object.link, 0), ip_interface(object.address), delete=delete)
    if isinstance(object, MarkRule):
        return routing.mark_rule(object.family, object.mark, object.table, delete=delete)
    assert isinstance(object, Route)
    return routing.route(
        ip_network(object.destination),
        object.table,
        index=links.get(object.link, 0),
        gateway=ip_address(object.gateway) if object.gateway else None,
        kind=object.kind,
        change=change,
    )


def _commit(filters: NetlinkSocket, step: ChangeFilter) -> int:
    """Change a filter, in one transaction if it is not too long; return in how many."""
    transactions = list(_commits(list(_filter_messages(step))))
    for messages in transactions:
        filters.commit(nftables.begin(), messages, nftables.end())
    return len(transactions)


def _filter_messages(step: ChangeFilter) -> Iterator[list[Message]]:
    """Yield the messages of a change, those together that must be in one transaction."""
    yield [nftables.new_table(TABLE)]
    for name, group in _by_set(step.removed_elements):
        yield list(nftables.delete_elements(TABLE, name, [nftables.element(each.element) for each in group]))
    yield from (
        [nftables.new_set(TABLE, each.name, each.keys, each.values, each.most)]
        for each in step.sets
        if each.keys
    )
    yield from (
        [nftables.new_timeout(TABLE, each.name, each.protocol, each.seconds)] for each in step.timeouts
    )
    emptied = {each.name for each in step.emptied}
    changed = {each.name for each in step.chains}
    yield from ([_new_chain(each)] for each in step.chains if each.name not in emptied)
    for each in step.chains:
        # Also a chain that is new: an earlier attempt may have made it, and filled it.
        rules = [nftables.new_rule(TABLE, each.name, rule.comment, rule.expressions) for rule in each.rules]
        yield [nftables.flush_chain(TABLE, each.name), *rules]
    yield from ([nftables.flush_chain(TABLE, name)] for name in sorted(emptied - changed))
    for name, group in _by_set(step.elements):
        elements = [nftables.element(each.element, _data(each.value)) for each in group]
        yield from ([message] for message in nftables.new_elements(TABLE, name, elements))
    yield from ([nftables.delete_chain(TABLE, each.name)] for each in step.removed_chains)
    yield from ([nftables.delete_set(TABLE, each.name)] for each in step.removed_sets)
    yield from ([nftables.delete_timeout(TABLE, each.name)] for each in step.removed_timeouts)


def _new_chain(chain: Chain) -> Message:
    if chain.base is None:
        return nftables.new_chain(TABLE, chain.name)
    base = chain.base
    return nftables.new_base_chain(
        TABLE, chain.name, kind=base.kind, hook=base.hook, priority=base.priority, policy=base.policy
    )


def _data(value: bytes | str) -> bytes:
    if isinstance(value, str):
        return verdict_data(JUMP, value)
    return value_data(value) if value else b""


def _by_set(elements: Iterable[Element]) -> Iterator[tuple[str, list[Element]]]:
    for name, group in groupby(elements, key=lambda each: each.set):
        yield name, list(group)


def _commits(groups: Sequence[list[Message]]) -> Iterator[list[Message]]:
    """Put groups of messages into as few transactions as the size of one allows."""
    commit: list[Message] = []
    size = 0
    for group in groups:
        length = sum(len(message.body) for message in group)
        if commit and size + length > _LARGEST_COMMIT:
            yield commit
            commit, size = [], 0
        commit += group
        size += length
    yield commit
