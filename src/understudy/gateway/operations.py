"""What an operation is, and where to find it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import msgspec

from understudy.core.answers import Answer
from understudy.gateway.call import Call, Params, Target

Targets = Callable[[Call, Params], Sequence[Target]]
Body = Callable[..., Answer | None]


class Operation(msgspec.Struct, frozen=True):
    """An AWS operation: its function, the action it needs, and what the caller must be allowed to act on.

    `on` answers the targets of one call, all of which must be allowed; `None` marks the few operations that
    AWS answers to any caller with valid credentials. `takes` are the function's parameters: an API description
    may be newer than the function. `service` is the id of the service in whose folder the function is.
    """

    action: str
    on: Targets | None
    function: Body
    takes: frozenset[str] = frozenset()
    service: str = ""

    @property
    def name(self) -> str:
        """Its name in the API description, which is the action's without the prefix."""
        return self.action.partition(":")[2]

    def __call__(self, call: Call, /, **params: Any) -> Answer | None:
        return self.function(call, **params)


def operation(action: str, *, on: Targets | None) -> Callable[[Body], Operation]:
    """Declare the function below as an AWS operation, by the action that calling it takes: `iam:CreateRole`.

    The function's keyword arguments are the members of AWS's input shape in snake case; it answers a mapping
    by AWS's member names. `on` is not optional: nothing can be served without saying what it takes.
    """

    def declare(function: Body) -> Operation:
        return Operation(action, on, function, _keywords(function))

    return declare


def _keywords(function: Body) -> frozenset[str]:
    parameters = inspect.signature(function).parameters.values()
    return frozenset(given.name for given in parameters if given.kind is inspect.Parameter.KEYWORD_ONLY)


def all_resources(_call: Call, _params: Params) -> Sequence[Target]:
    """For actions without resource: only `Resource: "*"` allows them."""
    return _ANYTHING


_ANYTHING = (Target(),)


def operations_in(modules: Iterable[ModuleType]) -> Iterator[Operation]:
    """The operations these modules declare; not those they import."""
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Operation) and value.function.__module__ == module.__name__:
                yield value
