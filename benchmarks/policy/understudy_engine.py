"""Understudy's engine: documents compiled once, one `Bindings` per principal."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import measure

from understudy_aws import policy
from understudy_aws.policy import Bindings, NamedPolicy, Principal, Question, compile_policy
from understudy_aws.policy.engine.policies import compile_uncached

VERSION = version("understudy-aws")
UNSERVED = {}
# Called as it is, without a function around it.
decide = policy.decide


def compile_document(document):
    return json.dumps(document["aws"])


def compile_text(texts):
    return compile_uncached(texts["aws"], "identity")


def subjects(row, documents):
    def named(name, kind):
        return NamedPolicy(name, compile_policy(documents[name], kind=kind))

    return [
        Bindings(
            identity=tuple(named(name, "identity") for name in who["identity"]),
            boundary=who["boundary"] and named(who["boundary"], "boundary"),
            scps=tuple(tuple(named(name, "scp") for name in level) for level in who["scps"]),
        )
        for who in row["principals"]
    ]


def request(question, who, always):
    account = who["role_arn"].split(":")[4]
    principal = Principal("role-session", who["arn"], account, role_arn=who["role_arn"])
    context = {key.lower(): value for key, value in {**always, **question["context"]}.items()}
    return Question(principal, question["action"], question["resource"], context)


def is_allowed(decision):
    return decision.allowed


if __name__ == "__main__":
    measure.main(sys.modules[__name__])
