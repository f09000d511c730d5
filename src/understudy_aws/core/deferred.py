"""Modules that are imported when something of theirs is first used, so that a start imports only what it needs.

A module is deferred where it is imported, and nowhere else:

    if TYPE_CHECKING:
        from understudy_aws.admin import explanations
    else:
        explanations = deferred("understudy_aws.admin.explanations")

What stands under `TYPE_CHECKING` is what the type checker and the import contracts see.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any


class _Deferred(ModuleType):
    """A stand-in for a module. What was once looked up is its own attribute from then on and costs no more."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


def deferred(module: str) -> Any:
    """A stand-in for the module of that name, which is imported when an attribute is first asked for."""
    return _Deferred(module)


def names_of(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """The `__getattr__` of a package whose names live in its submodules, each imported when first asked for.

    `modules` are the names in each, by its name within the package. A name is kept in the package once it was
    looked up. Raises AttributeError for any other name.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def look_up(name: str) -> Any:
        module = module_of.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{module}"), name)
        setattr(import_module(package), name, value)
        return value

    return look_up
