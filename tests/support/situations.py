"""A small estate of every kind, and calls that might make sense in it, drawn from a seeded generator."""

from __future__ import annotations

import json
import random
from typing import Any

from certificates import certificate, ec_key, pem, rsa_key, ssh
from delegations import Product
from samples import keeps, valid_text

from understudy_aws.testing import Understudy
from understudy_aws.wire.names import snake

EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)
EVERYONE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
    }
)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"},
        ],
    }
)
GONE = ("vpc-0123456789abcdef0", "subnet-0123456789abcdef0", "sg-0123456789abcdef0", "eni-0123456789abcdef0")
NUMBERS = (0, 1, 2, 5, -1, 8, 22, 443, 900, 1000, 3600, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63))
NASTY = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1f",
    "a\x1fb",
    "𝒳" * 70,
    "%00",
    "*",
    "..",
    "/",
    "//",
    "aws:x",
    "${aws:username}",
    "arn:aws:iam::000000000000:user/",
    "arn:::::",
    "]]>&<",
    "\ufffe",
    "null",
    "x" * 5000,
    "{" * 3000,
    json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "x" * 200_000}]}),
    EVERYTHING[:-1],
    "999.999.999.999/99",
    "::/0",
    "10.0.0.0/-1",
    "2026-13-45",
)


def estate(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """Make one of most things; answers what may stand in a member of a name, and under "" in any."""
    iam, ec2, apprunner = (understudy.client(name) for name in ("iam", "ec2", "apprunner"))
    iam.create_user(UserName="somebody")
    iam.create_group(GroupName="group")
    iam.add_user_to_group(UserName="somebody", GroupName="group")
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = iam.create_policy(PolicyName="policy", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="role", PolicyArn=policy)
    for kind in ("user", "group", "role"):
        give = getattr(iam, f"put_{kind}_policy")
        named = {f"{kind.capitalize()}Name": "somebody" if kind == "user" else kind}
        give(PolicyName="inline", PolicyDocument=EVERYTHING, **named)
    iam.create_instance_profile(InstanceProfileName="profile")
    key = iam.create_access_key(UserName="somebody")["AccessKey"]["AccessKeyId"]
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])[
        "DhcpOptions"
    ]["DhcpOptionsId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    connector = apprunner.create_vpc_connector(
        VpcConnectorName="connector", Subnets=[subnet], SecurityGroups=[group]
    )["VpcConnector"]["VpcConnectorArn"]
    rule = ec2.describe_security_group_rules()["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    acl = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    acl_tie = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])[
        "NetworkAcls"
    ][0]["Associations"][0]["NetworkAclAssociationId"]
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"][
        "EgressOnlyInternetGatewayId"
    ]
    address = ec2.allocate_address()["AllocationId"]
    tied = ec2.allocate_address()["AllocationId"]
    public = ec2.associate_address(AllocationId=tied, NetworkInterfaceId=interface)["AssociationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=ec2.allocate_address()["AllocationId"])[
        "NatGateway"
    ]["NatGatewayId"]
    block = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.7.0.0/16")["CidrBlockAssociation"]
    dual = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    (ipv6,) = ec2.describe_vpcs(VpcIds=[dual])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
    ipv6_block = ipv6["Ipv6CidrBlock"].replace("/56", "/64")
    (own_block,) = ec2.create_subnet(VpcId=dual, CidrBlock="10.0.1.0/24", Ipv6CidrBlock=ipv6_block)["Subnet"][
        "Ipv6CidrBlockAssociationSet"
    ]
    reservation = ec2.create_subnet_cidr_reservation(
        SubnetId=subnet, Cidr="10.0.1.64/28", ReservationType="explicit"
    )["SubnetCidrReservation"]["SubnetCidrReservationId"]
    exclusion = ec2.create_vpc_block_public_access_exclusion(
        VpcId=vpc, InternetGatewayExclusionMode="allow-egress"
    )["VpcBlockPublicAccessExclusion"]["ExclusionId"]
    # The permission table accepts one and changes the other; what is rejected or deleted comes last.
    peers = [ec2.create_vpc(CidrBlock=f"10.{200 + n}.0.0/16")["Vpc"]["VpcId"] for n in range(2)]
    waiting, peering = (
        ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer)["VpcPeeringConnection"][
            "VpcPeeringConnectionId"
        ]
        for peer in peers
    )
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    flow_log = ec2.create_flow_logs(
        ResourceIds=[vpc], ResourceType="VPC", TrafficType="ALL", LogDestinationType="s3", LogDestination="arn:aws:s3:::bucket",
    )["FlowLogIds"][0]  # fmt: skip
    path = ec2.create_network_insights_path(Source=interface, Destination=gateway, Protocol="tcp")[
        "NetworkInsightsPath"
    ]["NetworkInsightsPathId"]
    analysis = ec2.start_network_insights_analysis(NetworkInsightsPathId=path)["NetworkInsightsAnalysis"][
        "NetworkInsightsAnalysisId"
    ]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, VpcEndpointType="Interface", ServiceName="com.amazonaws.us-east-1.sts", SubnetIds=[subnet],
        SecurityGroupIds=[group], PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    gateway_endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table]
    )["VpcEndpoint"]["VpcEndpointId"]
    listed = ec2.create_managed_prefix_list(
        PrefixListName="lan", MaxEntries=3, AddressFamily="IPv4", Entries=[{"Cidr": "10.0.0.0/8"}]
    )["PrefixList"]["PrefixListId"]
    subnets, groups, things = (subnet, GONE[1]), (group, GONE[2]), (vpc, subnet, group, interface)
    known = {
        "UserName": ("somebody", "somebody", "new-name"), "RoleName": ("role", "new-role"), "PolicyName": ("inline", "policy"),
        "GroupName": ("group", "web"), "InstanceProfileName": ("profile", "new-profile"), "AccessKeyId": (key,),
        "PolicyInputList": (EVERYTHING,), "ActionNames": ("iam:CreateUser",), "PolicySourceArn": (role,), "PolicyArn": (policy, "arn:aws:iam::aws:policy/ReadOnlyAccess"), "PermissionsBoundary": (policy,),
        "PolicyDocument": (EVERYTHING, TRUST), "policyDocument": (EVERYTHING, TRUST), "AssumeRolePolicyDocument": (TRUST, EVERYTHING),
        "RoleArn": (role,), "VersionId": ("v1", "v2"), "VpcId": (vpc, GONE[0]), "VpcIds": (vpc, GONE[0]),
        "SubnetId": subnets, "SubnetIds": subnets, "Subnets": subnets, "GroupId": groups, "GroupIds": groups,
        "Groups": groups, "SecurityGroups": groups, "DhcpOptionsId": (options, "default"),
        "DhcpOptionsIds": (options,), "NetworkInterfaceId": (interface, GONE[3]),
        "NetworkInterfaceIds": (interface, GONE[3]), "SecurityGroupRuleId": (rule,),
        "SecurityGroupRuleIds": (rule,), "RouteTableIds": (table,), "RouteTableId": (table,), "AssociationId": (association, public, acl_tie, block["AssociationId"], own_block["AssociationId"]), "NetworkAclId": (acl,),
        "EgressOnlyInternetGatewayId": (egress,), "EgressOnlyInternetGatewayIds": (egress,),
        "AllocationId": (address, tied), "AllocationIds": (address, tied), "NatGatewayId": (nat,), "NatGatewayIds": (nat,),
        "GatewayId": (gateway, "local"), "InternetGatewayId": (gateway,), "DestinationCidrBlock": ("0.0.0.0/0",),
        "NetworkAclIds": (acl,), "SubnetCidrReservationId": (reservation,), "ReservationType": ("explicit", "prefix"),
        "ExclusionId": (exclusion,), "ExclusionIds": (exclusion,), "Cidr": ("10.0.1.128/28",),
        "InternetGatewayExclusionMode": ("allow-egress", "allow-bidirectional"),
        "InternetGatewayBlockMode": ("off", "block-ingress"), "Ipv6CidrBlock": (ipv6_block,),
        "PrefixListId": (listed,), "PrefixListIds": (listed, "pl-63a5400a"), "AddressFamily": ("IPv4", "IPv6"),
        "PeerVpcId": (peers[0], vpc, GONE[0]),
        "VpcPeeringConnectionId": (waiting, peering), "VpcPeeringConnectionIds": (waiting, peering),
        "NetworkInsightsAnalysisId": (analysis,), "NetworkInsightsAnalysisIds": (analysis,),
        "NetworkInsightsPathId": (path,), "NetworkInsightsPathIds": (path,), "Source": (interface,), "Destination": (gateway,),
        "FlowLogIds": (flow_log,), "ResourceIds": (vpc, subnet), "LogDestination": ("arn:aws:s3:::bucket",),
        "VpcEndpointId": (endpoint, gateway_endpoint), "VpcEndpointIds": (endpoint,),
        "ServiceName": ("com.amazonaws.us-east-1.sts", "com.amazonaws.us-east-1.s3", "codecommit.amazonaws.com"), "ServiceId": ("vpce-svc-0123456789abcdef0",),
        "AddSubnetIds": subnets, "RemoveSubnetIds": subnets, "AddSecurityGroupIds": groups, "RemoveSecurityGroupIds": groups,
        "AddRouteTableIds": (table,), "RemoveRouteTableIds": (table,), "SecurityGroupIds": groups,
        "VpcConnectorArn": (connector,), "ResourceArn": (connector,), "Resources": things,
        "AWSServiceName": ("apprunner.amazonaws.com", "networking.apprunner.amazonaws.com"),
        "CidrBlock": ("10.0.2.0/24", "10.1.0.0/16"), "CidrIp": ("10.0.0.0/8", "0.0.0.0/0"),
        "IpProtocol": ("tcp", "udp", "-1", "icmp"), "AvailabilityZone": ("us-east-1a",),
        "PrivateIpAddress": ("10.0.1.77", "10.0.1.78"), "PrivateIpAddresses": ("10.0.1.79", "10.0.1.80"),
        "Path": ("/", "/a/b/"), "PathPrefix": ("/", "/a/"), "RegionNames": ("us-east-1",),
        "Name": ("vpc-id", "subnet-id", "tag:team", "state", "group-name", "domain-name"),
        "Key": ("team", "domain-name", "domain-name-servers"), "Value": ("a", "", "example.com"),
    }  # fmt: skip
    known.update(_organization(understudy))
    known.update(_app_runner(understudy, known["ResourceArn"]))
    known.update(_secrets(understudy))
    known.update(_delegations(understudy))
    known.update(_parameters(understudy))
    known.update(_images(understudy))
    known.update(_credentials(understudy))
    known.update(_logs(understudy))
    anywhere = {text for texts in known.values() for text in texts}
    known[""] = (*sorted(anywhere), "session", "abcd", "000000000000", "iam:CreateUser", "us-east-1", "1")
    return known


def _app_runner(understudy: Understudy, connector: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """A configuration of each kind, of which one is in its second revision, and a connection."""
    apprunner = understudy.client("apprunner")
    scaling = [
        apprunner.create_auto_scaling_configuration(AutoScalingConfigurationName="scaling")[
            "AutoScalingConfiguration"
        ]["AutoScalingConfigurationArn"]
        for _ in range(2)
    ]
    tracing = apprunner.create_observability_configuration(ObservabilityConfigurationName="tracing")[
        "ObservabilityConfiguration"
    ]["ObservabilityConfigurationArn"]
    connection = apprunner.create_connection(ConnectionName="github", ProviderType="GITHUB")["Connection"][
        "ConnectionArn"
    ]
    partial = scaling[0].rpartition("/scaling/")[0] + "/scaling"
    return {
        "AutoScalingConfigurationArn": (scaling[1], partial, scaling[0]),
        "AutoScalingConfigurationName": ("scaling", "DefaultConfiguration", "new-scaling"),
        "ObservabilityConfigurationArn": (tracing,),
        "ObservabilityConfigurationName": ("tracing", "new-tracing"),
        "ConnectionArn": (connection,), "ConnectionName": ("github", "gitlab"),
        "ResourceArn": (*connector, *scaling, tracing, connection),
    }  # fmt: skip


def _delegations(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """Requests of a product in the same account, one in each state that something can be done in, and a token."""
    product = Product(understudy)
    iam = understudy.client("iam")
    ids = [product.ask() for _ in range(5)]
    for id in ids[:4]:
        iam.associate_delegation_request(DelegationRequestId=id)
    for id in ids[1:3]:
        iam.accept_delegation_request(DelegationRequestId=id)
    iam.send_delegation_token(DelegationRequestId=ids[2])
    return {
        "DelegationRequestId": (ids[0], ids[1], ids[3], ids[4]),
        "EntityArn": (f"arn:aws:iam::{understudy.account}:delegation-request/{ids[0]}",),
        "OwnerId": (f"arn:aws:iam::{understudy.account}:user/Administrator",),
        "PolicyTemplateArn": (product.register(),),
        "NotificationChannel": (product.topic,),
        "RequestorWorkflowId": ("another workflow", "a further workflow"),
        "OwnerAccountId": (understudy.account,),
        # Not https: it would do as an issuer, whose certificate is then asked for.
        "RedirectUrl": ("http://example.com/done",),
        "TradeInToken": (product.token(ids[2]),),
    }


def _secrets(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """A secret with two versions."""
    client = understudy.client("secretsmanager")
    tokens = ("0" * 32, "1" * 32)
    arn = client.create_secret(Name="a-secret", SecretString="a", ClientRequestToken=tokens[0])["ARN"]
    client.put_secret_value(SecretId=arn, SecretString="b", ClientRequestToken=tokens[1])
    return {
        "SecretId": (arn, "a-secret"), "SecretString": ("a",), "ResourcePolicy": (EVERYONE,),
        "VersionStage": ("AWSCURRENT", "BLUE"), "VersionStages": ("AWSCURRENT", "BLUE"),
        "MoveToVersionId": tokens, "RemoveFromVersionId": tokens[::-1],
    }  # fmt: skip


def _parameters(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """A parameter in two versions, with a tag and a label."""
    client = understudy.client("ssm")
    name = "/web/parameter"
    tags = [{"Key": "team", "Value": "a"}]
    client.put_parameter(Name=name, Value="a", Type="String", Tier="Advanced", Tags=tags)
    client.put_parameter(Name=name, Value="b", Overwrite=True)
    client.label_parameter_version(Name=name, Labels=["live"])
    return {
        "Names": (name,), "Path": ("/web",), "Labels": ("live",), "Value": ("a",), "ResourceType": ("Parameter",),
        "ssm:Name": (name, "/web/new"), "ssm:ResourceId": (name,), "ssm:Policy": (EVERYONE,),
        "ssm:ResourceArn": (f"arn:aws:ssm:us-east-1:{understudy.account}:parameter{name}",),
    }  # fmt: skip


def _images(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """A repository with a list of no images, with a tag and policies."""
    client = understudy.client("ecr")
    name, manifest = "team/app", '{"schemaVersion":2,"manifests":[]}'
    repository = client.create_repository(repositoryName=name, tags=[{"Key": "team", "Value": "a"}])[
        "repository"
    ]
    id = client.put_image(repositoryName=name, imageManifest=manifest, imageTag="first")["image"]["imageId"]
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}'
    client.set_repository_policy(repositoryName=name, policyText=policy)
    rules = '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"sinceImagePushed"},"action":{"type":"expire"}}]}'
    client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=rules)
    upload = client.initiate_layer_upload(repositoryName=name)["uploadId"]
    return {
        "repositoryName": (name, "team/new"), "ecr:resourceArn": (repository["repositoryArn"],), "repositoryNames": (name,), "imageManifest": (manifest,), "imageTag": ("first",),
        "imageDigest": (id["imageDigest"],), "policyText": (policy,), "lifecyclePolicyText": (rules,),
        "uploadId": (upload,), "registryId": ("000000000000",), "registryIds": ("000000000000",),
        "layerDigest": (id["imageDigest"],), "layerDigests": (id["imageDigest"],),
        "imageTagMutability": ("IMMUTABLE",), "encryptionType": ("AES256",),
    }  # fmt: skip


def _credentials(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """What somebody signs in with or proves himself by: one of each kind, and one that nobody has yet."""
    iam = understudy.client("iam")
    there, new = (pem(certificate(name)) for name in ("there.example", "new.example"))
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    key = iam.upload_ssh_public_key(UserName="somebody", SSHPublicKeyBody=ssh(rsa_key()))["SSHPublicKey"]
    signs = iam.upload_signing_certificate(UserName="somebody", CertificateBody=there)["Certificate"]
    iam.upload_server_certificate(
        ServerCertificateName="site", CertificateBody=there, PrivateKey=pem(ec_key())
    )
    signs_in = iam.create_service_specific_credential(
        UserName="somebody", ServiceName="codecommit.amazonaws.com"
    )["ServiceSpecificCredential"]
    iam.update_account_password_policy()
    return {
        "SerialNumber": (serial,), "VirtualMFADeviceName": ("new-phone",), "SSHPublicKeyId": (key["SSHPublicKeyId"],),
        "SSHPublicKeyBody": (ssh(rsa_key(number=1)),), "CertificateId": (signs["CertificateId"],),
        "CertificateBody": (new, there), "PrivateKey": (pem(ec_key()),), "ServerCertificateName": ("site", "new-site"),
        "ServiceSpecificCredentialId": (signs_in["ServiceSpecificCredentialId"],),
        "Password": ("a-Long-1-word",), "NewServerCertificateName": ("renamed",),
    }  # fmt: skip


def _logs(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """A log group with a stream."""
    logs = understudy.client("logs")
    logs.create_log_group(logGroupName="/app", tags={"team": "a"})
    logs.create_log_stream(logGroupName="/app", logStreamName="stream")
    return {
        "logs:logGroupName": ("/app", "/new"), "logs:logStreamName": ("stream", "new"),
        "logs:resourceArn": (f"arn:aws:logs:us-east-1:{understudy.account}:log-group:/app",),
    }  # fmt: skip


def _organization(understudy: Understudy) -> dict[str, tuple[str, ...]]:
    """An organization with a unit, a policy, a member, an invited account and one that is asked for."""
    invited, member = "111111111111", "222222222222"
    organizations = understudy.client("organizations")
    organization = organizations.create_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    unit = organizations.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    made = organizations.create_policy(
        Name="guard", Description="", Type="SERVICE_CONTROL_POLICY", Content=EVERYTHING
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    guest = understudy.client("organizations", as_=understudy.account_administrator(member))
    handshakes = []
    for account in (member, invited):
        if account == invited:
            understudy.account_administrator(invited)
        target = {"Type": "ACCOUNT", "Id": account}
        handshakes.append(organizations.invite_account_to_organization(Target=target)["Handshake"]["Id"])
    guest.accept_handshake(HandshakeId=handshakes[0])
    organizations.enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    asked = organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["Id"]
    return {
        "PolicyId": (policy, "p-FullAWSAccess"), "TargetId": (root, unit, member), "ParentId": (root, unit),
        "SourceParentId": (root, unit), "DestinationParentId": (unit, root), "OrganizationalUnitId": (unit,),
        "RootId": (root,), "AccountId": (member,), "HandshakeId": tuple(handshakes), "ChildId": (unit, member),
        "ResourceId": (root, unit, member, policy), "CreateAccountRequestId": (asked,), "Id": (invited, member),
        "EntityPath": (f"{organization}/{root}",), "OrganizationsPolicyId": (policy,),
        "Content": (EVERYTHING,), "Email": ("b@example.com", "c@example.com"),
        "ServicePrincipal": ("sso.amazonaws.com", "iam.amazonaws.com"),
    }  # fmt: skip


def likely(operation: Any, shape: Any, draw: random.Random, known: dict[str, Any]) -> dict[str, Any]:
    """Parameters that often pass for good: what is required nearly always, of the rest what is served.

    What may stand in a member of one service only is known under "service:Name".
    """
    own = f"{operation.service}:"
    known = known | {name.removeprefix(own): texts for name, texts in known.items() if name.startswith(own)}
    params = {}
    some = draw.choice((0.0, 0.1, 0.5))
    for name, member in shape.members.items():
        served = snake(name) in operation.takes or (name == "DryRun" and draw.random() < 0.1)
        chance = 0.97 if name in shape.required else some if served else 0.005
        # What is not required by the description is often required by the service.
        if draw.random() < (0.6 if served and name in known else chance):
            params[name] = plausible(member.shape, name, draw, known)
    return params


def plausible(shape: Any, name: str, draw: random.Random, known: dict[str, Any], depth: int = 0) -> Any:
    """A value for a member of this name that mostly keeps its constraints, and now and then is nasty."""
    if shape.type == "structure":
        return {
            name: plausible(member.shape, name, draw, known, depth + 1)
            for name, member in shape.members.items()
            if depth < 4 and (name in shape.required or draw.random() < 0.4)
        }
    if shape.type == "list":
        count = draw.choice((1, 1, 1, 2, 5))
        return [plausible(shape.element.shape, name, draw, known, depth + 1) for _ in range(count)]
    if shape.type == "map":
        return {"key": plausible(shape.value.shape, name, draw, known, depth + 1)}
    if shape.type == "string":
        if draw.random() < 0.05:
            return draw.choice(NASTY) if draw.random() < 0.7 else valid_text(draw)
        return draw.choice(shape.enum or known.get(name) or _fitting(shape, known[""]) or NASTY)
    if shape.type in ("integer", "long"):
        low, high = shape.min or 0, shape.max or 65535
        return draw.choice([n for n in NUMBERS if low <= n <= high] if draw.random() < 0.8 else NUMBERS)
    return {"boolean": draw.random() < 0.5, "blob": b"x", "timestamp": "2026-01-02T03:04:05Z"}.get(
        shape.type, 1.5
    )


def _fitting(shape: Any, pool: tuple[str, ...]) -> list[str]:
    """What of the pool keeps the constraints of a shape."""
    made = _FITTING.get(id(shape))
    if made is None or made[0] is not pool:
        made = _FITTING[id(shape)] = (pool, [text for text in pool if keeps(shape, text)])
    return made[1]


_FITTING: dict[int, Any] = {}
