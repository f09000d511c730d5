"""The life of AWSServiceRoleForAppRunnerNetworking, as the App Runner guide's page on networking tells it.

The page's claims are numbered S1 to S10. Texts are AWS's own, written out here and taken from nowhere else in
this package, so that a walk compares the server with AWS and not with itself.
"""

from __future__ import annotations

import json
from time import sleep
from typing import Any

from understudy_aws.admin.requests import ExplainQuestion, ExplainRequest, ListRoles, Rehearse
from understudy_aws.cli.packets_scenario import security_groups_on_packets
from understudy_aws.cli.server_files import Keys
from understudy_aws.cli.service_scenario import a_service_that_runs
from understudy_aws.cli.walk import Walk
from understudy_aws.core.clock import monotonic_seconds

ROLE = "AWSServiceRoleForAppRunnerNetworking"
PRINCIPAL = "networking.apprunner.amazonaws.com"
POLICY = "arn:aws:iam::aws:policy/aws-service-role/AppRunnerNetworkingServiceRolePolicy"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
REGIONS = (
    "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1", "eu-west-1",
    "eu-west-2", "eu-west-3", "us-east-1", "us-east-2", "us-west-2",
)  # fmt: skip
SERVICES_WITH_ROLES = 339

MAY_NOT_CREATE_THE_ROLE = (
    "InvalidRequestException: AccessDenied. Couldn't create a service-linked role for App Runner. When "
    "creating the first service in the account, caller must have the 'iam:CreateServiceLinkedRole' "
    "permission. Use the 'AWSAppRunnerFullAccess' managed user policy to ensure users have all required "
    "permissions."
)
PROTECTED = (
    f"UnmodifiableEntity: Cannot perform the operation on the protected role '{ROLE}' - this role is only "
    "modifiable by AWS"
)
NO_ROLE = f"NoSuchEntity: The role with name {ROLE} cannot be found."

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": PRINCIPAL}, "Action": "sts:AssumeRole"}],
}
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeVpcs",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeSubnets",
                "ec2:DescribeSecurityGroups",
            ],
            "Resource": "*",
        },
        {
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkInterface",
            "Resource": "*",
            "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": ["AWSAppRunnerManaged"]}},
        },
        {
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": "arn:aws:ec2:*:*:network-interface/*",
            "Condition": {
                "StringEquals": {"ec2:CreateAction": "CreateNetworkInterface"},
                "StringLike": {"aws:RequestTag/AWSAppRunnerManaged": "*"},
            },
        },
        {
            "Effect": "Allow",
            "Action": "ec2:DeleteNetworkInterface",
            "Resource": "*",
            "Condition": {"Null": {"ec2:ResourceTag/AWSAppRunnerManaged": "false"}},
        },
    ],
}
# What the deploy user may do: networks and App Runner, but nothing in IAM.
DEPLOYMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "ec2:CreateVpc",
                "ec2:CreateSubnet",
                "ec2:CreateSecurityGroup",
                "ec2:Describe*",
                "apprunner:*",
            ],
            "Resource": "*",
        }
    ],
}
_PATIENCE = 10.0


def role_arn(account: str) -> str:
    """The role's ARN, which the page's names alone decide."""
    return f"arn:aws:iam::{account}:role/aws-service-role/{PRINCIPAL}/{ROLE}"


def a_network(walk: Walk) -> None:
    """The deploy user makes a VPC, two subnets and a security group."""
    walk.known["deploy"] = deploy = _new_user(walk, "deploy", DEPLOYMENT)
    ec2 = walk.client("ec2", as_=deploy)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    walk.expect_like("aws ec2 create-vpc --cidr-block 10.0.0.0/16", "a VPC, vpc-…", r"vpc-0[0-9a-f]{16}", vpc)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"]
        for number in (1, 2)
    ]
    walk.expect_like(
        "aws ec2 create-subnet, twice",
        "two subnets, subnet-…",
        r"(subnet-0[0-9a-f]{16} ?){2}",
        " ".join(subnets),
    )
    group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="the service")["GroupId"]
    walk.expect_like("aws ec2 create-security-group", "a security group, sg-…", r"sg-0[0-9a-f]{16}", group)
    walk.known |= {"subnets": subnets, "group": group}


def no_connector_without_permission(walk: Walk) -> None:
    """The first connector makes the role, with the caller's own permission."""
    apprunner = walk.client("apprunner", as_=walk.known["deploy"])
    walk.known["refused"] = walk.expect_refusal(
        "aws apprunner create-vpc-connector --vpc-connector-name web-vpc, as the deploy user",
        MAY_NOT_CREATE_THE_ROLE,
        apprunner.create_vpc_connector,
        **_connector(walk, "web-vpc"),
    )
    left = [connector["VpcConnectorName"] for connector in apprunner.list_vpc_connectors()["VpcConnectors"]]
    walk.expect(
        "aws apprunner list-vpc-connectors", "nothing was left behind: []", f"nothing was left behind: {left}"
    )
    walk.expect_refusal(
        f"aws iam get-role --role-name {ROLE}", NO_ROLE, walk.client("iam").get_role, RoleName=ROLE
    )


def the_refusal_explained(walk: Walk) -> None:
    """`explain` of that request names the statement that is missing."""
    request_id = walk.known["refused"]
    answer = walk.ask(ExplainRequest(id=request_id))
    questions = [
        *answer["questions"],
        *(each for made in answer["made_for_it"] for each in made["questions"]),
    ]
    missing = [each["missing_statement"] for each in questions if each.get("missing_statement")]
    wanted = {
        "Effect": "Allow",
        "Action": "iam:CreateServiceLinkedRole",
        "Resource": role_arn(walk.account),
        "Condition": {"StringEquals": {"iam:AWSServiceName": PRINCIPAL}},
    }
    walk.expect(
        f"understudy explain {request_id}",
        json.dumps(wanted),
        missing[0] if missing else "no missing statement",
    )
    walk.known["missing"] = wanted


def granted(walk: Walk) -> None:
    """With exactly that statement, connector and role appear."""
    statement = {"Version": "2012-10-17", "Statement": [walk.known["missing"]]}
    walk.client("iam").put_user_policy(
        UserName="deploy", PolicyName="networking-role", PolicyDocument=json.dumps(statement)
    )
    walk.known["connector"] = _make_connector(walk, "web-vpc")
    role = walk.client("iam").get_role(RoleName=ROLE)["Role"]
    walk.expect(f"aws iam get-role --role-name {ROLE}", role_arn(walk.account), role["Arn"])
    walk.known["role_id"] = role["RoleId"]


def the_documents(walk: Walk) -> None:
    """Trust and permissions are the page's, word for word."""
    iam = walk.client("iam")
    trust = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    walk.expect("aws iam get-role: the trust policy", _canonical(TRUST), _canonical(trust))
    attached = [
        each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=ROLE)["AttachedPolicies"]
    ]
    walk.expect("aws iam list-attached-role-policies", POLICY, " ".join(attached))
    document = iam.get_policy_version(PolicyArn=POLICY, VersionId="v1")["PolicyVersion"]["Document"]
    walk.expect("aws iam get-policy-version: the permissions", _canonical(PERMISSIONS), _canonical(document))


def nobody_assumes_it(walk: Walk) -> None:
    """Not even the administrator."""
    who = f"arn:aws:iam::{walk.account}:user/Administrator"
    walk.expect_refusal_like(
        "aws sts assume-role, as the administrator",
        f"AccessDenied: User: {who} is not authorized to perform: sts:AssumeRole on resource: "
        f"{role_arn(walk.account)}",
        walk.client("sts").assume_role,
        RoleArn=role_arn(walk.account),
        RoleSessionName="me",
    )


def what_it_may_do(walk: Walk) -> None:
    """Asked ahead as the role: interfaces with App Runner's tag, and no others.

    App Runner makes interfaces when services run, which is not yet; so the policy is asked, not EC2.
    """
    group = {"aws:TagKeys": ["AWSAppRunnerManaged"]}
    interface = f"arn:aws:ec2:us-east-1:{walk.account}:network-interface/*"
    tag = {"aws:RequestTag/AWSAppRunnerManaged": "true"}
    for title, action, context, wanted in (
        ("make an interface with the tag", "ec2:CreateNetworkInterface", group, "allow"),
        (
            "make one with a foreign tag",
            "ec2:CreateNetworkInterface",
            {"aws:TagKeys": ["Name"]},
            "implicit-deny",
        ),
        (
            "tag it as it is made",
            "ec2:CreateTags",
            {"ec2:CreateAction": "CreateNetworkInterface", **tag},
            "allow",
        ),
        ("tag one later", "ec2:CreateTags", tag, "implicit-deny"),
        (
            "delete its own",
            "ec2:DeleteNetworkInterface",
            {"ec2:ResourceTag/AWSAppRunnerManaged": ""},
            "allow",
        ),
        ("delete a stranger's", "ec2:DeleteNetworkInterface", {"ec2:ResourceTag/Name": "x"}, "implicit-deny"),
    ):
        question = ExplainQuestion(
            as_=role_arn(walk.account), action=action, resource=interface, context=context
        )
        answer = walk.ask(question)
        walk.expect(f"understudy explain --as the role --action {action}: {title}", wanted, answer["effect"])
    done = walk.ask(Rehearse(connector=walk.known["connector"]))
    for step in done["steps"]:
        went = "allowed" if step["answered"] == "ok" else "refused"
        walk.expect(
            f"understudy rehearse, as the role's session: {step['title']}",
            "allowed" if step["allowed"] else "refused",
            went,
        )


def permission_for_each(walk: Walk) -> None:
    """Creating, editing and deleting the role are refused to a user without permissions."""
    iam = walk.client("iam", as_=_new_user(walk, "nobody", None))
    for action, command, call, params in (
        (
            "iam:CreateServiceLinkedRole",
            "create-service-linked-role",
            iam.create_service_linked_role,
            {"AWSServiceName": PRINCIPAL},
        ),
        (
            "iam:UpdateRoleDescription",
            "update-role-description",
            iam.update_role_description,
            {"RoleName": ROLE, "Description": "mine"},
        ),
        (
            "iam:DeleteServiceLinkedRole",
            "delete-service-linked-role",
            iam.delete_service_linked_role,
            {"RoleName": ROLE},
        ),
    ):
        # AWS names a role that exists, and the ARN of one that is to be made.
        named = f"role {ROLE}" if "RoleName" in params else role_arn(walk.account)
        walk.expect_refusal(
            f"aws iam {command}, as nobody",
            f"AccessDenied: User: arn:aws:iam::{walk.account}:user/nobody is not authorized to perform: "
            f"{action} on resource: {named} "
            f"because no identity-based policy allows the {action} action",
            call,
            **params,
        )


def only_the_description(walk: Walk) -> None:
    """The administrator cannot change the role either, except for its description."""
    iam, document = walk.client("iam"), json.dumps(PERMISSIONS)
    for command, call, params in (
        ("attach-role-policy", iam.attach_role_policy, {"PolicyArn": ADMINISTRATOR_ACCESS}),
        ("detach-role-policy", iam.detach_role_policy, {"PolicyArn": POLICY}),
        ("put-role-policy", iam.put_role_policy, {"PolicyName": "mine", "PolicyDocument": document}),
        ("update-assume-role-policy", iam.update_assume_role_policy, {"PolicyDocument": json.dumps(TRUST)}),
        ("delete-role", iam.delete_role, {}),
    ):
        walk.expect_refusal(f"aws iam {command}", PROTECTED, call, RoleName=ROLE, **params)
    iam.update_role_description(RoleName=ROLE, Description="Keeps our connectors connected")
    walk.expect(
        "aws iam update-role-description",
        "Keeps our connectors connected",
        iam.get_role(RoleName=ROLE)["Role"].get("Description", "no description"),
    )


def its_policy_is_its_own(walk: Walk) -> None:
    """The permissions policy cannot be attached to anyone else."""
    iam = walk.client("iam")
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_group(GroupName="us")
    for command, call, params in (
        ("attach-role-policy", iam.attach_role_policy, {"RoleName": "mine"}),
        ("attach-user-policy", iam.attach_user_policy, {"UserName": "nobody"}),
        ("attach-group-policy", iam.attach_group_policy, {"GroupName": "us"}),
    ):
        walk.expect_refusal_like(
            f"aws iam {command}", "PolicyNotAttachable: Cannot attach", call, PolicyArn=POLICY, **params
        )


def killed_and_back(walk: Walk) -> None:
    """The server is killed and started again; what was answered is there."""
    walk.kill_and_restart()
    connector = walk.client("apprunner").describe_vpc_connector(VpcConnectorArn=walk.known["connector"])
    walk.expect(
        "kill -9, understudy up, aws apprunner describe-vpc-connector",
        "ACTIVE",
        connector["VpcConnector"]["Status"],
    )
    role = walk.client("iam").get_role(RoleName=ROLE)["Role"]
    walk.expect(
        "aws iam get-role: the same id and the new description",
        f"{walk.known['role_id']}, Keeps our connectors connected",
        f"{role['RoleId']}, {role.get('Description')}",
    )


def not_while_in_use(walk: Walk) -> None:
    """Deletion is accepted, and fails naming the connector."""
    status = _delete_the_role(walk)
    usage = status.get("Reason", {}).get("RoleUsageList", [])
    walk.expect(
        "aws iam get-service-linked-role-deletion-status, afterwards",
        _deleted("FAILED", [{"Region": "us-east-1", "Resources": [walk.known["connector"]]}]),
        _deleted(status["Status"], usage),
    )


def gone_after_cleaning_up(walk: Walk) -> None:
    """Without connectors it succeeds."""
    apprunner = walk.client("apprunner", as_=walk.known["deploy"])
    connector = apprunner.delete_vpc_connector(VpcConnectorArn=walk.known["connector"])["VpcConnector"]
    walk.expect("aws apprunner delete-vpc-connector", "INACTIVE", connector["Status"])
    walk.expect(
        "aws iam get-service-linked-role-deletion-status, afterwards",
        "SUCCEEDED",
        _delete_the_role(walk)["Status"],
    )
    walk.expect_refusal(
        f"aws iam get-role --role-name {ROLE}", NO_ROLE, walk.client("iam").get_role, RoleName=ROLE
    )


def again(walk: Walk) -> None:
    """The same process creates it again: another role of the same name."""
    _make_connector(walk, "web-vpc")
    role = walk.client("iam").get_role(RoleName=ROLE)["Role"]
    walk.expect(
        "aws iam get-role: the same ARN, another id",
        f"{role_arn(walk.account)}, another id",
        f"{role['Arn']}, {'the same id' if role['RoleId'] == walk.known['role_id'] else 'another id'}",
    )


def in_every_region(walk: Walk) -> None:
    """A connector in each region of App Runner, and none elsewhere."""
    made = []
    for region in REGIONS:
        subnet = walk.client("ec2", region=region).describe_subnets()["Subnets"][0]["SubnetId"]
        connector = walk.client("apprunner", region=region).create_vpc_connector(
            VpcConnectorName="everywhere", Subnets=[subnet]
        )["VpcConnector"]
        if connector["Status"] == "ACTIVE":
            made.append(region)
    walk.expect(
        "aws apprunner create-vpc-connector --region …, in eleven regions", " ".join(REGIONS), " ".join(made)
    )


def the_catalogue(walk: Walk) -> None:
    """Other services with such roles."""
    catalogue = walk.ask(ListRoles())["roles"]
    walk.expect(
        "understudy roles",
        f"{SERVICES_WITH_ROLES} services in our catalogue",
        f"{len(catalogue)} services in our catalogue",
    )
    made = walk.client("iam").create_service_linked_role(AWSServiceName="elasticloadbalancing.amazonaws.com")[
        "Role"
    ]
    walk.expect(
        "aws iam create-service-linked-role --aws-service-name elasticloadbalancing.amazonaws.com",
        "AWSServiceRoleForElasticLoadBalancing",
        made["RoleName"],
    )


STEPS = (
    ("", "A deploy user makes a network", a_network),
    ("S6", "Without iam:CreateServiceLinkedRole there is no connector", no_connector_without_permission),
    ("S6", "Understudy explains what is missing", the_refusal_explained),
    ("S6", "Granted that statement, connector and role appear", granted),
    ("S1 S3", "The role's documents are the page's", the_documents),
    ("S1", "Nobody else can assume the role", nobody_assumes_it),
    ("S2 S3", "What the role may do to network interfaces", what_it_may_do),
    ("S5", "Creating, editing and deleting it need permission", permission_for_each),
    ("S7", "Only its description can be edited", only_the_description),
    ("S4", "Its policy is for it alone", its_policy_is_its_own),
    ("", "Security groups let packets pass, or do not", security_groups_on_packets),
    ("S2", "A service runs on the connector, and reaches its database", a_service_that_runs),
    ("", "The server is killed and comes back", killed_and_back),
    ("S8", "It is not deleted while in use", not_while_in_use),
    ("S8", "It is deleted after cleaning up", gone_after_cleaning_up),
    ("S6", "The next connector makes it again", again),
    ("S9", "In all of App Runner's regions", in_every_region),
    ("S10", "The services that have such roles", the_catalogue),
)


def _new_user(walk: Walk, name: str, policy: dict[str, Any] | None) -> Keys:
    iam = walk.client("iam")
    iam.create_user(UserName=name)
    if policy is not None:
        iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def _connector(walk: Walk, name: str) -> dict[str, Any]:
    return {
        "VpcConnectorName": name,
        "Subnets": walk.known["subnets"],
        "SecurityGroups": [walk.known["group"]],
    }


def _make_connector(walk: Walk, name: str) -> str:
    apprunner = walk.client("apprunner", as_=walk.known["deploy"])
    made = apprunner.create_vpc_connector(**_connector(walk, name))["VpcConnector"]
    walk.expect(f"aws apprunner create-vpc-connector --vpc-connector-name {name}", "ACTIVE", made["Status"])
    return str(made["VpcConnectorArn"])


def _delete_the_role(walk: Walk) -> dict[str, Any]:
    """Ask for the deletion, and return its last status; by the instant clock the first one may be the last."""
    iam = walk.client("iam")
    task = iam.delete_service_linked_role(RoleName=ROLE)["DeletionTaskId"]
    walk.expect(
        "aws iam delete-service-linked-role; its task's id",
        f"task/aws-service-role/{PRINCIPAL}/{ROLE}/…",
        task.rpartition("/")[0] + "/…",
    )
    status: dict[str, Any] = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    deadline = monotonic_seconds() + _PATIENCE
    while status["Status"] in ("IN_PROGRESS", "NOT_STARTED") and monotonic_seconds() < deadline:
        sleep(0.05)
        status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    return status


def _deleted(status: str, usage: list[dict[str, Any]]) -> str:
    used = "; ".join(f"{each['Region']}: {' '.join(each['Resources'])}" for each in usage)
    return f"{status}, in use by {used or 'nothing'}"


def _canonical(document: Any) -> str:
    return json.dumps(document, sort_keys=True, separators=(",", ":"))
