"""The services: every folder here is one, described by `SERVICE` in its `__init__.py`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from understudy_aws.gateway.service import Service


def _described(folder: str) -> Service:
    """Return the description of the service in a folder.

    Raises LookupError for a folder without one, or of another name.
    """
    service = getattr(import_module(f"{__name__}.{folder}"), "SERVICE", None)
    if not isinstance(service, Service) or service.id != folder:
        raise LookupError(f"services/{folder}/__init__.py does not describe a SERVICE of that id.")
    return service


SERVICES = tuple(_described(found.name) for found in iter_modules(__path__) if found.ispkg)
