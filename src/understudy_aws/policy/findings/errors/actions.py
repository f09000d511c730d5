"""Errors of actions: those that AWS does not have, and those a policy of this place cannot govern."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice

from understudy_aws.data import service_catalogue
from understudy_aws.data.newer_actions import newer_actions
from understudy_aws.policy.findings.check import Problem, check
from understudy_aws.policy.findings.finding import TRUST_POLICY, PolicyType
from understudy_aws.policy.findings.tree import PolicyTree, StatementNode
from understudy_aws.policy.language.json_text import StringNode
from understudy_aws.policy.language.memo import memoized
from understudy_aws.policy.language.nearest_names import MOST_GUESSES, nearest_action, nearest_service
from understudy_aws.policy.language.patterns import matcher, wildcard_tokens

# Operations of the API that another action allows ("Actions, resources, and condition keys" of the services).
OPERATIONS = {
    "dynamodb:executestatement": "dynamodb:PartiQLSelect",
    "dynamodb:transactgetitems": "dynamodb:GetItem",
    "dynamodb:transactwriteitems": "dynamodb:PutItem",
    "lambda:invoke": "lambda:InvokeFunction",
    "s3:completemultipartupload": "s3:PutObject",
    "s3:copyobject": "s3:PutObject",
    "s3:createmultipartupload": "s3:PutObject",
    "s3:deletebucketlifecycle": "s3:PutLifecycleConfiguration",
    "s3:deleteobjects": "s3:DeleteObject",
    "s3:getbucketencryption": "s3:GetEncryptionConfiguration",
    "s3:getbucketlifecycle": "s3:GetLifecycleConfiguration",
    "s3:getbucketreplication": "s3:GetReplicationConfiguration",
    "s3:headbucket": "s3:ListBucket",
    "s3:headobject": "s3:GetObject",
    "s3:listbuckets": "s3:ListAllMyBuckets",
    "s3:listmultipartuploads": "s3:ListBucketMultipartUploads",
    "s3:listobjects": "s3:ListBucket",
    "s3:listobjectsv2": "s3:ListBucket",
    "s3:listobjectversions": "s3:ListBucketVersions",
    "s3:listparts": "s3:ListMultipartUploadParts",
    "s3:putbucketencryption": "s3:PutEncryptionConfiguration",
    "s3:putbucketlifecycle": "s3:PutLifecycleConfiguration",
    "s3:putbucketreplication": "s3:PutReplicationConfiguration",
    "s3:uploadpart": "s3:PutObject",
    "sns:publishbatch": "sns:Publish",
    "sqs:changemessagevisibilitybatch": "sqs:ChangeMessageVisibility",
    "sqs:deletemessagebatch": "sqs:DeleteMessage",
    "sqs:sendmessagebatch": "sqs:SendMessage",
}

# Of how many services it is worth asking whose an action without one is.
_MOST_OTHERS = 20
_WILD = re.compile(r"[*?]")

# The service whose actions a policy attached there can name, and the resource types they have to act on.
_GOVERNED: dict[str, tuple[str, frozenset[str]]] = {
    "AWS::S3::Bucket": ("s3", frozenset({"bucket", "object"})),
    "AWS::S3::AccessPoint": ("s3", frozenset()),
    "AWS::S3::MultiRegionAccessPoint": ("s3", frozenset()),
    "AWS::S3ObjectLambda::AccessPoint": ("s3-object-lambda", frozenset()),
    TRUST_POLICY: ("sts", frozenset()),
    "AWS::DynamoDB::Table": ("dynamodb", frozenset()),
}


@check("INVALID_ACTION", "ERROR")
def invalid_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report an action its service does not have, a pattern that fits none, or a text that is no action at all."""
    guesses = MOST_GUESSES
    for statement in policy.statements:
        prefixes = _known_prefixes(statement)
        for text in statement.action_texts():
            name = text.value
            if name == "*" or "${" in name:
                continue
            prefix, colon, own = name.partition(":")
            if not colon:
                yield _no_service(policy, text, prefixes)
            elif ":" in own or not own or not prefix:
                yield Problem(
                    f'"{name}" is no action: it takes one service, one colon and one name.',
                    'Write it as "service:Action", such as "s3:GetObject".',
                    (policy.at(text),),
                )
            elif service_catalogue.service(prefix) is not None and not _exists(prefix.lower(), own.lower()):
                guesses -= 1
                yield Problem(
                    _unknown(prefix, own), _guess(prefix, own) if guesses >= 0 else "", (policy.at(text),)
                )


def _known_prefixes(statement: StatementNode) -> list[str]:
    """Return the services that the statement's actions name, as many as are worth asking."""
    prefixes = {text.value.partition(":")[0] for text in statement.action_texts() if ":" in text.value}
    known = (prefix for prefix in sorted(prefixes) if service_catalogue.service(prefix) is not None)
    return list(islice(known, _MOST_OTHERS))


def _no_service(policy: PolicyTree, text: StringNode, others: Sequence[str]) -> Problem:
    """Return the services of the statement's other actions are the first to be asked whose action it may be."""
    meant = next((prefix for prefix in others if service_catalogue.action(f"{prefix}:{text.value}")), None)
    return Problem(
        f'The action "{text.value}" does not say of which service it is.',
        f'Write "{meant}:{text.value}".'
        if meant
        else 'Write it as "service:Action", such as "s3:GetObject".',
        (policy.at(text),),
    )


@memoized(8192)
def _exists(prefix: str, own: str) -> bool:
    service = service_catalogue.service(prefix)
    newer = newer_actions(prefix)
    if service is None or own in service.actions or own in newer:
        return True
    if "*" not in own and "?" not in own:
        return False
    # Most patterns that fit no action are told at once by their longest piece.
    if max(_WILD.split(own), key=len) not in _names(prefix):
        return False
    matches = matcher(wildcard_tokens(own))
    return any(matches(name) for name in (*service.actions, *newer))


@lru_cache(maxsize=64)
def _names(prefix: str) -> str:
    """Return the names of a service's actions, as one text."""
    service = service_catalogue.service(prefix)
    return "\n".join((*(() if service is None else service.actions), *newer_actions(prefix)))


def _unknown(prefix: str, own: str) -> str:
    if "*" in own or "?" in own:
        return f'No action of {prefix} fits the pattern "{own}".'
    return f'{prefix} has no action "{own}".'


def _guess(prefix: str, own: str) -> str:
    other = OPERATIONS.get(f"{prefix}:{own}".lower())
    if other is not None:
        return f'Write "{other}": that is the action which allows the operation {own}.'
    meant = nearest_action(prefix, own.strip("*?"))
    if meant is None:
        return f"Look up the actions of {prefix}, or leave it out."
    return f'Write "{meant}", if that is what is meant.'


def _is_service(prefix: str) -> bool:
    return service_catalogue.service(prefix) is not None or bool(newer_actions(prefix))


@check("INVALID_SERVICE_IN_ACTION", "ERROR")
def invalid_service_in_action(policy: PolicyTree) -> Iterator[Problem]:
    """Report an action of a service AWS does not have."""
    guesses = MOST_GUESSES
    for statement in policy.statements:
        for text in statement.action_texts():
            prefix, colon, own = text.value.partition(":")
            if not colon or not prefix or not own or ":" in own or "${" in text.value:
                continue
            if "*" in prefix or "?" in prefix or _is_service(prefix):
                continue
            guesses -= 1
            meant = nearest_service(prefix) if guesses >= 0 else None
            yield Problem(
                f'There is no service "{prefix}" among the prefixes of actions.',
                f'Write "{meant}:{own}", if that is what is meant.'
                if meant
                else "Look up the prefix of the service's actions.",
                (policy.at_part(text, 0, len(prefix)),),
            )


@check("UNSUPPORTED_ACTION_IN_POLICY", "ERROR")
def unsupported_action_in_policy(policy: PolicyTree) -> Iterator[Problem]:
    """Report an action that the resource a policy is attached to has no part in."""
    if policy.type is not PolicyType.RESOURCE or policy.resource_type not in _GOVERNED:
        return
    service, types = _GOVERNED[policy.resource_type]
    for statement in policy.statements:
        for element in statement.actions:
            if element.inverted:
                continue
            for text in element.texts:
                if not _is_governed(text.value, service, types):
                    yield Problem(
                        f"A policy attached to {policy.resource_type} cannot govern {text.value}.",
                        f"Name actions of {service} that act on it; others belong into other policies.",
                        (policy.at(text),),
                    )


def _is_governed(action: str, service: str, types: frozenset[str]) -> bool:
    prefix, colon, _ = action.partition(":")
    if not colon or "*" in prefix or "?" in prefix or "${" in prefix:
        return True
    if prefix.lower() != service:
        # A service nobody knows is another finding's business.
        return service_catalogue.service(prefix) is None
    known = service_catalogue.action(action)
    return known is None or not types or any(resource.name in types for resource in known.resources)


CHECKS = (invalid_action, invalid_service_in_action, unsupported_action_in_policy)
