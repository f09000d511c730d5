"""moto's `IAMPolicy`, asked as `IAMRequest.check_action_permitted` asks it, with the documents read beforehand.

Its own requests read a principal's documents anew each time; that is left out here.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import measure
from moto.iam.access_control import IAMPolicy, PermissionResult

VERSION = version("moto")
UNSERVED = {"layers": "it has no permissions boundaries and no SCPs"}


def compile_document(document):
    return IAMPolicy(json.dumps(document["aws"]))


def compile_text(texts):
    return IAMPolicy(texts["aws"])


def subjects(row, documents):
    return [[documents[name] for name in who["identity"]] for who in row["principals"]]


def request(question, _who, _always):
    """Action and resource: nothing else of a request reaches its identity policies."""
    return question["action"], question["resource"]


def decide(asked, policies):
    action, resource = asked
    permitted = False
    for policy in policies:
        result = policy.is_action_permitted(action, resource)
        if result is PermissionResult.DENIED:
            return False
        if result is PermissionResult.PERMITTED:
            permitted = True
    return permitted


def is_allowed(permitted):
    return permitted


if __name__ == "__main__":
    measure.main(sys.modules[__name__])
