"""Secrets of Secrets Manager, through boto3 (secrets.md 22.1, 22.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from refusals import refused

from understudy_aws.services.secretsmanager.records import secret_versions, secrets

ACCOUNT = "000000000000"
GONE = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."
TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def client(understudy):
    return understudy.client("secretsmanager")


def value(client, secret, **which):
    return client.get_secret_value(SecretId=secret, **which)["SecretString"]


class TestCreate:
    def test_a_secret_has_six_characters_behind_its_name(self, client):
        made = client.create_secret(Name="web/db", SecretString="s3cret")
        prefix, _, suffix = made["ARN"].rpartition("-")
        assert f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:web/db" == prefix
        assert 6 == len(suffix)
        assert suffix.isalnum()
        assert "web/db" == made["Name"]
        assert 36 == len(made["VersionId"])
        got = client.get_secret_value(SecretId="web/db")
        assert ("s3cret", ["AWSCURRENT"], made["VersionId"]) == (
            got["SecretString"],
            got["VersionStages"],
            got["VersionId"],
        )

    def test_bytes_are_kept_as_they_are(self, client):
        client.create_secret(Name="key", SecretBinary=bytes(range(256)))
        got = client.get_secret_value(SecretId="key")
        assert bytes(range(256)) == got["SecretBinary"]
        assert "SecretString" not in got

    def test_without_a_value_there_is_none(self, client):
        made = client.create_secret(Name="empty")
        assert "VersionId" not in made
        expected = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT"
        with refused("ResourceNotFoundException", expected):
            client.get_secret_value(SecretId="empty")

    def test_a_name_is_taken_but_for_the_same_request(self, client):
        """Reference secrets.md 22.1: a token makes a request repeatable."""
        first = client.create_secret(Name="db", SecretString="a", ClientRequestToken=TOKEN)
        again = client.create_secret(Name="db", SecretString="a", ClientRequestToken=TOKEN)
        assert (TOKEN, first["ARN"]) == (again["VersionId"], again["ARN"])
        text = "The operation failed because the secret db already exists."
        with refused("ResourceExistsException", text):
            client.create_secret(Name="db", SecretString="b", ClientRequestToken=TOKEN)
        with refused("ResourceExistsException", text):
            client.create_secret(Name="db", SecretString="a")

    @pytest.mark.parametrize("name", ["with space", "a:b", "ü"])
    def test_a_name_has_certain_characters(self, client, name):
        with refused("ValidationException") as told:
            client.create_secret(Name=name)
        assert told.text.startswith("Invalid name. Must be a valid name")

    def test_a_value_is_a_text_or_bytes_of_bounded_size(self, client):
        with refused("InvalidParameterException"):
            client.create_secret(Name="db", SecretString="a", SecretBinary=b"a")
        with refused("InvalidParameterException"):
            client.create_secret(Name="db", SecretString="ä" * 32769)
        client.create_secret(Name="db", SecretString="ä" * 32768)

    def test_keys_of_kms_are_not_served_and_said_so(self, client):
        with refused("NotImplemented") as told:
            client.create_secret(Name="db", KmsKeyId="alias/mine")
        assert "alias/mine" in told.text
        client.create_secret(Name="db", KmsKeyId="alias/aws/secretsmanager")

    def test_regions_and_accounts_have_their_own(self, client, understudy):
        client.create_secret(Name="db", SecretString="here")
        elsewhere = understudy.client("secretsmanager", region="eu-west-1")
        elsewhere.create_secret(Name="db", SecretString="there")
        assert ["here", "there"] == [value(each, "db") for each in (client, elsewhere)]


class TestFind:
    def test_by_name_by_arn_and_by_arn_without_its_end(self, client):
        """Reference secrets.md 22.1."""
        arn = client.create_secret(Name="db-prod", SecretString="a")["ARN"]
        for secret in ("db-prod", arn, arn[:-7]):
            assert "a" == value(client, secret)
        for secret in ("db", arn[:-1], arn.replace("us-east-1", "eu-west-1")):
            with refused("ResourceNotFoundException", GONE):
                client.describe_secret(SecretId=secret)


class TestUpdateAndDescribe:
    def test_what_is_described(self, client, understudy):
        made = client.create_secret(
            Name="db", SecretString="a", Description="first", Tags=[{"Key": "team", "Value": "web"}]
        )
        understudy.clock.advance(60)
        updated = client.update_secret(SecretId="db", Description="second", SecretString="b")
        found = client.describe_secret(SecretId="db")
        assert ("second", [{"Key": "team", "Value": "web"}]) == (found["Description"], found["Tags"])
        assert {made["VersionId"]: ["AWSPREVIOUS"], updated["VersionId"]: ["AWSCURRENT"]} == found[
            "VersionIdsToStages"
        ]
        assert timedelta(seconds=60) <= found["LastChangedDate"] - found["CreatedDate"]
        assert {"DeletedDate", "LastAccessedDate", "SecretString"}.isdisjoint(found)

    def test_the_day_of_the_last_reading_is_told(self, client, understudy):
        client.create_secret(Name="db", SecretString="a")
        client.get_secret_value(SecretId="db")
        accessed = client.describe_secret(SecretId="db")["LastAccessedDate"]
        assert (0, 0, 0) == (accessed.hour, accessed.minute, accessed.second)

    def test_tags_are_added_overwritten_and_removed(self, client):
        client.create_secret(Name="db", Tags=[{"Key": "team", "Value": "web"}])
        client.tag_resource(SecretId="db", Tags=[{"Key": "team", "Value": "ops"}, {"Key": "a", "Value": ""}])
        client.untag_resource(SecretId="db", TagKeys=["a", "never-there"])
        assert [{"Key": "team", "Value": "ops"}] == client.describe_secret(SecretId="db")["Tags"]
        with refused("InvalidParameterException"):
            client.tag_resource(SecretId="db", Tags=[{"Key": "aws:x", "Value": ""}])
        with refused("InvalidParameterException"):
            client.tag_resource(SecretId="db", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])


class TestList:
    def names(self, client, **asked):
        return [each["Name"] for each in client.list_secrets(**asked)["SecretList"]]

    @pytest.fixture(autouse=True)
    def some(self, client, understudy):
        for name in ("web/b", "web/a", "api/c"):
            client.create_secret(
                Name=name, Description=f"The {name} one", Tags=[{"Key": "team", "Value": name[:3]}]
            )
            understudy.clock.advance(1)

    def test_they_are_in_the_order_asked_for_and_in_pages(self, client):
        assert ["web/b", "web/a", "api/c"] == self.names(client)
        assert ["api/c", "web/a", "web/b"] == self.names(client, SortOrder="desc")
        assert ["api/c", "web/a", "web/b"] == self.names(client, SortBy="name")
        for order in ("asc", "desc"):
            first = client.list_secrets(MaxResults=2, SortOrder=order)
            rest = client.list_secrets(MaxResults=2, SortOrder=order, NextToken=first["NextToken"])
            assert self.names(client, SortOrder=order) == [
                each["Name"] for page in (first, rest) for each in page["SecretList"]
            ]
            assert "NextToken" not in rest
        with refused("InvalidNextTokenException"):
            client.list_secrets(NextToken="made-up")

    @pytest.mark.parametrize(
        ("key", "values", "names"),
        [
            ("name", ["web/"], ["web/b", "web/a"]),
            ("name", ["Web/"], []),
            ("name", ["web/", "!web/a"], ["web/b"]),
            ("name", ["!web/"], ["api/c"]),
            ("description", ["the api"], ["api/c"]),
            ("tag-key", ["team"], ["web/b", "web/a", "api/c"]),
            ("tag-value", ["api"], ["api/c"]),
            ("all", ["ONE"], ["web/b", "web/a", "api/c"]),
            ("primary-region", ["eu"], []),
            ("owning-service", ["x"], []),
        ],
    )
    def test_filters(self, client, key, values, names):
        assert names == self.names(client, Filters=[{"Key": key, "Values": values}])

    def test_all_filters_must_fit(self, client):
        filters = [{"Key": "name", "Values": ["web/"]}, {"Key": "description", "Values": ["The web/a"]}]
        assert ["web/a"] == self.names(client, Filters=filters)

    def test_what_is_marked_for_deletion_is_left_out_unless_asked_for(self, client):
        client.delete_secret(SecretId="api/c")
        assert ["web/b", "web/a"] == self.names(client)
        assert ["web/b", "web/a", "api/c"] == self.names(client, IncludePlannedDeletion=True)


class TestDelete:
    def test_a_deleted_secret_can_be_restored_in_time(self, client, understudy):
        """Reference secrets.md 22.1: 30 days unless told otherwise; meanwhile its value is not told."""
        client.create_secret(Name="db", SecretString="a")
        created = client.describe_secret(SecretId="db")["CreatedDate"]
        deleted = client.delete_secret(SecretId="db")
        assert 30 == (deleted["DeletionDate"] - created).days
        with refused("InvalidRequestException", MARKED):
            client.get_secret_value(SecretId="db")
        with refused("InvalidRequestException", MARKED):
            client.put_secret_value(SecretId="db", SecretString="b")
        text = "You can't perform this operation on the secret because it was already scheduled for deletion."
        with refused("InvalidRequestException", text):
            client.delete_secret(SecretId="db")
        text = (
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
        with refused("InvalidRequestException", text):
            client.create_secret(Name="db")
        assert "DeletedDate" in client.describe_secret(SecretId="db")
        client.restore_secret(SecretId="db")
        client.restore_secret(SecretId="db")
        assert "a" == value(client, "db")
        understudy.clock.advance(40 * 86400)
        understudy.settle()
        assert "a" == value(client, "db"), "nothing of it is deleted any more"

    def test_after_the_window_it_is_gone_with_its_versions(self, client, understudy):
        client.create_secret(Name="db", SecretString="a")
        client.delete_secret(SecretId="db", RecoveryWindowInDays=7)
        understudy.clock.advance(7 * 86400 + 60)
        understudy.settle()
        with refused("ResourceNotFoundException", GONE):
            client.describe_secret(SecretId="db")
        with understudy.app.database.transaction() as tx:
            assert ([], []) == (list(secrets.scan(tx)), list(secret_versions.scan(tx)))
        client.create_secret(Name="db", SecretString="b")

    def test_at_once_when_asked_for(self, client, understudy):
        old = client.create_secret(Name="db", SecretString="a")["ARN"]
        client.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True)
        with understudy.app.database.transaction() as tx:
            assert [] == list(secret_versions.scan(tx))
        assert old != client.create_secret(Name="db", SecretString="b")["ARN"]
        with refused("ResourceNotFoundException", GONE):
            client.get_secret_value(SecretId=old)

    def test_what_is_not_there_is_deleted_at_once_without_an_error(self, client):
        """Reference secrets.md 22.1."""
        answer = client.delete_secret(SecretId="never-there", ForceDeleteWithoutRecovery=True)
        assert "never-there" == answer["Name"]
        with refused("ResourceNotFoundException", GONE):
            client.delete_secret(SecretId="never-there")

    @pytest.mark.parametrize("days", [0, 6, 31])
    def test_the_window_has_bounds(self, client, days):
        client.create_secret(Name="db")
        text = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        with refused("InvalidParameterException", text):
            client.delete_secret(SecretId="db", RecoveryWindowInDays=days)
        text = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        with refused("InvalidParameterException", text):
            client.delete_secret(SecretId="db", RecoveryWindowInDays=7, ForceDeleteWithoutRecovery=True)
