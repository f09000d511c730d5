"""What steps put right, in words: what somebody had taken away, added or changed in the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from understudy_aws.dataplane.linux.objects import (
    Address,
    Chain,
    FilterSet,
    IdleTimeout,
    MarkRule,
    Route,
    Setting,
    Veth,
)
from understudy_aws.dataplane.linux.planning import (
    ChangeFilter,
    CreateNamespace,
    DeleteNamespace,
    Make,
    Replace,
    Restore,
    Step,
)


def told(steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
    """Yield, for what steps put right, the namespace it stands in and a clause that says what it was."""
    for step in steps:
        if isinstance(step, CreateNamespace):
            yield step.namespace.name, "its namespace was gone"
        elif isinstance(step, DeleteNamespace):
            yield step.namespace.name, "its namespace is nobody's"
        elif isinstance(step, ChangeFilter):
            yield from ((step.namespace, each) for each in _told_filter(step))
        elif isinstance(step, Make):
            yield step.object.namespace, f"{_named(step.object)} was gone"
        elif isinstance(step, Replace):
            yield step.object.namespace, f"{_named(step.object)} led elsewhere"
        elif isinstance(step, Restore):
            yield step.object.namespace, _told_setting(step.object)
        else:
            yield step.object.namespace, f"{_named(step.object)} is nobody's"


def _told_filter(step: ChangeFilter) -> Iterator[str]:
    there = {each.name for each in step.emptied}
    for each in step.chains:
        yield f"chain {each.name} of the filter was {'changed' if each.name in there else 'gone'}"
    for gone in step.sets:
        yield f"set {gone.name} of the filter was gone"
    for timeout in step.timeouts:
        yield f"time-out {timeout.name} of connections was gone"
    for name in sorted({each.set for each in step.elements}):
        yield f"{_elements(sum(each.set == name for each in step.elements))} of set {name} gone"
    for name in sorted({each.set for each in step.removed_elements}):
        yield f"{_elements(sum(each.set == name for each in step.removed_elements))} of set {name} nobody's"
    nobodys: tuple[Chain | FilterSet | IdleTimeout, ...] = (
        *step.removed_chains, *step.removed_sets, *step.removed_timeouts,
    )  # fmt: skip
    for name in (each.name for each in nobodys):
        yield f"{name} of the filter is nobody's"


def _told_setting(setting: Setting) -> str:
    of = f" of link {setting.link}" if setting.link else ""
    return f"setting {setting.name}{of} was {setting.value} instead of {setting.kept}"


def _elements(count: int) -> str:
    return "1 element" if count == 1 else f"{count} elements"


def _named(object: Veth | Address | Route | MarkRule) -> str:
    if isinstance(object, Veth):
        return f"link {object.name} to {object.peer_namespace}"
    if isinstance(object, Address):
        return f"address {object.address} of {object.link}"
    if isinstance(object, Route):
        return f"the route to {object.destination}{f' through {object.link}' if object.link else ''}"
    return f"the rule for packets of mark {object.mark}"
