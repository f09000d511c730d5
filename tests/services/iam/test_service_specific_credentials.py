"""Service-specific credentials: credentials.md 30.5."""

from __future__ import annotations

import base64

import pytest

from understudy_aws.services.iam.credential_records import service_specific_credentials

PASSWORDS = ("codecommit.amazonaws.com", "cassandra.amazonaws.com")
API_KEYS = {
    "bedrock.amazonaws.com": "ABSK",
    "logs.amazonaws.com": "ACWL",
    "cloudwatch.amazonaws.com": "APIAACWM",
    "aws-external-anthropic.amazonaws.com": "AEAA",
}


@pytest.fixture
def ann(iam):
    return iam.create_user(UserName="Ann")["User"]


def made(iam, service="codecommit.amazonaws.com", user="ann", **more):
    answer = iam.create_service_specific_credential(UserName=user, ServiceName=service, **more)
    return answer["ServiceSpecificCredential"]


def listed(iam, **which):
    return iam.list_service_specific_credentials(**which)["ServiceSpecificCredentials"]


class TestCreateServiceSpecificCredential:
    @pytest.mark.parametrize("service", PASSWORDS)
    def test_a_user_name_and_a_password(self, iam, ann, understudy, service):
        found = made(iam, service)
        assert {
            "CreateDate",
            "ServiceName",
            "ServicePassword",
            "ServiceSpecificCredentialId",
            "ServiceUserName",
            "Status",
            "UserName",
        } == set(found)
        assert (f"Ann-at-{understudy.account}", 60) == (
            found["ServiceUserName"],
            len(found["ServicePassword"]),
        )
        assert (21, "ACCA") == (
            len(found["ServiceSpecificCredentialId"]),
            found["ServiceSpecificCredentialId"][:4],
        )
        assert f"Ann+1-at-{understudy.account}" == made(iam, service)["ServiceUserName"]

    @pytest.mark.parametrize(("service", "prefix"), API_KEYS.items())
    def test_an_api_key_with_an_end(self, iam, ann, understudy, service, prefix):
        found = made(iam, service, CredentialAgeDays=1)
        assert {
            "CreateDate",
            "ExpirationDate",
            "ServiceName",
            "ServiceCredentialAlias",
            "ServiceCredentialSecret",
            "ServiceSpecificCredentialId",
            "Status",
            "UserName",
        } == set(found)
        assert 86400 == (found["ExpirationDate"] - found["CreateDate"]).total_seconds()
        secret = found["ServiceCredentialSecret"]
        assert secret.startswith(prefix)
        alias, _, password = base64.b64decode(secret.removeprefix(prefix)).decode().partition(":")
        assert (f"Ann-at-{understudy.account}", 60) == (alias, len(password))

    def test_the_secret_is_told_once(self, iam, ann, understudy):
        secret = made(iam)["ServicePassword"]
        (found,) = listed(iam, UserName="ann")
        assert "ServicePassword" not in found
        with understudy.app.database.transaction() as tx:
            kept = [repr(each) for each in service_specific_credentials.scan(tx)]
        assert 1 == len(kept)
        assert secret not in kept[0]
        assert secret not in repr(understudy.trail())

    def test_two_of_a_service(self, iam, ann, refused):
        made(iam)
        made(iam, "CodeCommit.amazonaws.com")
        text = "Cannot exceed quota for ContextSpecificCredentialsPerUserPerContext: 2"
        with refused("LimitExceeded", text, 409):
            made(iam)
        assert made(iam, "cassandra.amazonaws.com")

    def test_services_that_take_none(self, iam, ann, refused):
        text = "No such service sqs.amazonaws.com is supported for Service Specific Credentials"
        with refused("NoSuchEntity", text, 404):
            made(iam, "sqs.amazonaws.com")
        with refused("ValidationError", "ServiceName must match [a-zA-Z0-9.-]*", 400):
            made(iam, "code_commit")
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            made(iam, user="nobody")

    def test_conditions_see_service_and_age(self, understudy, iam, ann, refused):
        """Recorded: the service in small letters, and no age where none was sent."""
        statement = {
            "Effect": "Allow",
            "Action": "iam:CreateServiceSpecificCredential",
            "Resource": "*",
            "Condition": {
                "StringEquals": {"iam:ServiceSpecificCredentialServiceName": "bedrock.amazonaws.com"},
                "NumericLessThanEquals": {"iam:ServiceSpecificCredentialAgeDays": "30"},
            },
        }
        eve = understudy.user("eve", {"Version": "2012-10-17", "Statement": [statement]})
        client = understudy.client("iam", as_=eve)
        assert made(client, "Bedrock.amazonaws.com", CredentialAgeDays=30)
        for service, more in (
            ("bedrock.amazonaws.com", {"CredentialAgeDays": 31}),
            ("bedrock.amazonaws.com", {}),
            ("logs.amazonaws.com", {"CredentialAgeDays": 1}),
        ):
            with refused("AccessDenied", status=403):
                made(client, service, **more)


class TestResetServiceSpecificCredential:
    def test_only_the_secret_changes(self, iam, ann):
        before = made(iam, "bedrock.amazonaws.com", CredentialAgeDays=9)
        id = before["ServiceSpecificCredentialId"]
        iam.update_service_specific_credential(
            UserName="ann", ServiceSpecificCredentialId=id, Status="Inactive"
        )
        after = iam.reset_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=id)[
            "ServiceSpecificCredential"
        ]
        changed = {name for name in after if after[name] != before[name]}
        assert {"ServiceCredentialSecret", "Status"} == changed
        assert "Inactive" == after["Status"]


class TestWhoseItIs:
    @pytest.fixture(params=["update", "reset", "delete"])
    def change(self, request, iam):
        call = getattr(iam, f"{request.param}_service_specific_credential")
        more = {"Status": "Inactive"} if request.param == "update" else {}
        return lambda user, id: call(UserName=user, ServiceSpecificCredentialId=id, **more)

    def test_another_users_is_refused(self, iam, ann, change, refused):
        iam.create_user(UserName="bob")
        id = made(iam)["ServiceSpecificCredentialId"]
        text = f"User bob does not have a service specific credential with id {id}"
        with refused("ValidationError", text, 400):
            change("bob", id)

    def test_one_that_is_not_there_is_not_found(self, ann, change, refused):
        id = "ACCAXXXXXXXXXXXXXXXXX"
        with refused("NoSuchEntity", f"No such credential {id} exists", 404):
            change("ann", id)

    def test_conditions_see_its_service(self, understudy, iam, ann, refused):
        first, second = made(iam), made(iam, "logs.amazonaws.com")
        statement = {
            "Effect": "Allow",
            "Action": "iam:DeleteServiceSpecificCredential",
            "Resource": "*",
            "Condition": {"StringEquals": {"iam:ServiceSpecificCredentialServiceName": "logs.amazonaws.com"}},
        }
        eve = understudy.user("eve", {"Version": "2012-10-17", "Statement": [statement]})
        client = understudy.client("iam", as_=eve)
        delete = client.delete_service_specific_credential
        with refused("AccessDenied", status=403):
            delete(UserName="ann", ServiceSpecificCredentialId=first["ServiceSpecificCredentialId"])
        delete(UserName="ann", ServiceSpecificCredentialId=second["ServiceSpecificCredentialId"])


class TestStatus:
    def test_nobody_makes_one_expired(self, iam, ann, refused):
        id = made(iam)["ServiceSpecificCredentialId"]
        with refused("InvalidInput", "Operation does not support status Expired", 400):
            iam.update_service_specific_credential(
                UserName="ann", ServiceSpecificCredentialId=id, Status="Expired"
            )

    def test_time_does(self, iam, ann, understudy):
        made(iam, "bedrock.amazonaws.com", CredentialAgeDays=1)
        assert ["Active"] == [each["Status"] for each in listed(iam, UserName="ann")]
        understudy.clock.advance(86400)
        assert ["Expired"] == [each["Status"] for each in listed(iam, UserName="ann")]


class TestListServiceSpecificCredentials:
    def test_a_service_chooses(self, iam, ann, refused):
        made(iam)
        made(iam, "bedrock.amazonaws.com")
        found = listed(iam, UserName="ann", ServiceName="Bedrock.amazonaws.com")
        assert ["bedrock.amazonaws.com"] == [each["ServiceName"] for each in found]
        assert 2 == len(listed(iam, UserName="ann", ServiceName=""))
        text = "No such service codecommit.amazonaws.com.cn is supported for Service Specific Credentials"
        with refused("NoSuchEntity", text, 404):
            listed(iam, UserName="ann", ServiceName="codecommit.amazonaws.com.cn")

    def test_they_are_paged(self, iam, ann, pages):
        ids = {made(iam, service)["ServiceSpecificCredentialId"] for service in (*PASSWORDS, *API_KEYS)}
        assert 6 == len(ids)
        for which in ({"UserName": "ann"}, {"AllUsers": True}):
            found = pages(iam.list_service_specific_credentials, "ServiceSpecificCredentials", 4, **which)
            assert ids == {each["ServiceSpecificCredentialId"] for each in found}

    def test_all_users_take_the_permission_on_all(self, understudy, iam, ann, refused):
        """Recorded."""
        made(iam)
        action = "iam:ListServiceSpecificCredentials"
        of_ann = understudy.client("iam", as_=understudy.allowing("one", action, resource=ann["Arn"]))
        assert 1 == len(listed(of_ann, UserName="ann"))
        with refused("AccessDenied", status=403):
            listed(of_ann, AllUsers=True)
        users = f"arn:aws:iam::{understudy.account}:user/*"
        of_all = understudy.client("iam", as_=understudy.allowing("two", action, resource=users))
        assert ["Ann"] == [each["UserName"] for each in listed(of_all, AllUsers=True)]
        with refused("InvalidInput", status=400):
            listed(iam, AllUsers=True, UserName="ann")
        assert [] == listed(of_all)


class TestUsers:
    def test_a_user_with_one_stays(self, iam, ann, refused):
        id = made(iam)["ServiceSpecificCredentialId"]
        text = "Cannot delete entity, must remove referenced objects first."
        with refused("DeleteConflict", text, 409):
            iam.delete_user(UserName="ann")
        iam.delete_service_specific_credential(UserName="ann", ServiceSpecificCredentialId=id)
        iam.delete_user(UserName="ann")

    def test_a_renamed_user_keeps_the_name_at_the_service(self, iam, ann, understudy):
        """Recorded, also that another user of the name before gets the next one."""
        made(iam)
        iam.update_user(UserName="ann", NewUserName="Anna")
        (found,) = listed(iam, UserName="anna")
        assert ("Anna", f"Ann-at-{understudy.account}") == (found["UserName"], found["ServiceUserName"])
        iam.create_user(UserName="Ann")
        assert f"Ann+1-at-{understudy.account}" == made(iam)["ServiceUserName"]
