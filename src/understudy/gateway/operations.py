"""What an operation is, and where to find it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from understudy.core.answers import Answer
from understudy.gateway.call import Call, Params, Target

# Where IAM calls a service otherwise than the API descriptions do.
_PREFIXES = {"accessanalyzer": "access-analyzer"}

Targets = Callable[[Call, Params], Sequence[Target]]
Body = Callable[..., Answer | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """An AWS operation: its function, the action it needs, and what the caller must be allowed to act on.

    `on` answers the targets of one call, all of which must be allowed; `None` marks the few operations that
    AWS answers to any caller with valid credentials. `takes` are the function's parameters: an API description
    may be newer than the function.
    """

    service: str
    name: str
    action: str
    on: Targets | None
    function: Body
    takes: frozenset[str] = frozenset()

    def __call__(self, call: Call, /, **params: Any) -> Answer | None:
        return self.function(call, **params)


def operation(name: str, *, on: Targets | None) -> Callable[[Body], Operation]:
    """Declare the function below as an AWS operation: the name its service's API description has, and its own.

    The function's keyword arguments are the members of AWS's input shape in snake case; it answers a mapping
    by AWS's member names. `on` is not optional: nothing can be served without saying what it takes.
    """

    def declare(function: Body) -> Operation:
        service, _, wire_name = name.partition(":")
        action = f"{_PREFIXES.get(service, service)}:{wire_name}"
        return Operation(service, wire_name, action, on, function, _keywords(function))

    return declare


def _keywords(function: Body) -> frozenset[str]:
    parameters = inspect.signature(function).parameters.values()
    return frozenset(given.name for given in parameters if given.kind is inspect.Parameter.KEYWORD_ONLY)


def all_resources(_call: Call, _params: Params) -> Sequence[Target]:
    """For actions without resource: only `Resource: "*"` allows them."""
    return _ANYTHING


_ANYTHING = (Target(),)


class Registry:
    """Every operation served, by service and name."""

    def __init__(self, modules: Iterable[ModuleType]) -> None:
        self._operations: dict[tuple[str, str], Operation] = {}
        for module in modules:
            for value in vars(module).values():
                if isinstance(value, Operation) and value.function.__module__ == module.__name__:
                    key = (value.service, value.name)
                    assert key not in self._operations, f"{value.action} is declared twice"
                    self._operations[key] = value

    def find(self, service: str, name: str) -> Operation | None:
        """The operation of that name, if it is served."""
        return self._operations.get((service, name))

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._operations.values())
