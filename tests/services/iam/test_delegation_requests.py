"""Requests for temporary permissions: delegation.md 38.1 to 38.4 (IAM User Guide, "IAM temporary delegation")."""

from __future__ import annotations

import json

import pytest
from delegations import PRODUCT, READS, Product, template
from refusals import refused

ACCOUNT = "000000000000"
DAY = 24 * 3600


@pytest.fixture
def product(understudy):
    return Product(understudy, PRODUCT)


@pytest.fixture
def owner(understudy):
    """A user without any permission, who takes requests up."""
    return understudy.user("olga")


@pytest.fixture
def olga(understudy, owner):
    return understudy.client("iam", as_=owner)


@pytest.fixture
def admin(understudy):
    return understudy.client("iam")


@pytest.fixture
def owned(product, olga):
    """The id of a request that olga owns."""

    def make(**more):
        id = product.ask(**more)
        olga.associate_delegation_request(DelegationRequestId=id)
        return id

    return make


def shown(client, id):
    return client.get_delegation_request(DelegationRequestId=id)["DelegationRequest"]


class TestCreating:
    def test_it_is_nobodys_for_a_day(self, understudy, product, olga):
        arn = product.register()
        answer = product.iam.create_delegation_request(
            Description="Sets Example up.",
            Permissions={"PolicyTemplateArn": arn},
            RequestMessage="for ann",
            RequestorWorkflowId="workflow",
            RedirectUrl="https://example.com/done",
            NotificationChannel=product.topic,
            SessionDuration=7200,
        )
        id = answer["DelegationRequestId"]
        # As in the example of the API reference.
        link = "https://us-east-1.console.aws.amazon.com/iam/account-access-requests/review/"
        assert f"{link}{id}" == answer["ConsoleDeepLink"]
        found = shown(olga, id)
        assert json.loads(template(READS)) == json.loads(found.pop("PermissionPolicy"))
        assert DAY == (found.pop("ExpirationTime") - found["CreateDate"]).total_seconds()
        assert found.pop("CreateDate") == found.pop("UpdatedTime")
        assert {
            "DelegationRequestId": id,
            "Description": "Sets Example up.",
            "RequestMessage": "for ann",
            "Permissions": {"PolicyTemplateArn": arn},
            "RolePermissionRestrictionArns": [],
            "State": "UNASSIGNED",
            "RequestorId": PRODUCT,
            "RequestorName": "Example",
            "SessionDuration": 7200,
            "RedirectUrl": "https://example.com/done",
            "OnlySendByOwner": False,
        } == found
        understudy.clock.advance(DAY)
        assert "EXPIRED" == shown(olga, id)["State"]
        with refused("InvalidInput"):
            olga.associate_delegation_request(DelegationRequestId=id)
        assert [("StateChange", "EXPIRED")] == [(each["Type"], each["State"]) for each in product.told(id)]

    def test_parameters_are_filled_in_and_shown(self, product, olga):
        role = "arn:aws:iam::@{AccountId}:role/example.com/Reader"
        boundary = "arn:aws:iam::partner:policy/example.com/Reader_20260101"
        condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
        statement = {"Effect": "Allow", "Action": "iam:CreateRole", "Resource": role, "Condition": condition}
        parameter = {"Name": "AccountId", "Values": [ACCOUNT], "Type": "string"}
        found = shown(olga, product.ask(parameter, arn=product.register(statement)))
        made = json.loads(found["PermissionPolicy"])["Statement"]
        assert [{**statement, "Resource": role.replace("@{AccountId}", ACCOUNT)}] == made
        assert [boundary] == found["RolePermissionRestrictionArns"]
        assert [parameter] == found["Permissions"]["Parameters"]

    def test_a_workflow_asks_once(self, product):
        product.ask(RequestorWorkflowId="workflow")
        with refused("EntityAlreadyExists", status=409):
            product.ask(RequestorWorkflowId="workflow")

    def test_a_template_is_its_products_alone(self, understudy, product, admin):
        arn = product.register()
        other = Product(understudy, "777788889999")
        with refused("InvalidInput", f"Account 777788889999 has no policy template {arn}.", 400):
            other.ask(arn=arn)
        with refused("InvalidInput"):
            product.ask(arn="arn:aws:iam:::delegation-template/other")
        with refused("InvalidInput"):
            product.ask(
                Permissions={"Parameters": [{"Name": "AccountId", "Values": ["1"], "Type": "string"}]}
            )

    @pytest.mark.parametrize(
        "channel",
        [
            f"arn:aws:sqs:us-east-1:{PRODUCT}:delegations",
            "delegations",
            f"arn:aws:sns:us-east-1:{ACCOUNT}:delegations",
            f"arn:aws:sns:af-south-1:{PRODUCT}:delegations",
        ],
    )
    def test_the_topic_is_the_products_in_an_ordinary_region(self, product, channel):
        """IAM User Guide, "Building your integration": no topics of other accounts, none in opt-in Regions."""
        with refused("InvalidInput", status=400):
            product.ask(NotificationChannel=channel)

    def test_conditions_see_what_is_asked_for(self, understudy, product):
        arn = product.register()
        iam = product.iam
        condition = {"NumericLessThanEquals": {"iam:DelegationDuration": "3600"}}
        condition["ArnEquals"] = {"iam:TemplateArn": arn}
        condition["StringEquals"] = {"iam:NotificationChannel": product.topic}
        statement = {"Effect": "Allow", "Action": "iam:CreateDelegationRequest", "Resource": "*"}
        iam.create_user(UserName="bot")
        document = template({**statement, "Condition": condition})
        iam.put_user_policy(UserName="bot", PolicyName="own", PolicyDocument=document)
        keys = iam.create_access_key(UserName="bot")["AccessKey"]
        as_bot = understudy.session_of({"Credentials": {**keys, "SessionToken": None}})
        product.iam = understudy.client("iam", as_=as_bot)
        assert product.ask(arn=arn, SessionDuration=3600)
        with refused("AccessDenied", status=403):
            product.ask(arn=arn, SessionDuration=3601)


class TestOwning:
    def test_whoever_takes_it_up_owns_it(self, product, olga, owned):
        id = owned()
        found = shown(olga, id)
        assert ("ASSIGNED", ACCOUNT) == (found["State"], found["OwnerAccountId"])
        assert f"arn:aws:iam::{ACCOUNT}:user/olga" == found["OwnerId"]
        assert 7 * DAY == (found["ExpirationTime"] - found["UpdatedTime"]).total_seconds()
        with refused("InvalidInput", status=400):
            olga.associate_delegation_request(DelegationRequestId=id)

    def test_one_for_an_account_is_that_accounts(self, understudy, product, olga):
        id = product.ask(OwnerAccountId=ACCOUNT)
        for operation in ("get_delegation_request", "associate_delegation_request"):
            with refused("AccessDenied", status=403):
                getattr(product.iam, operation)(DelegationRequestId=id)
        assert "UNASSIGNED" == shown(olga, id)["State"]
        olga.associate_delegation_request(DelegationRequestId=id)

    def test_an_owned_one_is_shown_to_its_owner_and_to_whom_policies_let(
        self, understudy, product, admin, owned
    ):
        id = owned()
        others = [understudy.user("otto"), product.administrator]
        for who in others:
            with refused("AccessDenied", status=403):
                shown(understudy.client("iam", as_=who), id)
        assert shown(admin, id)

    def test_a_deny_goes_before_what_an_owner_may(self, admin, olga, owned):
        id = owned()
        deny = {"Effect": "Deny", "Action": "iam:GetDelegationRequest", "Resource": "*"}
        admin.put_user_policy(UserName="olga", PolicyName="deny", PolicyDocument=template(deny))
        with refused("AccessDenied", status=403):
            shown(olga, id)

    def test_the_owner_is_a_condition_key(self, understudy, product, admin, owned):
        mine = {"ArnLike": {"iam:DelegationRequestOwner": f"arn:aws:iam::{ACCOUNT}:user/olga"}}
        allow = {
            "Effect": "Allow",
            "Action": "iam:AcceptDelegationRequest",
            "Resource": "*",
            "Condition": mine,
        }
        approver = understudy.client("iam", as_=understudy.user("anna", template(allow)))
        id = owned()
        approver.accept_delegation_request(DelegationRequestId=id)
        other = product.ask()
        admin.associate_delegation_request(DelegationRequestId=other)
        with refused("AccessDenied", status=403):
            approver.accept_delegation_request(DelegationRequestId=other)

    def test_a_role_session_owns_by_its_own_name(self, understudy, product):
        reader = understudy.role("reader")
        iam = understudy.client("iam", as_=reader)
        id = product.ask()
        iam.associate_delegation_request(DelegationRequestId=id)
        assert f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/test" == shown(iam, id)["OwnerId"]


class TestListing:
    def test_owners_see_their_own_and_the_account_what_is_owned(
        self, understudy, product, admin, olga, owned
    ):
        first, second = owned(), owned()
        product.ask(OwnerAccountId=ACCOUNT)
        third = product.ask()
        admin.associate_delegation_request(DelegationRequestId=third)

        def ids(client, **params):
            answer = client.list_delegation_requests(**params)
            return [each["DelegationRequestId"] for each in answer["DelegationRequests"]]

        name = f"arn:aws:iam::{ACCOUNT}:user/olga"
        assert [first, second] == ids(olga, OwnerId=name) == ids(admin, OwnerId=name)
        assert [first, second, third] == ids(admin)
        with refused("AccessDenied", status=403):
            olga.list_delegation_requests()
        page = admin.list_delegation_requests(MaxItems=2)
        assert page["isTruncated"] is True
        rest = admin.list_delegation_requests(MaxItems=2, Marker=page["Marker"])
        assert ([third], False) == (
            [each["DelegationRequestId"] for each in rest["DelegationRequests"]],
            rest["isTruncated"],
        )
        assert [] == ids(product.iam)


class TestDeciding:
    def test_it_is_forwarded_accepted_and_handed_out(self, product, admin, olga, owned):
        id = owned()
        olga.update_delegation_request(DelegationRequestId=id, Notes="please")
        assert ("PENDING_APPROVAL", "please") == (shown(olga, id)["State"], shown(olga, id)["Notes"])
        with refused("AccessDenied", status=403):
            olga.accept_delegation_request(DelegationRequestId=id)
        admin.accept_delegation_request(DelegationRequestId=id)
        found = shown(olga, id)
        assert ("ACCEPTED", f"arn:aws:iam::{ACCOUNT}:user/Administrator") == (
            found["State"],
            found["ApproverId"],
        )
        olga.send_delegation_token(DelegationRequestId=id)
        assert "FINALIZED" == shown(olga, id)["State"]
        assert [
            ("StateChange", "ASSIGNED"),
            ("StateChange", "PENDING_APPROVAL"),
            ("StateChange", "ACCEPTED"),
            ("StateChange", "FINALIZED"),
            ("ExchangeToken", "FINALIZED"),
        ] == [(each["Type"], each["State"]) for each in product.told(id)]
        last = product.told(id)[-1]
        assert {"RequestId", "RequestorWorkflowId", "State", "OwnerAccountId", "UpdatedAt", "Type"} | {
            "ExchangeToken",
            "ExpiresAt",
        } == set(last)
        assert ACCOUNT == last["OwnerAccountId"]

    @pytest.mark.parametrize("before", ["ASSIGNED", "PENDING_APPROVAL", "ACCEPTED"])
    def test_it_is_rejected_for_good(self, understudy, product, admin, olga, owned, before):
        id = owned()
        if before == "PENDING_APPROVAL":
            olga.update_delegation_request(DelegationRequestId=id)
        if before == "ACCEPTED":
            admin.accept_delegation_request(DelegationRequestId=id)
        olga.reject_delegation_request(DelegationRequestId=id, Notes="too much")
        found = shown(olga, id)
        assert ("REJECTED", "too much") == (found["State"], found["RejectionReason"])
        for operation in ("update", "reject", "accept"):
            with refused("InvalidInput", status=400):
                getattr(admin, f"{operation}_delegation_request")(DelegationRequestId=id)
        with refused("InvalidInput", status=400):
            admin.send_delegation_token(DelegationRequestId=id)
        understudy.clock.advance(7 * DAY)
        assert "EXPIRED" == shown(olga, id)["State"]
        assert "REJECTED" == product.told(id)[-1]["State"]

    @pytest.mark.parametrize("operation", ["update_delegation_request", "accept_delegation_request"])
    def test_what_nobody_owns_is_not_decided(self, product, admin, operation):
        id = product.ask()
        with refused("InvalidInput", status=400):
            getattr(admin, operation)(DelegationRequestId=id)

    def test_only_its_owner_hands_some_out(self, admin, olga, owned):
        id = owned(OnlySendByOwner=True)
        admin.accept_delegation_request(DelegationRequestId=id)
        with refused("AccessDenied", status=403):
            admin.send_delegation_token(DelegationRequestId=id)
        olga.send_delegation_token(DelegationRequestId=id)
        other = owned()
        admin.accept_delegation_request(DelegationRequestId=other)
        admin.send_delegation_token(DelegationRequestId=other)

    def test_an_accepted_one_expires_after_a_week(self, understudy, product, admin, owned):
        id = owned()
        admin.accept_delegation_request(DelegationRequestId=id)
        understudy.clock.advance(7 * DAY)
        with refused("InvalidInput", status=400):
            admin.send_delegation_token(DelegationRequestId=id)
        assert ["ASSIGNED", "ACCEPTED", "EXPIRED"] == [each["State"] for each in product.told(id)]

    def test_one_that_is_not_there(self, admin, olga):
        id = "e4bdcdae-4f66-11ed-0000-000000000000"
        for operation in ("get", "update", "accept", "reject", "associate"):
            with refused("NoSuchEntity", f"Delegation request {id} cannot be found.", 404):
                getattr(admin, f"{operation}_delegation_request")(DelegationRequestId=id)
        with refused("AccessDenied", status=403):
            shown(olga, id)


class TestChecking:
    """IAM API reference, GetDelegationRequest: the result is approximate, and unsure most likely with conditions."""

    def check(self, client, id):
        answer = client.get_delegation_request(DelegationRequestId=id, DelegationPermissionCheck=True)
        return answer["PermissionCheckStatus"], answer["PermissionCheckResult"]

    def test_whether_the_caller_has_what_is_asked_for(self, understudy, product, admin, olga):
        id = product.ask()
        assert ("COMPLETE", "ALLOWED") == self.check(admin, id)
        assert ("COMPLETE", "DENIED") == self.check(olga, id)
        assert "PermissionCheckResult" not in olga.get_delegation_request(DelegationRequestId=id)

    @pytest.mark.parametrize(
        ("has", "result"),
        [
            ({"Action": "iam:List*", "Resource": "*"}, "ALLOWED"),
            ({"Action": "iam:ListRoles", "Resource": "*"}, "DENIED"),
            (
                {
                    "Action": "iam:*",
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:PrincipalTag/a": "b"}},
                },
                "UNSURE",
            ),
        ],
    )
    def test_half_of_it_and_conditions(self, understudy, product, has, result):
        who = understudy.user("paul", template({"Effect": "Allow", **has}))
        assert ("COMPLETE", result) == self.check(understudy.client("iam", as_=who), product.ask())

    def test_a_pattern_needs_one_as_wide(self, understudy, product, olga, admin):
        id = product.ask(arn=product.register({"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}))
        for action, result in (("iam:GetRole", "DENIED"), ("iam:G*", "ALLOWED")):
            document = template({"Effect": "Allow", "Action": action, "Resource": "*"})
            admin.put_user_policy(UserName="olga", PolicyName="own", PolicyDocument=document)
            assert ("COMPLETE", result) == self.check(olga, id)


class TestSummary:
    def arn(self, id):
        return f"arn:aws:iam::{ACCOUNT}:delegation-request/{id}"

    def test_nobody_writes_one_here(self, olga, admin, owned):
        """AWS has a language model write it; of the states this is the one that tells that there is none."""
        arn = self.arn(owned())
        answer = olga.get_human_readable_summary(EntityArn=arn, Locale="fr")
        del answer["ResponseMetadata"]
        assert {"SummaryContent": "", "Locale": "fr", "SummaryState": "NOT_SUPPORTED"} == answer
        assert "en" == admin.get_human_readable_summary(EntityArn=arn)["Locale"]

    def test_whoever_may_look_at_a_request_may_have_it(self, understudy, owned):
        arn = self.arn(owned())
        reader = understudy.allowing("rita", "iam:GetDelegationRequest")
        assert understudy.client("iam", as_=reader).get_human_readable_summary(EntityArn=arn)
        with refused("AccessDenied", status=403):
            understudy.client("iam", as_=understudy.user("otto")).get_human_readable_summary(EntityArn=arn)

    def test_of_what_is_no_request(self, admin):
        with refused("InvalidInput", status=400):
            admin.get_human_readable_summary(EntityArn=f"arn:aws:iam::{ACCOUNT}:role/Reader")
        with refused("NoSuchEntity", status=404):
            admin.get_human_readable_summary(EntityArn=self.arn("nothing-like-that"))
