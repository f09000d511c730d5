"""`@operation` declares a function as an AWS operation, with what its callers must be allowed to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import msgspec

from understudy_aws.authn.caller import Caller
from understudy_aws.core.answers import Answer
from understudy_aws.gateway.call import Call, Params, Target

Targets = Callable[[Call, Params], Sequence[Target]]
Identifies = Callable[[Call, Params], Caller]
Body = Callable[..., Answer | None]


class Operation(msgspec.Struct, frozen=True):
    """An AWS operation: its function, its action, and what the caller must be allowed to act on.

    `on` returns the targets of one call, which must all be allowed. None marks the few operations that AWS answers to
    every caller with valid credentials. `takes` are the names of the function's parameters; a newer API description
    may have more members, which are refused by name. `service` is the id of the
    service that declares it, `passes_roles` says whether its requests can hand a role to a service, and
    `keeps_tokens` whether it knows repeated client tokens by itself. `identifies` returns who makes a request that has
    no signature, by what is shown in its parameters, which it verifies.
    """

    action: str
    on: Targets | None
    function: Body
    takes: frozenset[str] = frozenset()
    service: str = ""
    passes_roles: bool = False
    keeps_tokens: bool = False
    identifies: Identifies | None = None

    @property
    def name(self) -> str:
        """The operation's name in the API description: the action without its prefix."""
        return self.action.partition(":")[2]

    def __call__(self, call: Call, /, **params: Any) -> Answer | None:
        return self.function(call, **params)


def operation(
    action: str, *, on: Targets | None, identifies: Identifies | None = None
) -> Callable[[Body], Operation]:
    """Declare the function below as an AWS operation, by the action that calling it takes: `iam:CreateRole`.

    The function's keyword arguments are the members of AWS's input shape in snake case, and it returns a mapping by
    AWS's member names. `on` has no default, so that no operation can be served without a decision on permissions.
    """

    def declare(function: Body) -> Operation:
        return Operation(action, on, function, _keywords(function), identifies=identifies)

    return declare


def _keywords(function: Body) -> frozenset[str]:
    parameters = inspect.signature(function).parameters.values()
    return frozenset(given.name for given in parameters if given.kind is inspect.Parameter.KEYWORD_ONLY)


def all_resources(_call: Call, _params: Params) -> Sequence[Target]:
    """Targets of an action without resources: only a statement with `Resource: "*"` allows it."""
    return _ANYTHING


_ANYTHING = (Target(),)


def operations_in(modules: Iterable[ModuleType]) -> Iterator[Operation]:
    """Yield the operations that these modules declare themselves; those they import are left out."""
    for module in modules:
        for value in vars(module).values():
            if isinstance(value, Operation) and value.function.__module__ == module.__name__:
                yield value
