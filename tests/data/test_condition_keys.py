"""The condition keys our operations put before policies are those the catalogue grants, no fewer and no others."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from contextlib import suppress

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from situations import estate, likely

from understudy_aws.data import service_catalogue
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES
from understudy_aws.testing import Understudy
from understudy_aws.wire.model import load
from understudy_aws.wire.names import snake

SERVED = tuple(Registry(SERVICES))
# Keys of every request are not the services' to grant; tags are.
OF_EVERY_REQUEST = re.compile("aws:(?!requesttag/|resourcetag/|tagkeys$)")
FREE = re.compile(r"^((?:aws|ec2|ecr|iam|secretsmanager|ssm):(?:requesttag|resourcetag)|ec2:attribute)/.*")
TAGS = [{"Key": "team", "Value": "a"}]

# Keys we give to an action to which the catalogue does not grant them, and why.
UNGRANTED = {
    ("sts:TagSession", "sts:rolesessionname"): "the request is AssumeRole's, and so are its keys",
    ("sts:TagSession", "sts:externalid"): "as above",
    ("sts:TagSession", "sts:sourceidentity"): "as above",
    ("sts:SetSourceIdentity", "sts:rolesessionname"): "as above",
    ("sts:SetSourceIdentity", "sts:externalid"): "as above",
    ("sts:SetSourceIdentity", "sts:transitivetagkeys"): "as above",
    ("sts:SetSourceIdentity", "aws:requesttag/*"): "as above",
    ("sts:SetSourceIdentity", "aws:tagkeys"): "as above",
}

# Of other ways to assume a role, by a token of an identity provider.
OF_IDENTITY_PROVIDERS = re.compile(
    "(accounts.google|cognito-identity.amazonaws|graph.facebook|www.amazon).com:|saml:"
)

# Keys the catalogue promises to an action and we do not give, and why.
UNKNOWN_BEFORE = "an id is not known before there is a resource"
NOT_SERVED = "what it tells of is not served here"
ABSENT = {
    "ec2:networkinterfaceid": UNKNOWN_BEFORE,
    "ec2:vpcid": UNKNOWN_BEFORE,
    "ec2:subnetid": UNKNOWN_BEFORE,
    "ec2:securitygroupid": UNKNOWN_BEFORE,
    "ec2:dhcpoptionsid": UNKNOWN_BEFORE,
    "ec2:ipv4ipampoolid": NOT_SERVED,
    "ec2:ipv6ipampoolid": NOT_SERVED,
    "ec2:managedresourceoperator": NOT_SERVED,
    "ec2:authorizeduser": NOT_SERVED,
    "ec2:authorizedservice": NOT_SERVED,
    "ec2:permission": NOT_SERVED,
    "iam:associatedresourcearn": "no service here names what a role is passed for",
}


def free(key):
    return FREE.sub(r"\1/*", key.lower())


def granted(action, arn):
    """What the catalogue grants an action: with what it says of the resource's type, wherever it says it."""
    found = service_catalogue.action(action)
    assert found is not None, action
    keys = set(found.condition_keys)
    for kind in service_catalogue.resource_types_of(arn):
        on = found.resource(kind.name)
        keys.update(kind.condition_keys, on.condition_keys if on is not None else ())
    return {free(key) for key in keys}


def asked(understudy):
    """(action, resource, keys) of each question the last request put to the policies."""
    entry = understudy.trail(1)[-1]
    return [
        (each.action, each.resource, {free(key) for key in each.context if not OF_EVERY_REQUEST.match(key)})
        for each in entry.evaluations
    ]


@pytest.fixture(scope="module")
def questions():
    """What a user without policies is asked about in many calls; nothing is refused, so every question is put."""
    draw = random.Random(1)
    found = defaultdict(set)
    with Understudy(iam="soft", ids_seed=1, trail=100) as understudy:
        known = estate(understudy)
        nobody = understudy.user("nobody")
        clients = {each.service: understudy.client(each.service, as_=nobody) for each in SERVED}
        for _ in range(10):
            for operation in SERVED:
                shape = load(operation.service).operation(operation.name)
                params = likely(operation, shape.input, draw, known) if shape.input else {}
                try:
                    getattr(clients[operation.service], snake(operation.name))(**params)
                except (ClientError, BotoCoreError, ValueError, TypeError, AttributeError):
                    continue
                for action, resource, keys in asked(understudy):
                    found[action, resource] |= keys
    return found


def test_no_key_is_given_that_the_catalogue_does_not_grant(questions):
    """A key AWS does not send makes a condition hold that AWS would refuse."""
    wrong = {
        (action, key)
        for (action, resource), keys in questions.items()
        # What the catalogue leaves out is named in test_service_catalogue.py, and promises nothing.
        if service_catalogue.action(action) is not None
        for key in keys - granted(action, resource)
    }
    assert set() == wrong - UNGRANTED.keys()
    assert len(questions) > 150


def promised(action, arn):
    """What the catalogue says of the action and the resource's type in the action's own rows."""
    found = service_catalogue.action(action)
    assert found is not None, action
    if action == "ec2:CreateTags" and arn.endswith("/*"):
        # Of a resource about to be made AWS documents no more than the request itself (ec2.md 7.1).
        return {"aws:requesttag/*", "aws:tagkeys", "ec2:createaction"}
    rows = [found.resource(kind.name) for kind in service_catalogue.resource_types_of(arn)]
    keys = {key for row in rows if row is not None for key in row.condition_keys}
    keys = {free(key) for key in (*found.condition_keys, *keys)}
    if not arn.endswith("/*"):
        keys.discard("ec2:createaction")
    return {key for key in keys if not OF_IDENTITY_PROVIDERS.match(key)}


@pytest.fixture(scope="module")
def tagged():
    """Of most things one that has tags, and who may ask about them."""
    with Understudy(iam="soft", ids_seed=1, trail=100) as understudy:
        known = estate(understudy)
        ec2, iam = understudy.client("ec2"), understudy.client("iam")
        names = ("VpcId", "SubnetId", "GroupId", "DhcpOptionsId", "NetworkInterfaceId", "SecurityGroupRuleId")
        ids = {name: known[name][0] for name in names}
        ec2.create_tags(Resources=list(ids.values()), Tags=TAGS)
        boundary = known["PermissionsBoundary"][0]
        iam.tag_user(UserName="somebody", Tags=TAGS)
        iam.tag_role(RoleName="role", Tags=TAGS)
        iam.put_user_permissions_boundary(UserName="somebody", PermissionsBoundary=boundary)
        iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=boundary)
        yield (
            understudy,
            understudy.user("nobody"),
            {**ids, "PolicyArn": boundary, "RoleArn": known["RoleArn"][0]},
        )


def specification(kind):
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": TAGS}]}


RULE = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}}'
# Names in capitals are replaced by what `tagged` made; DryRun asks the policies and changes nothing.
CALLS = [
    ("ec2", "create_vpc", {"CidrBlock": "10.7.0.0/16", **specification("vpc")}),
    ("ec2", "create_subnet", {"VpcId": "VpcId", "CidrBlock": "10.0.7.0/24", **specification("subnet")}),
    ("ec2", "create_security_group", {"GroupName": "g", "Description": "g", "VpcId": "VpcId", **specification("security-group")}),
    ("ec2", "create_network_interface", {"SubnetId": "SubnetId", "Groups": ["GroupId"], **specification("network-interface")}),
    ("ec2", "create_dhcp_options", {"DhcpConfigurations": [{"Key": "domain-name", "Values": ["x.example"]}], **specification("dhcp-options")}),
    ("ec2", "associate_dhcp_options", {"DhcpOptionsId": "DhcpOptionsId", "VpcId": "VpcId"}),
    ("ec2", "authorize_security_group_ingress", {"GroupId": "GroupId", "IpPermissions": [RULE], **specification("security-group-rule")}),
    ("ec2", "authorize_security_group_egress", {"GroupId": "GroupId", "IpPermissions": [RULE], **specification("security-group-rule")}),
    ("ec2", "revoke_security_group_egress", {"GroupId": "GroupId", "IpPermissions": [RULE]}),
    ("ec2", "describe_security_group_references", {"GroupId": ["GroupId"]}),
    ("ec2", "modify_vpc_attribute", {"VpcId": "VpcId", "EnableDnsSupport": {"Value": True}}),
    ("ec2", "modify_subnet_attribute", {"SubnetId": "SubnetId", "MapPublicIpOnLaunch": {"Value": True}}),
    ("ec2", "modify_network_interface_attribute", {"NetworkInterfaceId": "NetworkInterfaceId", "Description": {"Value": "x"}}),
    ("ec2", "assign_private_ip_addresses", {"NetworkInterfaceId": "NetworkInterfaceId", "SecondaryPrivateIpAddressCount": 1}),
    ("ec2", "unassign_private_ip_addresses", {"NetworkInterfaceId": "NetworkInterfaceId", "PrivateIpAddresses": ["10.0.1.99"]}),
    *(("ec2", "create_tags", {"Resources": [name], "Tags": TAGS, "DryRun": True}) for name in ("VpcId", "SubnetId", "GroupId", "DhcpOptionsId", "NetworkInterfaceId", "SecurityGroupRuleId")),
    *(("ec2", "delete_tags", {"Resources": [name], "Tags": TAGS, "DryRun": True}) for name in ("VpcId", "SubnetId", "GroupId", "DhcpOptionsId", "NetworkInterfaceId", "SecurityGroupRuleId")),
    ("ec2", "delete_network_interface", {"NetworkInterfaceId": "NetworkInterfaceId", "DryRun": True}),
    ("ec2", "delete_subnet", {"SubnetId": "SubnetId", "DryRun": True}),
    ("ec2", "delete_security_group", {"GroupId": "GroupId", "DryRun": True}),
    ("ec2", "delete_dhcp_options", {"DhcpOptionsId": "DhcpOptionsId", "DryRun": True}),
    ("ec2", "delete_vpc", {"VpcId": "VpcId", "DryRun": True}),
    ("iam", "create_role", {"RoleName": "new", "AssumeRolePolicyDocument": TRUST, "PermissionsBoundary": "PolicyArn", "Tags": TAGS}),
    ("iam", "create_user", {"UserName": "new", "PermissionsBoundary": "PolicyArn", "Tags": TAGS}),
    ("iam", "create_policy", {"PolicyName": "new", "PolicyDocument": "{}", "Tags": TAGS}),
    ("iam", "create_service_linked_role", {"AWSServiceName": "apprunner.amazonaws.com"}),
    ("iam", "get_role", {"RoleName": "role"}),
    ("iam", "update_role", {"RoleName": "role"}),
    ("iam", "update_role_description", {"RoleName": "role", "Description": "x"}),
    ("iam", "update_assume_role_policy", {"RoleName": "role", "PolicyDocument": TRUST}),
    ("iam", "attach_role_policy", {"RoleName": "role", "PolicyArn": "PolicyArn"}),
    ("iam", "attach_user_policy", {"UserName": "somebody", "PolicyArn": "PolicyArn"}),
    ("iam", "put_role_policy", {"RoleName": "role", "PolicyName": "p", "PolicyDocument": "{}"}),
    ("iam", "put_user_policy", {"UserName": "somebody", "PolicyName": "p", "PolicyDocument": "{}"}),
    ("iam", "delete_role_policy", {"RoleName": "role", "PolicyName": "none"}),
    ("iam", "delete_user_policy", {"UserName": "somebody", "PolicyName": "none"}),
    ("iam", "tag_role", {"RoleName": "role", "Tags": TAGS}),
    ("iam", "untag_user", {"UserName": "somebody", "TagKeys": ["none"]}),
    ("iam", "delete_role", {"RoleName": "role"}),
    ("sts", "assume_role", {"RoleArn": "RoleArn", "RoleSessionName": "session", "Tags": TAGS, "ExternalId": "x1", "TransitiveTagKeys": ["team"], "SourceIdentity": "bob"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "name", "params"),
    CALLS,
    ids=[f"{name} {number}" for number, (_, name, _) in enumerate(CALLS)],
)
def test_every_key_the_catalogue_promises_is_given_if_it_can_be_known(tagged, service, name, params):
    """A key that is missing makes a Deny miss that AWS would apply."""
    understudy, nobody, ids = tagged

    def filled(value):
        if isinstance(value, list):
            return [filled(each) for each in value]
        return ids.get(value, value) if isinstance(value, str) else value

    with suppress(ClientError):
        getattr(understudy.client(service, as_=nobody), name)(
            **{key: filled(value) for key, value in params.items()}
        )
    found = asked(understudy)
    missing = {
        (action, resource, key)
        for action, resource, keys in found
        for key in promised(action, resource) - keys - ABSENT.keys()
    }
    assert set() == missing
    assert found
