"""What callers need: which action is asked of which resource, with which keys, when each operation is really called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from samples import keeps
from situations import estate

from understudy_aws.gateway.operations import Operation
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

TAGS = [{"Key": "team", "Value": "a"}]
# Keys of every request say nothing about the operation; tags do.
_OF_EVERY_REQUEST = re.compile("aws:(?!requesttag/|resourcetag/|tagkeys$)")
_FREE_PART = re.compile(
    r"^((?:aws|ec2|ecr|iam|secretsmanager|ssm):(?:requesttag|resourcetag)|ec2:attribute)/.*"
)
# Parts of ARNs that are drawn at random, or are an account's.
_DRAWN = (
    (re.compile(r"\b\d{12}\b"), "ACCOUNT"),
    (re.compile(r"\b([a-z]+)-0[0-9a-f]{16}\b"), r"\1-ID"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"(:secret:[\w-]+)-[A-Za-z0-9]{6}\b"), r"\1-SUFFIX"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "ID"),
    (
        re.compile(r"\b(o|r|ou|p|h|car)-(?!FullAWSAccess|RCPFullAWSAccess)[0-9a-z]{4,32}(-[0-9a-z]+)?\b"),
        r"\1-ID",
    ),
)
# Called last: what they delete others need.
_TAKES_AWAY = re.compile(
    "(Delete|Remove|Detach|Disable|Leave|Close|Disassociate|Decline|Cancel|Unassign|Untag|Revoke|Move|Replace(RouteTable|NetworkAcl)Association|Update(User|Group)$)"
)

PARAMETER = "arn:aws:ssm:us-east-1:000000000000:parameter/web/parameter"

# Where one name stands for different things.
_OF_ONE_OPERATION: dict[str, dict[str, tuple[str, ...]]] = {
    "iam:DeleteServiceLinkedRole": {"RoleName": ("AWSServiceRoleForAppRunnerNetworking",)},
    "iam:GetServiceLinkedRoleDeletionStatus": {
        "DeletionTaskId": (
            "task/aws-service-role/networking.apprunner.amazonaws.com/AWSServiceRoleForAppRunnerNetworking/12345678-1234-1234-1234-123456789012",
        )
    },
    "sts:GetFederationToken": {"Name": ("federated",)},
    "sts:AssumeRoot": {
        "TargetPrincipal": ("123456789012",),
        "arn": ("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",),
    },
    "iam:CreateRole": {"RoleName": ("new-role",)},
    "iam:CreateSAMLProvider": {"Name": ("new-provider",)},
    "iam:CreateUser": {"UserName": ("new-user",)},
    "secretsmanager:CreateSecret": {"Name": ("another",)},
    "ecr:CreateRepository": {"repositoryName": ("team/another",)},
    **{
        f"ecr:{name}": {"resourceArn": ("arn:aws:ecr:us-east-1:000000000000:repository/team/app",)}
        for name in ("ListTagsForResource", "TagResource", "UntagResource")
    },
    "ssm:PutParameter": {"Name": ("/web/another",)},
    "iam:GenerateServiceLastAccessedDetails": {"Arn": ("arn:aws:iam::000000000000:role/role",)},
    "iam:ListPoliciesGrantingServiceAccess": {"Arn": ("arn:aws:iam::000000000000:role/role",)},
    **{
        f"ssm:{name}": {
            "Name": ("/web/parameter",),
            "ResourceId": ("/web/parameter",),
            "ResourceArn": (PARAMETER,),
        }
        for name in (
            "AddTagsToResource",
            "DeleteParameter",
            "DeleteResourcePolicy",
            "GetParameter",
            "GetParameterHistory",
            "GetResourcePolicies",
            "LabelParameterVersion",
            "ListTagsForResource",
            "PutResourcePolicy",
            "RemoveTagsFromResource",
            "UnlabelParameterVersion",
        )
    },
}

# What is left out, because with a made-up value no question is asked: there is no such code of an MFA device.
_NOT_SENT = {"sts:AssumeRole": frozenset({"SerialNumber", "TokenCode"})}

# (action, resource, whether it is asked when only what is required is sent) -> the keys it was asked with.
Asked = dict[tuple[str, str], tuple[bool, set[str]]]


def table(operations: Iterable[Operation]) -> Iterator[str]:
    """The permission table, line by line."""
    listed = tuple(operations)
    by_token = {each.action for each in listed if each.identifies is not None}
    for operation, questions in sorted(asked_by(listed).items()):
        yield operation
        if not questions:
            yield "    whoever shows a good token" if operation in by_token else "    any caller"
        for (action, resource), (always, keys) in sorted(questions.items()):
            when = "always" if always else "if sent"
            yield f"    {when:8} {action} on {resource}{''.join(f' {key}' for key in sorted(keys))}"


def asked_by(operations: tuple[Operation, ...]) -> dict[str, Asked]:
    """The questions of every operation, by its action; those of the calls that services make for it included."""
    found: dict[str, Asked] = {operation.action: {} for operation in operations}
    ordered = sorted(operations, key=lambda each: (bool(_TAKES_AWAY.match(each.name)), each.action))
    with Understudy(iam="soft", ids_seed=1, settles=False) as understudy:
        known = tagged_estate(understudy)
        for operation in ordered:
            _call(understudy, operation, known, found[operation.action])
    with Understudy(iam="soft", ids_seed=1, settles=False) as understudy:
        # Where no service has its linked role yet, some operations create it.
        known = {name: values for name, values in known.items() if name not in {"Subnets", "SecurityGroups"}}
        known["Subnets"] = (understudy.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"],)
        for operation in ordered:
            if operation.name.startswith("Create") and operation.service in {"apprunner", "organizations"}:
                _call(understudy, operation, known, found[operation.action])
    return found


def tagged_estate(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """Something of every kind, with a tag and a boundary where it can have one."""
    known = estate(understudy)
    ec2, iam = understudy.client("ec2"), understudy.client("iam")
    names = (
        "VpcId", "SubnetId", "GroupId", "DhcpOptionsId", "NetworkInterfaceId", "SecurityGroupRuleId",
        "RouteTableId", "InternetGatewayId", "AllocationId", "NatGatewayId", "NetworkAclId",
        "EgressOnlyInternetGatewayId", "SubnetCidrReservationId", "ExclusionId", "VpcPeeringConnectionId",
        "FlowLogIds", "NetworkInsightsPathId", "NetworkInsightsAnalysisId", "VpcEndpointId",
        "PrefixListId",
    )  # fmt: skip
    ec2.create_tags(Resources=[known[name][0] for name in names], Tags=TAGS)
    iam.tag_user(UserName="somebody", Tags=TAGS)
    iam.tag_role(RoleName="role", Tags=TAGS)
    iam.tag_policy(PolicyArn=known["PolicyArn"][0], Tags=TAGS)
    iam.tag_instance_profile(InstanceProfileName="profile", Tags=TAGS)
    boundary = known["PermissionsBoundary"][0]
    iam.put_user_permissions_boundary(UserName="somebody", PermissionsBoundary=boundary)
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=boundary)
    for arn in known["ResourceArn"]:
        understudy.client("apprunner").tag_resource(ResourceArn=arn, Tags=TAGS)
    understudy.client("secretsmanager").tag_resource(SecretId="a-secret", Tags=TAGS)
    return {
        **known,
        "": ("abcd", "123456", *known[""]),
        "PolicySourceArn": known["RoleArn"],
        "SAMLProviderArn": ("arn:aws:iam::000000000000:saml-provider/provider",),
        "SAMLMetadataDocument": ("a" * 1000,),
        "OpenIDConnectProviderArn": ("arn:aws:iam::000000000000:oidc-provider/id.example.com",),
        "VpcConnectorName": ("connector",),
        "NewUserName": ("new-name",),
        "NewGroupName": ("new-name",),
        "CustomSuffix": ("suffix",),
        "RoleSessionName": ("session",),
        "SourceIdentity": ("identity",),
        "TransitiveTagKeys": ("team",),
    }


def _call(understudy: Understudy, operation: Operation, known: dict[str, Any], found: Asked) -> None:
    """Call with what is required, then with everything that is served, and take in the questions."""
    shape = load(operation.service).operation(operation.name)
    assert shape is not None
    client = understudy.client(operation.service)
    method = getattr(client, snake(operation.name))
    for everything in (False, True):
        wanted = shape.input.members if shape.input else {}
        known = {**known, **_OF_ONE_OPERATION.get(operation.action, {}), **_associations(operation, known)}
        params = {
            name: value_of(member.shape, name, known, everything)
            for name, member in wanted.items()
            if name in shape.input.required or (everything and snake(name) in operation.takes)
            if name not in _NOT_SENT.get(operation.action, ())
        }
        last = understudy.trail(1)[-1].request_id
        with suppress(ClientError, BotoCoreError):
            method(**params)
        for action, resource, keys in _since(understudy, last):
            always, before = found.get((action, resource), (False, set()))
            found[action, resource] = (always or not everything, before | keys)


def _associations(operation: Operation, known: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The association that an operation of EC2 is about: of a route table, an address, an ACL or a block."""
    kinds = {
        "DisassociateAddress": "eipassoc-",
        "ReplaceNetworkAclAssociation": "aclassoc-",
        "DisassociateVpcCidrBlock": "vpc-cidr-assoc-",
        "DisassociateSubnetCidrBlock": "subnet-cidr-assoc-",
    }
    prefix = kinds.get(operation.name, "rtbassoc-")
    return {"AssociationId": tuple(id for id in known["AssociationId"] if id.startswith(prefix))}


def _since(understudy: Understudy, request_id: str) -> Iterator[tuple[str, str, set[str]]]:
    """The questions of all calls after that request."""
    calls = understudy.trail(20)
    numbers = [number for number, entry in enumerate(calls) if entry.request_id == request_id]
    assert numbers, "an operation makes fewer calls than these"
    for entry in calls[numbers[0] + 1 :]:
        assert entry.outcome != "InternalFailure", entry
        for each in entry.evaluations:
            keys = each.context or each.keys or {}
            yield (
                each.action,
                shape_of(each.resource),
                {_FREE_PART.sub(r"\1/*", key) for key in keys if not _OF_EVERY_REQUEST.match(key)},
            )


def shape_of(resource: str) -> str:
    """A resource's ARN without what is drawn at random."""
    for pattern, instead in _DRAWN:
        resource = pattern.sub(instead, resource)
    return resource


def value_of(shape: Any, name: str, known: dict[str, Any], everything: bool, depth: int = 0) -> Any:
    """The first value for a member of this name that keeps its constraints; the same at every run."""
    if shape.type == "structure":
        return {
            inner: value_of(member.shape, inner, known, everything, depth + 1)
            for inner, member in shape.members.items()
            if depth < 5 and (everything or inner in shape.required or name in {"Tags", "tags"})
        }
    if shape.type == "list":
        return [value_of(shape.element.shape, name, known, everything, depth + 1)]
    if shape.type == "map":
        return {"key": value_of(shape.value.shape, name, known, everything, depth + 1)}
    if shape.type == "string":
        fitting = [text for text in (*known.get(name, ()), *known[""]) if keeps(shape, text)]
        known_words = [text for text in known.get(name, ()) if text in shape.enum]
        return (known_words or shape.enum or fitting or ["abcd"])[0]
    if shape.type in {"integer", "long"}:
        return int(shape.min or 1)
    return {"boolean": True, "blob": b"x", "timestamp": "2026-01-02T03:04:05Z"}.get(shape.type, 1.5)
