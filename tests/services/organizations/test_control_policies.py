"""What an organization's policies let happen in its accounts: policies.md 4.6, 4.8 and 4.9."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from estates import RCP, SCP, Estate, allow, deny
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refusal, refused

from understudy_aws.admin.explanations import Explanations
from understudy_aws.authn.caller import Caller
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.testing import Understudy

NETWORKING = "networking.apprunner.amazonaws.com"


@pytest.fixture
def estate(understudy):
    return Estate(understudy, SCP, RCP)


@pytest.fixture
def member(estate):
    return estate.account()


@pytest.fixture
def iam(understudy, estate, member):
    """IAM in the member account, as its administrator."""
    return understudy.client("iam", as_=estate.administrator(member))


def allowed(call, *given, **params):
    """Whether the policies let it happen."""
    code = None
    try:
        call(*given, **params)
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code in (None, "AccessDenied", "UnauthorizedOperation")
    return code is None


class TestServiceControlPolicies:
    def test_a_deny_binds_the_administrator_and_is_named(self, understudy, estate, member, iam):
        guard = estate.policy(deny("iam:CreateUser"))
        estate.attach(guard, member)
        session = f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/admin"
        text = (
            f"User: {session} is not authorized to perform: iam:CreateUser on resource: "
            f"arn:aws:iam::{member}:user/x with an explicit deny in a service control policy: {estate.arn(guard)}"
        )
        with refused("AccessDenied", text, status=403):
            iam.create_user(UserName="x")
        estate.detach(guard, member)
        assert iam.create_user(UserName="x")

    def test_an_allow_list_leaves_nothing_else(self, estate, member, iam):
        estate.only(estate.policy(allow("iam:List*")), member)
        assert iam.list_users()
        with refused("AccessDenied") as told:
            iam.create_user(UserName="x")
        assert told.text.endswith("because no service control policy allows the iam:CreateUser action")

    def test_every_level_must_allow(self, estate, member, iam):
        """Root, unit, unit and account: what one of them leaves out is out."""
        above = estate.unit("above")
        below = estate.unit("below", above)
        estate.move(member, below)
        lists = estate.policy(allow("iam:ListUsers"), name="lists")
        for target in (estate.root, above, below, member):
            assert allowed(iam.list_roles)
            estate.only(lists, target)
            assert allowed(iam.list_users)
            assert not allowed(iam.list_roles)
            estate.attach("p-FullAWSAccess", target)

    def test_a_deny_above_binds_what_is_below_and_nothing_beside(self, estate, member, iam):
        unit, other = estate.unit("unit"), estate.unit("other")
        estate.attach(estate.policy(deny("iam:ListUsers")), unit)
        assert allowed(iam.list_users)
        estate.move(member, unit)
        assert not allowed(iam.list_users)
        estate.move(member, other)
        assert allowed(iam.list_users)

    def test_a_new_content_binds_at_once(self, estate, member, iam):
        guard = estate.policy(deny("iam:ListRoles"))
        estate.attach(guard, estate.root)
        assert allowed(iam.list_users)
        content = json.dumps({"Version": "2012-10-17", "Statement": deny("iam:ListUsers")})
        estate.organizations.update_policy(PolicyId=guard, Content=content)
        assert (False, True) == (allowed(iam.list_users), allowed(iam.list_roles))

    def test_disabling_the_type_lifts_all(self, estate, member, iam):
        estate.attach(estate.policy(deny("iam:*")), estate.root)
        assert not allowed(iam.list_users)
        estate.organizations.disable_policy_type(RootId=estate.root, PolicyType=SCP)
        assert allowed(iam.list_users)

    def test_users_are_bound_like_roles(self, understudy, estate, member, iam):
        iam.create_user(UserName="ann")
        iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        ann = understudy.client(
            "iam", as_=understudy.session_of({"Credentials": {**key, "SessionToken": None}})
        )
        assert allowed(ann.list_users)
        estate.attach(estate.policy(deny("iam:ListUsers")), estate.root)
        assert not allowed(ann.list_users)

    def test_the_root_user_is_bound_too(self, understudy, estate, member):
        root = Caller("root", member, f"arn:aws:iam::{member}:root", member)
        gateway = understudy.app.gateway

        def list_users():
            return gateway.perform(root, "iam", "ListUsers", {}, region="us-east-1")

        assert [] == list_users()["Users"]
        guard = estate.policy(deny("iam:ListUsers"))
        estate.attach(guard, member)
        with pytest.raises(ApiError, match="explicit deny in a service control policy"):
            list_users()
        estate.detach(guard, member)
        assert [] == list_users()["Users"]

    def test_the_management_account_is_not_bound(self, understudy, estate, member):
        estate.attach(estate.policy(deny("iam:*")), estate.root)
        estate.attach(estate.policy(deny("sts:*"), name="two"), understudy.account)
        assert allowed(understudy.client("iam").list_users)
        root = Caller(
            "root", understudy.account, f"arn:aws:iam::{understudy.account}:root", understudy.account
        )
        assert understudy.app.gateway.perform(root, "iam", "ListUsers", {}, region="us-east-1")["Users"]

    def test_an_account_outside_is_not_bound(self, understudy, estate):
        estate.attach(estate.policy(deny("*")), estate.root)
        outside = understudy.account_administrator("111111111111")
        assert allowed(understudy.client("iam", as_=outside).list_users)

    def test_a_service_linked_role_is_not_bound(self, understudy, estate, member, iam):
        """Organizations user guide: SCPs do not affect any service-linked role."""
        arn = iam.create_service_linked_role(AWSServiceName=NETWORKING)["Role"]["Arn"]
        estate.attach(estate.policy(deny("ec2:*")), estate.root)
        ec2 = understudy.client("ec2", as_=estate.administrator(member))
        assert not allowed(ec2.describe_vpcs)
        role = RoleSession(
            understudy.app.gateway,
            principal=NETWORKING,
            role_arn=arn,
            source_arn=f"arn:aws:apprunner:us-east-1:{member}:service/web/0",
            session_name="networking",
        )
        assert 1 == len(role.call("ec2", "DescribeVpcs", region="us-east-1")["Vpcs"])

    def test_a_service_principal_is_not_bound(self, understudy, estate, member, iam):
        """They bind the users, roles and root user of accounts, and no service that comes from outside them."""
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(
            RoleName="plain",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )["Role"]["Arn"]
        estate.attach(estate.policy(deny("sts:*")), estate.root)
        service = RoleSession(
            understudy.app.gateway,
            principal="ec2.amazonaws.com",
            role_arn=arn,
            source_arn=f"arn:aws:apprunner:us-east-1:{member}:service/web/0",
            session_name="service",
        )
        assert member == service.call("sts", "GetCallerIdentity", region="us-east-1")["Account"]

    def test_app_runner_makes_its_role_with_the_callers_leave_only(self, understudy, estate, member):
        """Reference apprunner.md 4.2: the first connector of an account makes the role, as whoever makes the connector."""
        who = estate.administrator(member)
        guard = estate.policy(deny("iam:CreateServiceLinkedRole"))
        estate.attach(guard, estate.root)
        subnet = understudy.client("ec2", as_=who).describe_subnets()["Subnets"][0]["SubnetId"]
        apprunner = understudy.client("apprunner", as_=who)
        with refused("InvalidRequestException") as told:
            apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])
        assert "service-linked role" in told.text
        made_for_it = [each for each in understudy.trail() if each.operation == "CreateServiceLinkedRole"][-1]
        deciding = made_for_it.evaluations[0]
        assert ("scp", estate.arn(guard)) == (deciding.layer, deciding.policy)
        estate.detach(guard, estate.root)
        assert apprunner.create_vpc_connector(VpcConnectorName="web-vpc", Subnets=[subnet])

    def test_they_grant_nothing(self, understudy, estate, member, iam):
        iam.create_user(UserName="ann")
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        ann = understudy.client(
            "iam", as_=understudy.session_of({"Credentials": {**key, "SessionToken": None}})
        )
        estate.attach(estate.policy(allow("*")), member)
        with refused("AccessDenied") as told:
            ann.list_users()
        assert "because no identity-based policy allows" in told.text

    def test_get_caller_identity_needs_no_leave(self, understudy, estate, member):
        who = estate.administrator(member)
        estate.attach(estate.policy(deny("*")), member)
        assert member == understudy.client("sts", as_=who).get_caller_identity()["Account"]


class TestResourceControlPolicies:
    def test_a_deny_binds_the_management_account_at_a_members_role(self, understudy, estate, member):
        guard = estate.policy(deny("sts:AssumeRole", Principal="*"), type=RCP)
        assert estate.administrator(member)
        estate.attach(guard, member)
        with refused("AccessDenied") as told:
            estate.administrator(member)
        assert told.text.endswith(f"with an explicit deny in a resource control policy: {estate.arn(guard)}")
        estate.detach(guard, member)
        assert estate.administrator(member)

    def test_it_is_the_level_of_the_roles_account_that_counts(self, understudy, estate, member):
        other = estate.account("other")
        estate.attach(estate.policy(deny("sts:AssumeRole", Principal="*"), type=RCP), member)
        assert allowed(estate.administrator, other)
        assert not allowed(estate.administrator, member)

    def test_roles_of_the_management_account_are_not_bound(self, understudy, estate):
        trust = {"Effect": "Allow", "Principal": {"AWS": understudy.account}, "Action": "sts:AssumeRole"}
        role = understudy.client("iam").create_role(
            RoleName="own", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
        )["Role"]
        estate.attach(estate.policy(deny("sts:*", Principal="*"), type=RCP), estate.root)
        assert understudy.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="own")

    def test_services_they_do_not_cover_are_not_bound(self, understudy, estate, member, iam):
        """User guide, "List of AWS services that support RCPs": IAM is none."""
        estate.attach(estate.policy(deny("iam:*", "sts:*", Principal="*"), type=RCP), estate.root)
        assert allowed(iam.list_users)

    def test_service_linked_roles_are_assumed_all_the_same(self, understudy, estate, member, iam):
        arn = iam.create_service_linked_role(AWSServiceName=NETWORKING)["Role"]["Arn"]
        estate.attach(estate.policy(deny("sts:*", Principal="*"), type=RCP), estate.root)
        role = RoleSession(
            understudy.app.gateway,
            principal=NETWORKING,
            role_arn=arn,
            source_arn=f"arn:aws:apprunner:us-east-1:{member}:service/web/0",
            session_name="networking",
        )
        assert role.call("ec2", "DescribeVpcs", region="us-east-1")

    def test_a_service_that_assumes_an_ordinary_role_is_bound(self, understudy, estate, member, iam):
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(
            RoleName="plain",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )["Role"]["Arn"]

        def service():
            return RoleSession(
                understudy.app.gateway,
                principal="ec2.amazonaws.com",
                role_arn=arn,
                source_arn=f"arn:aws:apprunner:us-east-1:{member}:service/web/0",
                session_name="service",
            ).call("sts", "GetCallerIdentity", region="us-east-1")

        assert member == service()["Account"]
        estate.attach(estate.policy(deny("sts:AssumeRole", Principal="*"), type=RCP), estate.root)
        with pytest.raises(ApiError, match="resource control policy"):
            service()


def trusting(iam, principal, **condition):
    """A role in an account that trusts somebody."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": {**statement, **condition}}
    return iam.create_role(RoleName="trusting", AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]


class TestKeys:
    """aws:PrincipalOrgID, aws:PrincipalOrgPaths, aws:ResourceOrgID, aws:ResourceOrgPaths (policies.md 4.6)."""

    def test_a_resource_control_policy_keeps_strangers_out(self, understudy, estate, member, iam):
        """The confused-deputy example of the user guide: nobody from outside, whomever the role trusts."""
        stranger = understudy.account_administrator("111111111111")
        role = trusting(iam, ["111111111111", understudy.account])
        sts = understudy.client("sts", as_=stranger)
        assert allowed(sts.assume_role, RoleArn=role, RoleSessionName="in")
        condition = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": estate.id}}
        guard = deny("sts:AssumeRole", Principal="*", Condition=condition)
        estate.attach(estate.policy(guard, type=RCP), estate.root)
        assert not allowed(sts.assume_role, RoleArn=role, RoleSessionName="in")
        assert allowed(understudy.client("sts").assume_role, RoleArn=role, RoleSessionName="in")

    def test_a_service_control_policy_keeps_members_in(self, understudy, estate, member):
        """The data perimeter's rule: only resources of the own organization."""
        outside = understudy.account_administrator("111111111111")
        role = trusting(understudy.client("iam", as_=outside), member)
        inside = understudy.client("sts", as_=estate.administrator(member))
        other = estate.account("other")
        home = trusting(understudy.client("iam", as_=estate.administrator(other)), member)
        assert allowed(inside.assume_role, RoleArn=role, RoleSessionName="out")
        condition = {"StringNotEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}
        estate.attach(estate.policy(deny("sts:AssumeRole", Condition=condition)), estate.root)
        assert not allowed(inside.assume_role, RoleArn=role, RoleSessionName="out")
        assert allowed(inside.assume_role, RoleArn=home, RoleSessionName="in")

    def test_the_paths_are_lists_that_end_in_a_slash(self, understudy, estate, member, iam):
        unit = estate.unit("unit")
        path = f"{estate.id}/{estate.root}/{unit}/"
        condition = {"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": path}}
        other = estate.account("other")
        role = trusting(iam, other, Condition=condition)
        sts = understudy.client("sts", as_=estate.administrator(other))
        assert not allowed(sts.assume_role, RoleArn=role, RoleSessionName="in")
        estate.move(other, unit)
        assert allowed(sts.assume_role, RoleArn=role, RoleSessionName="in")

    def test_the_management_account_has_them_and_an_account_outside_has_none(self, understudy, estate):
        statement = allow("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalOrgID": estate.id}})
        document = {"Version": "2012-10-17", "Statement": statement}
        inside = understudy.user("ann", document)
        assert allowed(understudy.client("iam", as_=inside).list_users)
        estate.organizations.delete_organization()
        assert not allowed(understudy.client("iam", as_=inside).list_users)

    @pytest.mark.parametrize("key", ["aws:ResourceOrgID", "aws:PrincipalOrgID"])
    def test_a_refusal_leaves_them_in_the_trail(self, understudy, estate, member, key):
        nobody = understudy.client("iam", as_=understudy.user("nobody"))
        with refused("AccessDenied"):
            nobody.list_users()
        evaluation = understudy.trail()[-1].evaluations[0]
        assert estate.id == evaluation.context[key.lower()]

    def test_a_resource_elsewhere_does_not_lend_the_callers(self, understudy, estate, member):
        who = understudy.client("sts", as_=understudy.allowing("ann", "iam:ListUsers"))
        with refused("AccessDenied"):
            who.assume_role(RoleArn="arn:aws:iam::111111111111:role/other", RoleSessionName="in")
        context = understudy.trail()[-1].evaluations[0].context
        assert (estate.id, None) == (context["aws:principalorgid"], context.get("aws:resourceorgid"))


class TestSimulation:
    """SimulatePrincipalPolicy tells whether the organization allows (simulator.md 5.2)."""

    @staticmethod
    def simulated(iam, arn, *actions):
        results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=list(actions))
        return {
            each["EvalActionName"]: (
                each["EvalDecision"],
                each.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations"),
            )
            for each in results["EvaluationResults"]
        }

    def test_of_a_member(self, understudy, estate, member, iam):
        arn = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        estate.attach(estate.policy(deny("iam:CreateUser")), estate.root)
        estate.only(estate.policy(allow("iam:*"), name="lists"), member)
        assert {
            "iam:CreateUser": ("explicitDeny", False),
            "iam:ListUsers": ("allowed", True),
            "ec2:DescribeVpcs": ("implicitDeny", False),
        } == self.simulated(iam, arn, "iam:CreateUser", "iam:ListUsers", "ec2:DescribeVpcs")

    def test_of_a_service_linked_role(self, estate, member, iam):
        arn = iam.create_service_linked_role(AWSServiceName=NETWORKING)["Role"]["Arn"]
        estate.attach(estate.policy(deny("ec2:*")), estate.root)
        assert {"ec2:DescribeVpcs": ("allowed", True)} == self.simulated(iam, arn, "ec2:DescribeVpcs")

    def test_of_the_management_account(self, understudy, estate):
        arn = f"arn:aws:iam::{understudy.account}:user/Administrator"
        estate.attach(estate.policy(deny("iam:*")), estate.root)
        found = self.simulated(understudy.client("iam"), arn, "iam:ListUsers")
        assert {"iam:ListUsers": ("allowed", True)} == found

    def test_outside_nothing_is_said(self, understudy):
        arn = f"arn:aws:iam::{understudy.account}:user/Administrator"
        found = self.simulated(understudy.client("iam"), arn, "iam:ListUsers")
        assert {"iam:ListUsers": ("allowed", None)} == found


class TestExplained:
    """`understudy explain` names the policy, the statement and the level, and what would lift the denial."""

    @pytest.fixture
    def explanations(self, understudy):
        gateway = understudy.app.gateway
        return Explanations(gateway, gateway.credentials)

    @staticmethod
    def question_of(explanations, call, **params):
        """The explained question of a call that must be refused."""
        (question,) = explanations.of_request(refusal(call, **params).request_id)["questions"]
        return question

    @pytest.mark.parametrize("level", ["root", "unit", "account"])
    def test_a_denying_policy_by_its_name_and_level(self, estate, explanations, member, iam, level):
        unit = estate.unit("Prod")
        estate.move(member, unit)
        target, called = {
            "root": (estate.root, f"root of the organization ({estate.root})"),
            "unit": (unit, f"organizational unit Prod ({unit})"),
            "account": (member, f"account dev ({member})"),
        }[level]
        guard = estate.policy(deny("iam:CreateUser", Sid="NoUsers"), name="Guard")
        estate.attach(guard, target)
        question = self.question_of(explanations, iam.create_user, UserName="x")
        assert ("explicit-deny", "scp", estate.arn(guard), 0, "NoUsers") == (
            question["effect"], question["layer"], question["policy"], question["statement"], question["sid"]
        )  # fmt: skip
        for part in (f"Guard ({guard})", '"NoUsers"', called):
            assert part in question["text"]
        (remedy,) = question["remedies"]
        assert ("lift", "scp", estate.arn(guard)) == (remedy["kind"], remedy["layer"], remedy["policy"])
        estate.detach(guard, target)
        assert iam.create_user(UserName="x")

    def test_a_level_that_is_silent(self, estate, explanations, member, iam):
        unit = estate.unit("Prod")
        estate.move(member, unit)
        estate.only(estate.policy(allow("ec2:*")), unit)
        question = self.question_of(explanations, iam.list_users)
        assert ("implicit-deny", "scp") == (question["effect"], question["layer"])
        assert f"organizational unit Prod ({unit})" in question["text"]
        (remedy,) = question["remedies"]
        assert ("add", "scp", 1) == (remedy["kind"], remedy["layer"], remedy["level"])

    def test_a_resource_control_policy_of_the_resources_account(
        self, understudy, estate, explanations, member
    ):
        guard = estate.policy(deny("sts:AssumeRole", Principal="*"), type=RCP, name="Doors")
        estate.attach(guard, member)
        role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        call = understudy.client("sts").assume_role
        question = self.question_of(explanations, call, RoleArn=role, RoleSessionName="in")
        assert ("explicit-deny", "rcp") == (question["effect"], question["layer"])
        assert f"Doors ({guard})" in question["text"]
        assert f"account dev ({member})" in question["text"]

    def test_asked_ahead_it_counts_too(self, understudy, estate, explanations, member):
        role = f"arn:aws:iam::{member}:role/OrganizationAccountAccessRole"
        condition = {"StringEquals": {"aws:PrincipalOrgID": estate.id}}
        assert "allow" == explanations.ahead(role, "iam:ListUsers", "*", {})["effect"]
        estate.attach(estate.policy(deny("iam:ListUsers", Condition=condition)), estate.root)
        for arn in (role, f"arn:aws:iam::{member}:root"):
            answer = explanations.ahead(arn, "iam:ListUsers", "*", {})
            assert ("explicit-deny", "scp") == (answer["effect"], answer["layer"])
        management = f"arn:aws:iam::{understudy.account}:user/Administrator"
        assert "allow" == explanations.ahead(management, "iam:ListUsers", "*", {})["effect"]


# A general rule: what is allowed is what every level allows and none denies.

ACTIONS = ("iam:ListUsers", "iam:ListRoles", "ec2:DescribeVpcs")
STATEMENTS = {
    "no users": deny("iam:ListUsers"),
    "no roles": deny("iam:ListRoles"),
    "no networks": deny("ec2:*"),
    "only IAM": allow("iam:*"),
    "only users and networks": allow("iam:ListUsers", "ec2:Describe*"),
    "all but roles": {"Effect": "Allow", "NotAction": "iam:ListRoles", "Resource": "*"},
}
FULL = "FullAWSAccess"
MATCHES = {
    "no users": {"iam:ListUsers"},
    "no roles": {"iam:ListRoles"},
    "no networks": {"ec2:DescribeVpcs"},
    "only IAM": {"iam:ListUsers", "iam:ListRoles"},
    "only users and networks": {"iam:ListUsers", "ec2:DescribeVpcs"},
    "all but roles": {"iam:ListUsers", "ec2:DescribeVpcs"},
    FULL: set(ACTIONS),
}
LEVEL = st.sets(st.sampled_from([FULL, *STATEMENTS]), min_size=1, max_size=4)


def naive(levels):
    """The actions that every level allows and none denies."""

    def of(level, denies):
        return set().union(*(MATCHES[name] for name in level if name.startswith("no ") is denies))

    found = set(ACTIONS)
    for level in levels:
        found &= of(level, False)
        found -= of(level, True)
    return found


@pytest.fixture(scope="module")
def standing():
    """An organization that stays for many examples, its member, and a policy of each kind."""
    with Understudy() as understudy:
        estate = Estate(understudy, SCP, RCP)
        account = estate.account()
        policies = {name: estate.policy(each, name=name) for name, each in STATEMENTS.items()}
        yield estate, account, {**policies, FULL: "p-FullAWSAccess"}, estate.administrator(account)


def set_level(estate, target, wanted):
    found = estate.organizations.list_policies_for_target(TargetId=target, Filter=SCP)["Policies"]
    present = {each["Id"] for each in found}
    for policy in wanted - present:
        estate.attach(policy, target)
    for policy in present - wanted:
        estate.detach(policy, target)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    root=LEVEL,
    units=st.lists(LEVEL, max_size=4),
    beside=LEVEL,
    account=LEVEL,
    fork=st.integers(min_value=0, max_value=4),
)
def test_what_is_allowed_is_what_every_level_allows_and_none_denies(
    standing, root, units, beside, account, fork
):
    """For any tree: a chain of units above the account, with another branch somewhere beside it."""
    estate, number, policies, who = standing
    made = []
    parent = estate.root
    for depth, level in enumerate(units):
        if depth == fork:
            made.append(estate.unit("beside", parent))
            set_level(estate, made[-1], {policies[name] for name in beside})
        parent = estate.unit(f"level {depth}", parent)
        made.append(parent)
        set_level(estate, parent, {policies[name] for name in level})
    estate.move(number, parent) if parent != estate.root else None
    set_level(estate, estate.root, {policies[name] for name in root})
    set_level(estate, number, {policies[name] for name in account})
    iam = estate.understudy.client("iam", as_=who)
    ec2 = estate.understudy.client("ec2", as_=who)
    calls = dict(zip(ACTIONS, (iam.list_users, iam.list_roles, ec2.describe_vpcs), strict=True))
    found = {action for action, call in calls.items() if allowed(call)}
    if parent != estate.root:
        estate.move(number, estate.root)
    for unit in reversed(made):
        estate.organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    assert naive([root, *units, account]) == found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=st.booleans(), units=st.lists(st.booleans(), max_size=4), account=st.booleans())
def test_a_role_is_assumed_unless_some_level_of_its_account_denies_it(standing, root, units, account):
    """For any chain of units: whether a resource control policy stands at each level."""
    estate, number, _policies, _who = standing
    doors = estate.policy(deny("sts:AssumeRole", Principal="*"), type=RCP, name="doors")
    made, parent = [], estate.root
    for depth in range(len(units)):
        parent = estate.unit(f"level {depth}", parent)
        made.append(parent)
    if made:
        estate.move(number, parent)
    closed = [
        target
        for target, shut in zip((estate.root, *made, number), (root, *units, account), strict=True)
        if shut
    ]
    for target in closed:
        estate.attach(doors, target)
    found = allowed(estate.administrator, number)
    for target in closed:
        estate.detach(doors, target)
    if made:
        estate.move(number, estate.root)
    for unit in reversed(made):
        estate.organizations.delete_organizational_unit(OrganizationalUnitId=unit)
    estate.organizations.delete_policy(PolicyId=doors)
    assert (not closed) == found
