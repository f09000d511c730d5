"""Decodes encoded authorization messages (sts.md 3.2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import all_resources, operation
from understudy_aws.gateway.trail import EvaluatedQuestion, TrailEntry


@operation("sts:DecodeAuthorizationMessage", on=all_resources)
def decode_authorization_message(call: Call, *, encoded_message: str) -> Answer:
    """Tell what was denied, to whom, and in which context. Only requests of the caller's account are told."""
    request_id = call.gateway.message_signer.verify(encoded_message)
    entry = call.gateway.trail.find(request_id) if request_id is not None else None
    refused = [evaluation for evaluation in entry.evaluations if not evaluation.allowed] if entry else []
    if entry is None or not refused or entry.account != call.account:
        raise ApiError(
            "InvalidAuthorizationMessageException", "The encoded authorization message is invalid."
        )
    return {"DecodedMessage": json.dumps(decoded(entry, refused[-1]), separators=(",", ":"))}


def decoded(entry: TrailEntry, refused: EvaluatedQuestion) -> Mapping[str, Any]:
    """Return the message in AWS's form."""
    explicit = refused.effect == "explicit-deny"
    statement = {"statementId": refused.sid, "effect": "DENY", "sourcePolicyId": refused.policy}
    return {
        "allowed": False,
        "explicitDeny": explicit,
        "matchedStatements": {"items": [statement] if explicit else []},
        "failures": {"items": []},
        "context": {
            "principal": {
                "id": entry.caller.user_id,
                "name": entry.caller.arn.rpartition("/")[2],
                "arn": entry.caller.arn,
            },
            "action": refused.action,
            "resource": refused.resource,
            "conditions": {
                "items": [
                    {
                        "key": key,
                        "values": {
                            "items": [
                                {"value": each} for each in ([value] if isinstance(value, str) else value)
                            ]
                        },
                    }
                    for key, value in refused.context.items()
                ]
            },
        },
    }
