"""Long-term access keys: iam.md 2.1, 2.2."""

from __future__ import annotations

import pytest

from understudy_aws.core.ids import account_of
from understudy_aws.testing import Credentials


@pytest.fixture
def ann(iam):
    iam.create_user(UserName="Ann")


def made(iam, **whose):
    return iam.create_access_key(**whose)["AccessKey"]


def keys(iam, **whose):
    return [key["AccessKeyId"] for key in iam.list_access_keys(**whose)["AccessKeyMetadata"]]


class TestCreateAccessKey:
    def test_the_secret_is_shown_once(self, iam, ann, understudy):
        key = made(iam, UserName="ann")
        assert ("Ann", "Active") == (key["UserName"], key["Status"])
        assert (20, 40) == (len(key["AccessKeyId"]), len(key["SecretAccessKey"]))
        assert key["AccessKeyId"].startswith("AKIA")
        assert understudy.account == account_of(key["AccessKeyId"])
        (listed,) = iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]
        assert {"UserName", "AccessKeyId", "Status", "CreateDate"} == set(listed)

    def test_the_secret_is_not_in_the_trail(self, iam, ann, understudy):
        secret = made(iam, UserName="ann")["SecretAccessKey"]
        assert secret not in repr(understudy.trail())

    def test_a_user_has_two_at_most(self, iam, ann, refused):
        """Reference iam.md 2.3."""
        first, second = made(iam, UserName="ann"), made(iam, UserName="ann")
        with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
            made(iam, UserName="ann")
        assert {first["AccessKeyId"], second["AccessKeyId"]} == set(keys(iam, UserName="ann"))
        iam.delete_access_key(UserName="ann", AccessKeyId=first["AccessKeyId"])
        made(iam, UserName="ann")

    def test_without_a_name_it_is_the_callers(self, understudy):
        client = understudy.client("iam", as_=understudy.allowing("bob", "iam:*AccessKey*"))
        assert "bob" == made(client)["UserName"]
        assert 2 == len(keys(client))


class TestUpdateAccessKey:
    def test_an_inactive_key_opens_nothing(self, iam, ann, understudy, refused):
        key = made(iam, UserName="ann")
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        sts = understudy.client("sts", as_=credentials)
        assert sts.get_caller_identity()["Arn"].endswith(":user/Ann")
        iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        with refused("InvalidClientTokenId"):
            sts.get_caller_identity()
        iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
        assert sts.get_caller_identity()

    def test_another_users_key_is_not_found(self, iam, ann, refused):
        iam.create_user(UserName="bob")
        id = made(iam, UserName="bob")["AccessKeyId"]
        text = f"The Access Key with id {id} cannot be found."
        with refused("NoSuchEntity", text, 404):
            iam.update_access_key(UserName="ann", AccessKeyId=id, Status="Inactive")
        with refused("NoSuchEntity", text, 404):
            iam.delete_access_key(UserName="ann", AccessKeyId=id)
        assert [id] == keys(iam, UserName="bob")

    def test_a_key_cannot_be_made_expired(self, iam, ann, refused):
        id = made(iam, UserName="ann")["AccessKeyId"]
        with refused("InvalidInput", "Operation does not support status Expired", 400):
            iam.update_access_key(UserName="ann", AccessKeyId=id, Status="Expired")


class TestDeleteAccessKey:
    def test_a_deleted_key_opens_nothing(self, iam, ann, understudy, refused):
        key = made(iam, UserName="ann")
        iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
        assert [] == keys(iam, UserName="ann")
        sts = understudy.client("sts", as_=Credentials(key["AccessKeyId"], key["SecretAccessKey"]))
        with refused("InvalidClientTokenId"):
            sts.get_caller_identity()


class TestListAccessKeys:
    def test_they_are_paged_oldest_first(self, iam, ann, understudy, pages):
        first = made(iam, UserName="ann")["AccessKeyId"]
        understudy.clock.advance(1)
        second = made(iam, UserName="ann")["AccessKeyId"]
        found = pages(iam.list_access_keys, "AccessKeyMetadata", 1, UserName="ann")
        assert [first, second] == [key["AccessKeyId"] for key in found]


class TestGetAccessKeyLastUsed:
    def test_an_unused_key_was_used_nowhere(self, iam, ann):
        id = made(iam, UserName="ann")["AccessKeyId"]
        answer = iam.get_access_key_last_used(AccessKeyId=id)
        assert "Ann" == answer["UserName"]
        assert {"Region": "N/A", "ServiceName": "N/A"} == answer["AccessKeyLastUsed"]

    def test_a_use_is_remembered_with_its_service_and_region(self, iam, ann, understudy):
        key = made(iam, UserName="ann")
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        understudy.client("sts", region="eu-west-1", as_=credentials).get_caller_identity()
        understudy.settle()
        used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
        assert ("eu-west-1", "sts") == (used["Region"], used["ServiceName"])
        assert used["LastUsedDate"]

    def test_another_accounts_key_is_nobodys_business(self, iam, ann, understudy, refused):
        """Recorded for a key that is not there: iam.md 2.4."""
        id = made(iam, UserName="ann")["AccessKeyId"]
        other = understudy.client("iam", as_=understudy.account_administrator("210987654321"))
        text = "User: arn:aws:iam::{}:user/Administrator is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key {}"
        with refused("AccessDenied", text.format("210987654321", id), 403):
            other.get_access_key_last_used(AccessKeyId=id)
        with refused("AccessDenied", text.format(understudy.account, "AKIAIOSFODNN7EXAMPLE"), 403):
            iam.get_access_key_last_used(AccessKeyId="AKIAIOSFODNN7EXAMPLE")

    def test_it_is_allowed_on_the_user_the_key_belongs_to(self, iam, ann, understudy, refused):
        id = made(iam, UserName="ann")["AccessKeyId"]
        arn = iam.get_user(UserName="ann")["User"]["Arn"]
        allowed = understudy.allowing("clerk", "iam:GetAccessKeyLastUsed", resource=arn)
        client = understudy.client("iam", as_=allowed)
        assert client.get_access_key_last_used(AccessKeyId=id)
        with refused("AccessDenied"):
            client.get_access_key_last_used(AccessKeyId=allowed.access_key_id)
