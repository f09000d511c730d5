"""GetDelegatedAccessToken: delegation.md 38.5 (IAM User Guide, "Building your integration", Exchange Tokens)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from delegations import PRODUCT, READS, Product
from refusals import refused

from understudy_aws.admin.requests import AddDelegationBoundary

ACCOUNT = "000000000000"
HOUR = 3600


@pytest.fixture
def product(understudy):
    return Product(understudy, PRODUCT)


@pytest.fixture
def granted(understudy, product):
    """The exchange token of a request that this identity, or the administrator, has accepted."""

    def make(who=None, **more):
        id = product.ask(**more)
        iam = understudy.client("iam", as_=who)
        iam.associate_delegation_request(DelegationRequestId=id)
        iam.accept_delegation_request(DelegationRequestId=id)
        iam.send_delegation_token(DelegationRequestId=id)
        return product.token(id)

    return make


@pytest.fixture
def traded(understudy, product):
    """The credentials that the product gets for a token."""
    return lambda token: understudy.session_of(product.sts.get_delegated_access_token(TradeInToken=token))


class TestPrincipals:
    def test_a_user_s(self, understudy, product, granted, traded, may):
        token = granted()
        answer = product.sts.get_delegated_access_token(TradeInToken=token)
        assert f"arn:aws:iam::{ACCOUNT}:user/Administrator" == answer["AssumedPrincipal"]
        assert "PackedPolicySize" not in answer
        keys = traded(token)
        assert keys.access_key_id.startswith("ASIA")
        identity = understudy.client("sts", as_=keys).get_caller_identity()
        assert (ACCOUNT, answer["AssumedPrincipal"]) == (identity["Account"], identity["Arn"])
        assert may(keys)
        assert may(keys, "list_roles")
        with refused("AccessDenied", status=403) as caught:
            understudy.client("iam", as_=keys).list_groups()
        assert caught.text.endswith("because no session policy allows the iam:ListGroups action")

    def test_a_role_session_s(self, understudy, make_role, assume, product, granted, traded, may):
        role = make_role("approver", ACCOUNT, allows=("iam:*DelegationRequest*", "iam:ListUsers"))
        token = granted(assume(role, session="ann"))
        answer = product.sts.get_delegated_access_token(TradeInToken=token)
        assert role == answer["AssumedPrincipal"]
        keys = traded(token)
        identity = understudy.client("sts", as_=keys).get_caller_identity()
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/approver/ann" == identity["Arn"]
        assert may(keys)
        # The request asks for it, but whoever has accepted it has it not.
        assert not may(keys, "list_roles")

    def test_session_policies_of_the_approver_are_met_besides(
        self, make_role, assume, policy, granted, traded, may
    ):
        role = make_role("approver", ACCOUNT, allows=("iam:*",))
        limits = policy("iam:*DelegationRequest*", "iam:ListUsers", "iam:ListGroups")
        keys = traded(granted(assume(role, Policy=limits)))
        assert may(keys)
        assert not may(keys, "list_roles")
        assert not may(keys, "list_groups")

    @pytest.mark.parametrize("kind", ["user", "role session"])
    def test_what_names_the_principal_is_limited_by_the_request_too(
        self, understudy, make_role, assume, product, granted, traded, may, kind
    ):
        """Trust policies that name it, and other requests that it owns: the product has what it asked for alone."""
        user = f"arn:aws:iam::{ACCOUNT}:user/Administrator"
        who, named = None, user
        if kind == "role session":
            who = assume(make_role("approver", ACCOUNT, allows=("iam:*", "sts:*")), session="ann")
            named = f"arn:aws:sts::{ACCOUNT}:assumed-role/approver/ann"
        role = make_role("trusting", named)
        approver = understudy.client("iam", as_=who)
        keys = traded(granted(who))
        other, accepted = product.ask(), product.ask()
        for id in (other, accepted):
            approver.associate_delegation_request(DelegationRequestId=id)
        approver.accept_delegation_request(DelegationRequestId=accepted)
        unclaimed = product.ask()
        theirs = understudy.client("iam", as_=keys)
        assert may(keys)
        for call in (
            lambda: understudy.client("sts", as_=keys).assume_role(RoleArn=role, RoleSessionName="later"),
            lambda: theirs.send_delegation_token(DelegationRequestId=accepted),
            lambda: theirs.get_delegation_request(DelegationRequestId=other),
            lambda: theirs.update_delegation_request(DelegationRequestId=other, Notes="x"),
            lambda: theirs.reject_delegation_request(DelegationRequestId=other),
            lambda: theirs.associate_delegation_request(DelegationRequestId=unclaimed),
            lambda: theirs.list_delegation_requests(OwnerId=named),
        ):
            with refused("AccessDenied", status=403):
                call()
        # Who has accepted may do all that.
        assert approver.list_delegation_requests(OwnerId=named)["DelegationRequests"]
        approver.send_delegation_token(DelegationRequestId=accepted)

    def test_a_policy_that_is_taken_away_is_gone(self, iam, make_role, assume, policy, granted, traded, may):
        role = make_role("approver", ACCOUNT, allows=("iam:*",))
        keys = traded(granted(assume(role)))
        assert may(keys)
        iam.put_role_policy(RoleName="approver", PolicyName="own", PolicyDocument=policy("iam:ListRoles"))
        assert not may(keys)
        assert may(keys, "list_roles")

    def test_it_ends_with_the_principal(self, understudy, iam, make_role, assume, product, granted, traded):
        role = make_role("approver", ACCOUNT, allows=("iam:*",))
        token = granted(assume(role))
        keys = traded(token)
        iam.delete_role_policy(RoleName="approver", PolicyName="own")
        iam.delete_role(RoleName="approver")
        make_role("approver", ACCOUNT, allows=("iam:*",))
        with refused("InvalidClientTokenId", status=403):
            understudy.client("iam", as_=keys).list_users()
        with refused("AccessDenied", status=403):
            product.sts.get_delegated_access_token(TradeInToken=token)


class TestToken:
    def test_all_credentials_end_an_agreed_time_after_it_was_sent(self, understudy, product, granted, may):
        """The table "Multiple Redemptions" of the guide: 2 hours, asked for at once, after 20 and 100 minutes."""
        token = granted(SessionDuration=2 * HOUR)
        ends = []
        for minutes in (0, 20, 80):
            understudy.clock.advance(minutes * 60)
            answer = product.sts.get_delegated_access_token(TradeInToken=token)
            ends.append(answer["Credentials"]["Expiration"])
        assert 1 == len(set(ends))
        assert timedelta(minutes=19) < ends[0] - understudy.clock.now() <= timedelta(minutes=20)
        keys = understudy.session_of(answer)
        assert may(keys)
        understudy.clock.advance(30 * 60)
        with refused("ExpiredTradeInTokenException", status=400):
            product.sts.get_delegated_access_token(TradeInToken=token)
        with refused("ExpiredToken"):
            understudy.client("iam", as_=keys).list_users()

    def test_only_the_asking_account_can_use_it(self, understudy, product, granted):
        token = granted()
        for client in (understudy.client("sts"), Product(understudy, "777788889999").sts):
            with refused("AccessDenied", status=403):
                client.get_delegated_access_token(TradeInToken=token)
        for nothing in ("", "nothing", token[:-1]):
            with refused("AccessDenied", status=403):
                product.sts.get_delegated_access_token(TradeInToken=nothing)

    def test_the_trail_does_not_keep_it(self, understudy, product, granted):
        token = granted()
        product.sts.get_delegated_access_token(TradeInToken=token)
        (entry,) = understudy.trail()[-1:]
        assert "GetDelegatedAccessToken" == entry.operation
        assert token not in repr(entry)

    def test_revoking_older_sessions_of_a_role_ends_it_however_often_it_is_traded(
        self, understudy, iam, make_role, assume, granted, traded, may
    ):
        role = make_role("approver", ACCOUNT, allows=("iam:*",))
        token = granted(assume(role))
        understudy.clock.advance(60)
        now = understudy.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        revoked = {"DateLessThan": {"aws:TokenIssueTime": now}}
        deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": revoked}
        document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
        assert may(traded(token))
        iam.put_role_policy(RoleName="approver", PolicyName="revoked", PolicyDocument=document)
        understudy.clock.advance(60)
        assert not may(traded(token))


class TestTrail:
    def test_cloudtrail_tells_for_whom_it_was(self, understudy, granted, traded):
        """IAM User Guide, "CloudTrail" of temporary delegation: invokedByDelegate."""
        keys = traded(granted())
        understudy.client("iam", as_=keys).list_users()
        events = understudy.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "ListUsers"}]
        )["Events"]
        identity = json.loads(events[0]["CloudTrailEvent"])["userIdentity"]
        assert {"accountId": PRODUCT} == identity["invokedByDelegate"]
        assert ("IAMUser", ACCOUNT) == (identity["type"], identity["accountId"])


class TestLastingAccess:
    def test_a_role_is_made_with_the_boundary_that_the_product_registered(
        self, understudy, product, granted, traded
    ):
        """The first example of "Policy templates": a role for what goes on, with a boundary that is not the account's."""
        boundary = understudy.answer_administrative(
            AddDelegationBoundary(
                name="example.com/Reader",
                document=json.dumps(
                    {"Version": "2012-10-17", "Statement": [{**READS, "Action": "iam:ListUsers"}]}
                ),
            )
        )["arn"]
        assert boundary.startswith("arn:aws:iam::partner:policy/example.com/Reader_20")
        role = "arn:aws:iam::@{AccountId}:role/example.com/Reader"
        make = {
            "Effect": "Allow",
            "Action": ["iam:CreateRole", "iam:PutRolePolicy"],
            "Resource": role,
            "Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}},
        }
        account = {"Name": "AccountId", "Values": [ACCOUNT], "Type": "string"}
        id = product.ask(account, arn=product.register(make))
        admin = understudy.client("iam")
        for operation in (
            "associate_delegation_request",
            "accept_delegation_request",
            "send_delegation_token",
        ):
            getattr(admin, operation)(DelegationRequestId=id)
        iam = understudy.client("iam", as_=traded(product.token(id)))
        trust = {"Effect": "Allow", "Principal": {"AWS": PRODUCT}, "Action": "sts:AssumeRole"}
        params = {
            "RoleName": "Reader",
            "Path": "/example.com/",
            "AssumeRolePolicyDocument": json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        }
        with refused("AccessDenied", status=403):
            iam.create_role(**params)
        arn = iam.create_role(**params, PermissionsBoundary=boundary)["Role"]["Arn"]
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}],
        }
        iam.put_role_policy(RoleName="Reader", PolicyName="own", PolicyDocument=json.dumps(everything))
        session = product.sts.assume_role(RoleArn=arn, RoleSessionName="later")
        later = understudy.client("iam", as_=understudy.session_of(session))
        assert later.list_users()
        with refused("AccessDenied", status=403) as caught:
            later.list_roles()
        assert caught.text.endswith("because no permissions boundary allows the iam:ListRoles action")
        assert boundary == admin.get_policy(PolicyArn=boundary)["Policy"]["Arn"]

    def test_a_boundary_is_for_roles_and_never_changes(self, understudy, iam, make_role):
        document = json.dumps({"Version": "2012-10-17", "Statement": [READS]})
        arn = understudy.answer_administrative(
            AddDelegationBoundary(name="example.com/Reader", document=document)
        )["arn"]
        make_role("r", ACCOUNT)
        iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=arn)
        with refused("NoSuchEntity"):
            iam.put_user_permissions_boundary(UserName="Administrator", PermissionsBoundary=arn)
        with refused("NoSuchEntity"):
            iam.attach_role_policy(RoleName="r", PolicyArn=arn)
        with refused("AccessDenied"):
            iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)
        with refused("AccessDenied"):
            iam.delete_policy(PolicyArn=arn)
