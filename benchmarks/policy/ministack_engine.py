"""ministack's `iam_evaluator.evaluate`, called as `enforce` calls it, with the statements parsed beforehand.

Its own requests parse a principal's documents anew each time; that is left out here.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version

import measure
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

VERSION = version("ministack")
UNSERVED = {}


def compile_document(document):
    return parse_policy_document(document["aws"])


def compile_text(texts):
    return parse_policy_document(json.loads(texts["aws"]))


def subjects(row, documents):
    """The identity policies, then what limits them: it knows boundaries, and SCP levels are limits alike."""
    return [
        (
            [documents[name] for name in who["identity"]],
            *([[documents[who["boundary"]]]] if who["boundary"] else []),
            *([documents[name] for name in level] for level in who["scps"]),
        )
        for who in row["principals"]
    ]


def request(question, who, always):
    context = {"aws:tagkeys": None} | {key.lower(): value for key, value in question["context"].items()}
    return EvalContext(
        principal_arn=who["arn"],
        principal_type="AssumedRole",
        principal_account=always["aws:PrincipalAccount"],
        action=question["action"],
        resource_arn=question["resource"],
        region=always["aws:RequestedRegion"],
        source_ip=always["aws:SourceIp"],
        secure_transport=True,
        service_context=context,
    )


def decide(context, layers):
    return evaluate(context, *layers)


def is_allowed(result):
    return result.decision == "Allow"


if __name__ == "__main__":
    measure.main(sys.modules[__name__])
