"""Writes the actions that are newer than the service catalogue, so that nobody is told they do not exist.

    python tools/generate_newer_actions.py

Needs botocore, whose API descriptions are newer than the catalogue. An action is written down when an AWS managed
policy that Understudy ships names it or Understudy serves it, the catalogue does not have it, and botocore describes
an operation of its name. Neither alone would do: old policies name actions long gone, and some operations are allowed
by actions of other names. One file comes out, `newer_actions.txt`, with one action per line.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import botocore.session
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from understudy_aws.data import managed_policies, service_catalogue
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES

_FILE = Path(__file__).parents[1] / "src" / "understudy_aws" / "data" / "newer_actions.txt"


def operations() -> dict[str, set[str]]:
    """Every operation in lower case, by each name its service goes by."""
    found: dict[str, set[str]] = defaultdict(set)
    loader = Loader()
    for service in botocore.session.get_session().get_available_services():
        try:
            model = loader.load_service_model(service, "service-2")
        except UnknownServiceError:
            continue
        metadata = model["metadata"]
        names = {name.lower() for name in model["operations"]}
        for prefix in (service, metadata.get("signingName"), metadata.get("endpointPrefix")):
            if prefix:
                found[prefix].update(names)
    return found


def named_actions() -> Iterator[str]:
    """Every action that a managed policy names in full."""
    for policy in managed_policies.everything():
        statements = json.loads(policy.document)["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            for element in ("Action", "NotAction"):
                named = statement.get(element, [])
                yield from [named] if isinstance(named, str) else named


def main() -> None:
    known = operations()
    newer: dict[str, str] = {}
    served = (operation.action for operation in Registry(SERVICES))
    for action in chain(named_actions(), served):
        prefix, _, own = action.partition(":")
        if "*" in own or "?" in own or service_catalogue.action(action) is not None:
            continue
        if own.lower() in known.get(prefix.lower(), ()):
            # The spelling in capitals is the one of the API; some policies begin in lower case.
            newer[action.lower()] = min(newer.get(action.lower(), action), action)
    _FILE.write_text("".join(f"{action}\n" for action in sorted(newer.values(), key=str.lower)))


if __name__ == "__main__":
    main()
