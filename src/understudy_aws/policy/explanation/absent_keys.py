"""Why a request does not carry a condition key: whether it ever can, and what would have to be sent."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from understudy_aws.data import service_catalogue
from understudy_aws.policy.language.nearest_names import Vocabulary
from understudy_aws.policy.language.question import Principal, Question

Verdict = Literal["unknown", "never", "other-resource", "can", "circumstances"]

_NEVER = "no value would help"
# Put into requests by who makes them, so that the catalogue lists them with each action that takes them.
_OF_THE_REQUEST = ("aws:requesttag/", "aws:tagkeys")

_ALWAYS = "every request carries it; this question was put without it"
_THROUGH_AN_ENDPOINT = "only requests through a VPC endpoint carry it"
_OF_A_CALLING_SERVICE = "only a service that calls in its own name carries it"
_FOR_A_RESOURCE = "only a service that calls on behalf of a resource carries it"
_CALLED_VIA = "only calls that a service makes on with the caller's credentials carry it"
_IN_AN_ORGANIZATION = "the {whose} account is in no organization"

# When the global keys are there (policies.md 4.6).
_GLOBAL = {
    **dict.fromkeys(
        (
            "aws:currenttime", "aws:epochtime", "aws:requestedregion", "aws:securetransport", "aws:useragent",
            "aws:viaawsservice", "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid",
            "aws:principalisawsservice", "aws:resourceaccount",
        ),
        _ALWAYS,
    ),
    **dict.fromkeys(
        (
            "aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:vpcsourceip", "aws:vpceaccount",
            "aws:vpceorgid", "aws:vpceorgpaths",
        ),
        _THROUGH_AN_ENDPOINT,
    ),
    **dict.fromkeys(
        ("aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths"), _FOR_A_RESOURCE
    ),
    **dict.fromkeys(("aws:principalservicename", "aws:principalservicenameslist"), _OF_A_CALLING_SERVICE),
    **dict.fromkeys(("aws:calledvia", "aws:calledviafirst", "aws:calledvialast"), _CALLED_VIA),
    **dict.fromkeys(
        ("aws:principalorgid", "aws:principalorgpaths"), _IN_AN_ORGANIZATION.format(whose="caller's")
    ),
    **dict.fromkeys(
        ("aws:resourceorgid", "aws:resourceorgpaths"), _IN_AN_ORGANIZATION.format(whose="resource's")
    ),
    "aws:username": "only IAM users carry it",
    "aws:sourceip": "requests through a VPC endpoint, or from a service, do not carry it",
    "aws:tokenissuetime": "only temporary credentials carry it",
    "aws:multifactorauthpresent": "only temporary credentials carry it; long-term keys never do",
    "aws:multifactorauthage": "only sessions made with a second factor carry it",
    "aws:sourceidentity": "only sessions made with a source identity carry it",
    "aws:federatedprovider": "only sessions of a federated login carry it",
    "aws:assumedroot": "only sessions of sts:AssumeRoot carry it",
    "aws:chatbotsourcearn": "only sessions of a chat client carry it",
    "aws:ec2instancesourcevpc": "only sessions of an EC2 instance carry it",
    "aws:ec2instancesourceprivateipv4": "only sessions of an EC2 instance carry it",
    "aws:referer": "only links in a browser carry it",
}  # fmt: skip

# What a caller sends for a key, where that is not plain from the key.
_SENT_AS = {
    "aws:tagkeys": "send tags with the request",
    "sts:externalid": "assume the role with the external id its owner gave out",
    "sts:rolesessionname": "assume the role under a session name",
    "sts:sourceidentity": "assume the role with a source identity",
    "sts:transitivetagkeys": "pass tags on as transitive when assuming the role",
    "iam:permissionsboundary": "send a permissions boundary with the request, or set one on the entity first",
    "ec2:createaction": "only tags that are sent while a resource is created carry it",
}


class AbsentKey(msgspec.Struct, frozen=True):
    """A key the policies asked for and the request does not carry; `text` is what there is to say of it."""

    key: str
    verdict: Verdict
    text: str


def absent_key(key: str, question: Question) -> AbsentKey:
    """Explains why `key`, as its author spelled it, is absent from this question."""
    lowered = key.lower()
    circumstances = _of_the_request(lowered, key, question.principal)
    if circumstances:
        return AbsentKey(key, "circumstances", circumstances)
    if service_catalogue.condition_key_type(key) is None:
        meant = _meant(key, question.action.partition(":")[0].lower())
        return AbsentKey(
            key, "unknown", "no service knows this key" + (f"; {meant} may be meant" if meant else "")
        )
    action = service_catalogue.action(question.action)
    if action is None:
        return AbsentKey(key, "can", "some requests carry it, this one does not")
    if _any_matches(action.condition_keys, lowered):
        return AbsentKey(key, "can", _how_to_send(lowered, key, action.full_name))
    return _by_resource(key, question, action)


def _by_resource(key: str, question: Question, action: service_catalogue.Action) -> AbsentKey:
    """Explains a key that only requests about some resource types carry, if the action has it at all."""
    types = _types_carrying(action, key.lower())
    if not types:
        return AbsentKey(key, "never", f"{action.full_name} never carries it: {_NEVER}")
    own = {each.name for each in service_catalogue.resource_types_of(question.resource)}
    if own and own.isdisjoint(types):
        mine = " or ".join(sorted(own))
        text = f"{action.full_name} carries it for {_listed(types)}, never for {mine}: {_NEVER} here"
        return AbsentKey(key, "other-resource", text)
    return AbsentKey(key, "can", _how_to_send(key.lower(), key, action.full_name))


def _of_the_request(lowered: str, key: str, principal: Principal) -> str:
    """When a global key is there, or a claim of an identity provider's; "" for a key that hangs on the action."""
    if lowered.startswith("aws:principaltag/"):
        tag = key.partition("/")[2]
        if principal.kind in _KINDS:
            return f"the caller has no tag {tag}: tag the {_KINDS[principal.kind]}, or make a session with that tag"
        return f"the caller has no tag {tag}"
    # Such as `id.example.com:sub`.
    prefix = lowered.partition(":")[0]
    if prefix == "saml" or "." in prefix:
        return "only who comes with a token of that identity provider carries it"
    return _GLOBAL.get(lowered, "")


_KINDS = {"user": "user", "role-session": "role"}


def _types_carrying(action: service_catalogue.Action, lowered: str) -> list[str]:
    """Return the resource types for which requests of the action can carry the key."""
    service = service_catalogue.service(action.service)
    assert service is not None, "its action was found"
    found = []
    for each in action.resources:
        known = service.resource_types.get(each.name)
        keys = each.condition_keys
        # What all requests about a type can carry stands with the type alone.
        if known is not None and not lowered.startswith(_OF_THE_REQUEST):
            keys += known.condition_keys
        if _any_matches(keys, lowered):
            found.append(each.name)
    return found


def _any_matches(patterns: Iterable[str], lowered: str) -> bool:
    return any(_matches(pattern, lowered) for pattern in patterns)


@lru_cache(maxsize=8192)
def _matches(pattern: str, lowered: str) -> bool:
    """Return whether a key of the catalogue, such as `aws:RequestTag/${TagKey}`, is this key."""
    start, free, _ = pattern.lower().partition("${")
    return lowered.startswith(start) and len(lowered) > len(start) if free else start == lowered


def _how_to_send(lowered: str, key: str, action: str) -> str:
    tag = key.partition("/")[2]
    if lowered.startswith("aws:requesttag/"):
        return f"send the tag {tag} with the request"
    if ":resourcetag/" in lowered:
        return f"the resource has no tag {tag}"
    return _SENT_AS.get(lowered) or f"{action} can carry it, and this request does not"


def _listed(types: list[str]) -> str:
    return ", ".join(types[:4]) + (f" and {len(types) - 4} other types" if len(types) > 4 else "")


def _meant(key: str, service: str) -> str:
    """Return the known key most like this one, with the free part of what was written; "" for none."""
    head, slash, tail = key.partition("/")
    found = _vocabulary(service, key.partition(":")[0].lower(), bool(slash)).nearest(head)
    return f"{found}{slash}{tail}" if found else ""


@lru_cache(maxsize=64)
def _vocabulary(service: str, written: str, has_free_part: bool) -> Vocabulary:
    """Return the keys that may be meant: global ones, those of the action's service and of the one that was written."""
    services = [service_catalogue.service(prefix) for prefix in dict.fromkeys((service, written))]
    known = [*_SPELLED, *(key for each in services if each is not None for key in each.condition_keys)]
    return Vocabulary(key.partition("/")[0] for key in known if ("/" in key) is has_free_part)


# The global keys as AWS spells them, to suggest in place of a misspelt one.
_SPELLED = (
    "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:CurrentTime", "aws:EpochTime",
    "aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount",
    "aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalTag/", "aws:PrincipalType",
    "aws:RequestTag/", "aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths",
    "aws:ResourceTag/", "aws:SecureTransport", "aws:SourceAccount", "aws:SourceArn", "aws:SourceIdentity",
    "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceVpc", "aws:SourceVpce", "aws:TagKeys",
    "aws:TokenIssueTime", "aws:UserAgent", "aws:ViaAWSService", "aws:VpcSourceIp", "aws:userid", "aws:username",
)  # fmt: skip
