"""cedarpy with parsed handles: one `PolicySet` per principal and one empty `Entities`.

Requests are made as its documentation shows, names in Cedar's syntax and the context a dictionary; with `--fastest`
names as dictionaries and the context as JSON text, which leaves it less to read.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import measure
from cedarpy import Decision, Entities, PolicySet, is_authorized

VERSION = version("cedarpy")
UNSERVED = {}
FASTEST = "--fastest" in sys.argv
NO_ENTITIES = Entities.from_json_str("[]")


def compile_document(document):
    return document["cedar"]


def compile_text(texts):
    return PolicySet.from_str(texts["cedar"])


def subjects(row, documents):
    return [
        PolicySet.from_str(
            "".join(
                documents[name]
                for level in (who["identity"], [who["boundary"]] if who["boundary"] else [], *who["scps"])
                for name in level
            )
        )
        for who in row["principals"]
    ]


def request(question, who, always):
    context = {
        **always,
        **question["context"],
        "action": question["action"],
        "resource": question["resource"],
    }
    names = {"principal": ("Role", who["role_arn"])}
    names |= {key: (key.capitalize(), question[key]) for key in ("action", "resource")}
    if FASTEST:
        return {
            **{key: {"type": kind, "id": name} for key, (kind, name) in names.items()},
            "context": json.dumps(context),
        }
    return {**{key: f'{kind}::"{name}"' for key, (kind, name) in names.items()}, "context": context}


def decide(asked, policies):
    return is_authorized(asked, policies, NO_ENTITIES)


def is_allowed(result):
    return result.decision is Decision.Allow


if __name__ == "__main__":
    measure.main(sys.modules[__name__])
