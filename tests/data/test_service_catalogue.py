"""The shipped service catalogue is complete, agrees with the references, and with what we serve."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.data import service_catalogue
from understudy_aws.data.service_catalogue import Action, action
from understudy_aws.gateway.operations import all_resources
from understudy_aws.gateway.registry import Registry
from understudy_aws.services import SERVICES

DATA = Path(service_catalogue.__file__).parent
SERVED = tuple(Registry(SERVICES))
KEY_TYPES = {"String", "ARN", "Bool", "Numeric", "Date", "IPAddress"}
REQUEST_TAGS = {"aws:RequestTag/${TagKey}", "aws:TagKeys"}
EC2_TAGS = {"aws:ResourceTag/${TagKey}", "ec2:ResourceTag/${TagKey}"}

# Actions we serve that AWS's authorization reference does not list, and why.
UNLISTED: dict[str, str] = {
    "iam:UpdateDelegationRequest": "the reference leaves it out, the IAM User Guide names it (delegation.md 38.3)",
    "iam:UpdateOpenIDConnectProvider": "newer than the catalogue (web-identity.md 36.7)",
    "sts:GetScopedCredentials": "newer than the catalogue (decision 0050)",
}

# Served operations whose action takes only `*`, and which ask for something else, and why. Naming the path has
# a price: a policy on `role/*` allows ListRoles here, where the authorization reference grants only `*`.
NARROWER_THAN_WILDCARD = {
    "access-analyzer:ValidatePolicy": "a denial names everything of Access Analyzer's in the Region",
    "iam:GetAccountPasswordPolicy": "the password policy itself may permit it to all users (credentials.md 30.2)",
    "iam:ListDelegationRequests": "conditions see the owner, who may list its own (delegation.md 38.3)",
    "iam:ListGroups": "a denial names the path asked for: group/",
    "iam:ListInstanceProfiles": "a denial names the path asked for: instance-profile/",
    "iam:ListPolicies": "a denial names the path asked for: policy/",
    "iam:ListRoles": "a denial names the path asked for: role/",
    "iam:ListServerCertificates": "a denial names the path asked for: server-certificate/ (credentials.md 30.4)",
    "iam:ListUsers": "a denial names the path asked for: user/",
    "iam:ListVirtualMFADevices": "a denial names the path: mfa/ (credentials.md 30.1)",
    "logs:DescribeLogGroups": "a denial names every log group of the Region: log-group::log-stream:",
    "organizations:CreateAccount": "conditions see the tags asked for",
    "organizations:CreatePolicy": "conditions see the type and the tags asked for",
    "organizations:DisableAWSServiceAccess": "conditions see the service",
    "organizations:EnableAWSServiceAccess": "conditions see the service",
    "organizations:DeleteResourcePolicy": "a denial names the resource policy",
    "organizations:ListAccountsWithInvalidEffectivePolicy": "conditions see the type",
    "organizations:ListDelegatedAdministrators": "conditions see the service",
    "organizations:ListPolicies": "conditions see the type",
    "ssm:DescribeParameters": "a denial names everything of Systems Manager's in the Region",
    "sts:GetCallerIdentity": "needs no permission, not even past an explicit deny (sts.md 3.2)",
    "sts:GetSessionToken": "no policy is checked (sts.md 3.2)",
    "sts:GetWebIdentityToken": "conditions see the audiences, the duration and the algorithm (web-identity.md 36.6)",
}

# Served operations whose action names resources, and which only `*` allows here, and why.
WIDER_THAN_THE_RESOURCE: dict[str, str] = {}


def known(name: str) -> Action:
    found = action(name)
    assert found is not None, name
    return found


def resources(found: Action) -> dict[str, bool]:
    return {resource.name: resource.required for resource in found.resources}


def keys(found: Action, resource: str) -> set[str]:
    on = found.resource(resource)
    assert on is not None
    return set(on.condition_keys)


def test_the_catalogue_is_small_enough_to_ship():
    assert 1_500_000 > sum(file.stat().st_size for file in DATA.glob("service_catalogue.*"))


def test_everything_is_every_service_by_the_alphabet():
    prefixes = service_catalogue.everything()
    assert sorted(prefixes) == list(prefixes)
    assert len(prefixes) >= 440
    assert {"apprunner", "ec2", "iam", "s3", "sts"} <= set(prefixes)


@pytest.mark.parametrize("prefix", service_catalogue.everything())
def test_every_service_parses_and_keeps_its_own_word(prefix):
    service = service_catalogue.service(prefix)
    assert service is not None
    assert prefix == service.prefix
    assert service.name
    for lowered, found in service.actions.items():
        assert lowered == found.name.lower()
        assert found is action(f"{prefix}:{found.name}")
        assert found.access_level in {"List", "Read", "Write", "Permissions management", "Tagging"}
        assert set(resources(found)) <= service.resource_types.keys()
        assert found.all_condition_keys() <= service.condition_keys.keys()
        assert all(re.fullmatch(r"[a-z0-9-]+:\w+", name) for name in found.dependent_actions)
    for name, resource in service.resource_types.items():
        assert name == resource.name
        assert re.fullmatch(r"arn:\$\{Partition\}:[^:]+:[^:]*:[^:]*:.+", resource.arn), resource.arn
        assert set(resource.condition_keys) <= service.condition_keys.keys()
    for key, kind in service.condition_keys.items():
        assert kind.removeprefix("ArrayOf") in KEY_TYPES or kind == "", key
        assert service_catalogue.condition_key_type(key), key


@pytest.mark.parametrize("prefix", service_catalogue.everything())
def test_an_arn_made_from_a_resource_types_pattern_is_of_that_type(prefix):
    service = service_catalogue.service(prefix)
    assert service is not None
    for resource in service.resource_types.values():
        space = resource.arn.split(":")[2]
        # An ARN in another service's name is for that service to read.
        if "$" in space or (space != prefix and space in service_catalogue.everything()):
            continue
        arn = re.sub(r"\$\{[^}]*\}|\*", "x", resource.arn)
        assert resource in service_catalogue.resource_types_of(arn), arn


def test_letter_case_does_not_count():
    assert known("ec2:CreateTags") is known("EC2:createtags")
    assert "ec2:CreateTags" == known("EC2:createtags").full_name
    assert service_catalogue.service("ec2") is service_catalogue.service("EC2")
    assert "ArrayOfString" == service_catalogue.condition_key_type("AWS:tagkeys")


@pytest.mark.parametrize(
    "name", ["", ":", "ec2", "ec2:", "ec2:*", "ec2:CreateTag", "nope:CreateTags", "../ec2:x"]
)
def test_what_aws_does_not_have_is_not_found(name):
    assert action(name) is None
    assert not service_catalogue.takes_only_wildcard(name)
    assert service_catalogue.condition_key_type(name) is None
    assert service_catalogue.service(name.partition(":")[0]) is None or name.startswith("ec2")


@given(st.text())
def test_no_text_breaks_a_look_up(text):
    for name in (text, f"ec2:{text}", f"arn:aws:ec2:{text}", f"arn:aws:s3:::{text}"):
        action(name)
        service_catalogue.condition_key_type(name)
        service_catalogue.resource_types_of(name)


# --- App Runner: apprunner.md 4.4 ---

APP_RUNNER_OWN = {
    "autoscalingconfiguration",
    "connection",
    "observabilityconfiguration",
    "service",
    "vpcconnector",
    "vpcingressconnection",
}
APP_RUNNER_WAF = {
    "AssociateWebAcl": {"service", "webacl"},
    "DisassociateWebAcl": {"service"},
    "DescribeWebAclForService": {"service"},
    "ListAssociatedServicesForWebAcl": {"webacl"},
}
SERVICE_KEYS = {
    f"apprunner:{name}Arn"
    for name in ("AutoScalingConfiguration", "Connection", "ObservabilityConfiguration", "VpcConnector")
}


def test_app_runner_has_37_operations_and_five_permissions_without_one():
    """Reference apprunner.md 4.4."""
    service = service_catalogue.service("apprunner")
    assert service is not None
    assert 37 + 1 + 4 == len(service.actions)
    assert "Read" == known("apprunner:DescribeOperation").access_level
    assert {"service": True} == resources(known("apprunner:DescribeOperation"))
    assert {name: set(resources(known(f"apprunner:{name}"))) for name in APP_RUNNER_WAF} == APP_RUNNER_WAF
    assert not any(found.dependent_actions for found in service.actions.values())


def test_app_runners_resource_types_are_tagged_except_wafs():
    """Reference apprunner.md 4.4."""
    service = service_catalogue.service("apprunner")
    assert service is not None
    assert {"webacl", *APP_RUNNER_OWN} == service.resource_types.keys()
    for name, resource in service.resource_types.items():
        assert (() if name == "webacl" else ("aws:ResourceTag/${TagKey}",)) == resource.condition_keys


@pytest.mark.parametrize(
    ("name", "tags"), [("CreateService", REQUEST_TAGS), ("UpdateService", set())], ids=["create", "update"]
)
def test_app_runners_services_may_name_what_they_use(name, tags):
    """Reference apprunner.md 4.4."""
    found = known(f"apprunner:{name}")
    assert resources(found) == {of: of == "service" for of in APP_RUNNER_OWN - {"vpcingressconnection"}}
    assert SERVICE_KEYS | tags == set(found.condition_keys)
    assert {"ARN"} == {service_catalogue.condition_key_type(key) for key in SERVICE_KEYS}


def test_app_runners_ingress_connections_have_keys_for_the_vpc():
    """Reference apprunner.md 4.4."""
    vpc = {"apprunner:VpcId", "apprunner:VpcEndpointId"}
    create, update = (known(f"apprunner:{verb}VpcIngressConnection") for verb in ("Create", "Update"))
    assert {"apprunner:ServiceArn", *vpc, *REQUEST_TAGS} == set(create.condition_keys)
    assert vpc == set(update.condition_keys)
    assert "ARN" == service_catalogue.condition_key_type("apprunner:ServiceArn")
    assert {"String"} == {service_catalogue.condition_key_type(key) for key in vpc}


@pytest.mark.parametrize(
    "name", ["VpcConnector", "Connection", "AutoScalingConfiguration", "ObservabilityConfiguration"]
)
def test_creating_in_app_runner_needs_the_type_itself_and_has_no_key_for_subnets(name):
    """Reference apprunner.md 4.4."""
    found = known(f"apprunner:Create{name}")
    assert {name.lower(): True} == resources(found)
    assert found.all_condition_keys() == REQUEST_TAGS


def test_app_runners_tags_and_lists():
    """Reference apprunner.md 4.4."""
    assert resources(known("apprunner:TagResource")).keys() == APP_RUNNER_OWN
    assert resources(known("apprunner:UntagResource")).keys() == APP_RUNNER_OWN
    assert resources(known("apprunner:ListTagsForResource")).keys() == APP_RUNNER_OWN - {
        "vpcingressconnection"
    }
    service = service_catalogue.service("apprunner")
    assert service is not None
    assert {
        "ListAutoScalingConfigurations",
        "ListConnections",
        "ListObservabilityConfigurations",
        "ListServices",
        "ListVpcConnectors",
        "ListVpcIngressConnections",
    } == {found.name for found in service.actions.values() if not found.resources}


# --- EC2: ec2.md 7.1 ---

INTERFACE = EC2_TAGS | {
    f"ec2:{name}"
    for name in ("AvailabilityZone", "ManagedResourceOperator", "NetworkInterfaceID", "Subnet", "Vpc")
}
ATTRIBUTE = {"ec2:Attribute", "ec2:Attribute/${AttributeName}"}
IPAM = {"ec2:Ipv4IpamPoolId", "ec2:Ipv6IpamPoolId"}
VPC = EC2_TAGS | {"ec2:Tenancy", "ec2:VpcID"}
SUBNET = EC2_TAGS | {"ec2:AvailabilityZone", "ec2:AvailabilityZoneId", "ec2:SubnetID", "ec2:Vpc"}
GROUP = EC2_TAGS | {"ec2:SecurityGroupID", "ec2:Vpc"}
DHCP = EC2_TAGS | {"ec2:DhcpOptionsID"}

# Action, level, required resource types with their keys, the other types, whether it may tag.
EC2_ROWS = [
    (
        "CreateNetworkInterface",
        "Write",
        {"network-interface": REQUEST_TAGS | {"ec2:NetworkInterfaceID"}, "subnet": SUBNET},
        {"security-group": GROUP},
        True,
    ),
    ("DeleteNetworkInterface", "Write", {"network-interface": INTERFACE}, {}, False),
    (
        "CreateNetworkInterfacePermission",
        "Permissions management",
        {
            "network-interface": INTERFACE
            | {"ec2:AuthorizedService", "ec2:AuthorizedUser", "ec2:Permission"},
        },
        {},
        False,
    ),
    ("DescribeVpcAttribute", "List", {"vpc": VPC}, {}, False),
    ("ModifyVpcAttribute", "Write", {"vpc": VPC | ATTRIBUTE}, {}, False),
    ("DeleteVpc", "Write", {"vpc": VPC}, {}, False),
    ("DeleteSubnet", "Write", {"subnet": SUBNET}, {}, False),
    (
        "CreateSecurityGroup",
        "Write",
        {"security-group": REQUEST_TAGS | {"ec2:SecurityGroupID"}},
        {"vpc": VPC},
        True,
    ),
    (
        "AuthorizeSecurityGroupIngress",
        "Write",
        {"security-group": GROUP},
        {"security-group-rule": REQUEST_TAGS},
        True,
    ),
    (
        "AuthorizeSecurityGroupEgress",
        "Write",
        {"security-group": GROUP},
        {"security-group-rule": REQUEST_TAGS},
        True,
    ),
    ("DeleteSecurityGroup", "Write", {"security-group": GROUP}, {}, False),
    ("CreateDhcpOptions", "Write", {"dhcp-options": REQUEST_TAGS | {"ec2:DhcpOptionsID"}}, {}, True),
    ("AssociateDhcpOptions", "Write", {"dhcp-options": DHCP, "vpc": VPC}, {}, False),
    ("DeleteDhcpOptions", "Write", {"dhcp-options": DHCP}, {}, False),
]


@pytest.mark.parametrize(
    ("name", "level", "required", "optional", "tags"), EC2_ROWS, ids=[row[0] for row in EC2_ROWS]
)
def test_ec2_rows_are_those_of_the_reference(name, level, required, optional, tags):
    """Reference ec2.md 7.1."""
    found = known(f"ec2:{name}")
    assert level == found.access_level
    assert {of: keys(found, of) for of, needed in resources(found).items() if needed} == required
    assert {of: keys(found, of) for of, needed in resources(found).items() if not needed} == optional
    assert ("ec2:Region",) == found.condition_keys
    assert (("ec2:CreateTags",) if tags else ()) == found.dependent_actions


@pytest.mark.parametrize(
    "name",
    ["NetworkInterfaces", "Vpcs", "DhcpOptions", "Subnets", "SecurityGroups", "AvailabilityZones"],
)
def test_describing_in_ec2_takes_only_the_wildcard_and_knows_only_the_region(name):
    """Reference ec2.md 7.1."""
    found = known(f"ec2:Describe{name}")
    assert service_catalogue.takes_only_wildcard(found.full_name)
    assert {"ec2:Region"} == found.all_condition_keys()
    assert "List" == found.access_level


def test_creating_tags_in_ec2_has_the_create_action_outside_every_resource():
    """Reference ec2.md 7.1."""
    found = known("ec2:CreateTags")
    assert "Tagging" == found.access_level
    assert {"ec2:CreateAction", "ec2:Region"} == set(found.condition_keys)
    assert keys(found, "network-interface") == INTERFACE | REQUEST_TAGS | {
        "ec2:AuthorizedUser",
        "ec2:Permission",
    }
    assert not any(needed for needed in resources(found).values())


def test_deleting_tags_in_ec2_has_tag_keys_per_type():
    """Reference ec2.md 7.1."""
    assert keys(known("ec2:DeleteTags"), "network-interface") == REQUEST_TAGS | EC2_TAGS


def test_creating_vpcs_and_subnets_may_draw_on_pools():
    """Reference ec2.md 7.1."""
    vpc, subnet = known("ec2:CreateVpc"), known("ec2:CreateSubnet")
    assert {"vpc": True, "ipam-pool": False, "ipv6pool-ec2": False} == resources(vpc)
    assert keys(vpc, "vpc") == REQUEST_TAGS | IPAM | {"ec2:VpcID"}
    assert {"subnet": True, "vpc": True, "ipam-pool": False} == resources(subnet)
    assert keys(subnet, "subnet") == REQUEST_TAGS | IPAM | {"ec2:SubnetID"}
    assert keys(subnet, "vpc") == VPC
    assert ("ec2:CreateTags",) == vpc.dependent_actions == subnet.dependent_actions


def test_attaching_needs_the_instance_and_the_interface():
    """Reference ec2.md 7.1."""
    for name in ("ec2:AttachNetworkInterface", "ec2:DetachNetworkInterface"):
        assert {"instance": True, "network-interface": True} == resources(known(name))
    change = known("ec2:ModifyNetworkInterfaceAttribute")
    assert keys(change, "network-interface") == INTERFACE | ATTRIBUTE
    assert {"instance", "security-group", "subnet"} == {
        of for of, needed in resources(change).items() if not needed
    }


def test_creating_a_service_linked_role_has_the_service_name():
    """Reference policies.md 4.7."""
    found = known("iam:CreateServiceLinkedRole")
    assert ("iam:AWSServiceName",) == found.condition_keys
    assert {"role": True} == resources(found)
    assert "String" == service_catalogue.condition_key_type("iam:AWSServiceName")


# --- keys and ARNs ---


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("aws:RequestTag/team", "String"),
        ("ec2:ResourceTag/AWSAppRunnerManaged", "String"),
        ("ec2:Attribute/EnableDnsSupport", "String"),
        ("s3:ExistingObjectTag/team", "String"),
        ("aws:PrincipalTag/a/b", "String"),
        ("aws:SourceIp", "IPAddress"),
        ("aws:CurrentTime", "Date"),
        ("aws:MultiFactorAuthAge", "Numeric"),
        ("aws:SecureTransport", "Bool"),
        ("aws:AssumedRoot", "Bool"),
        ("aws:PrincipalArn", "ARN"),
        ("dynamodb:LeadingKeys", "ArrayOfString"),
        ("identitystore:UserId", "String"),
        ("accounts.google.com:aud", "String"),
        ("aws:RequestTag/", None),
        ("aws:Nope", None),
        ("ec2:Nope", None),
    ],
)
def test_a_condition_key_has_its_type(key, kind):
    assert kind == service_catalogue.condition_key_type(key)


@pytest.mark.parametrize(
    "key",
    [
        "aws:TagKeys",
        "aws:CalledVia",
        "aws:PrincipalOrgPaths",
        "aws:ResourceOrgPaths",
        "aws:SourceOrgPaths",
        "aws:VpceOrgPaths",
        "aws:PrincipalServiceNamesList",
        "sts:TransitiveTagKeys",
        "cognito-identity.amazonaws.com:amr",
        "login.example.com:amr",
    ],
)
def test_keys_that_hold_lists_are_known(key):
    """Reference policies.md 4.4."""
    assert service_catalogue.is_list_key(key)
    assert service_catalogue.is_list_key(key.upper())


@pytest.mark.parametrize(
    "key",
    ["aws:SourceIp", "aws:RequestTag/amr", "aws:RequestTag/a:amr", "aws:PrincipalTag/x", "no:key", ""],
)
def test_other_keys_hold_one_value(key):
    assert not service_catalogue.is_list_key(key)


@pytest.mark.parametrize(
    ("arn", "types"),
    [
        ("arn:aws:s3:::bucket", ["s3:bucket"]),
        ("arn:aws:s3:::bucket/a/b", ["s3:object"]),
        ("arn:aws:iam::111122223333:user/a/b/name", ["iam:user"]),
        ("arn:aws-cn:iam::111122223333:role/aws-service-role/x/y", ["iam:role"]),
        ("arn:aws:ec2:*:*:network-interface/*", ["ec2:network-interface"]),
        ("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/x:log-stream:y/z", ["logs:log-stream"]),
        ("arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/n/i", ["wafv2:webacl"]),
        ("arn:aws:catalog:eu-west-1:111122223333:portfolio/x", ["servicecatalog:Portfolio"]),
        ("arn:aws:apprunner:eu-west-1:111122223333:vpcconnector/n/1/i", ["apprunner:vpcconnector"]),
        ("arn:aws:ec2:eu-west-1:111122223333:nothing/x", []),
        ("arn:aws:nothing:eu-west-1:111122223333:x/y", []),
        ("arn:aws:ec2", []),
        ("*", []),
    ],
)
def test_an_arn_is_of_its_resource_type(arn, types):
    assert types == [f"{found.service}:{found.name}" for found in service_catalogue.resource_types_of(arn)]


# --- what we serve ---


def test_every_action_we_serve_is_aws_own():
    assert {found.action for found in SERVED if action(found.action) is None} == UNLISTED.keys()


def test_what_takes_only_the_wildcard_asks_for_anything_but_for_the_reviewed():
    differing = {
        served.action
        for served in SERVED
        if service_catalogue.takes_only_wildcard(served.action) and served.on is not all_resources
    }
    assert differing == NARROWER_THAN_WILDCARD.keys()


def test_what_names_resources_asks_for_them_but_for_the_reviewed():
    differing = {
        served.action
        for served in SERVED
        if (found := action(served.action))
        and found.resources
        and (served.on is all_resources or served.on is None)
    }
    assert differing == WIDER_THAN_THE_RESOURCE.keys()


def test_the_resource_types_of_an_arn_s_service_are_found():
    names = {found.name for found in service_catalogue.resource_types_in("s3")}
    assert {"bucket", "object"} <= names
    assert () == service_catalogue.resource_types_in("nothing")
    assert "s3" in service_catalogue.arn_namespaces()


def test_the_global_condition_keys_are_those_of_every_request():
    keys = service_catalogue.global_condition_keys()
    assert {"aws:PrincipalArn", "aws:SourceIp", "aws:RequestTag/${TagKey}"} <= set(keys)
    assert all(key.startswith("aws:") for key in keys)
