"""Parameters of Parameter Store, through boto3 (parameters.md 23.1, 23.2, 23.5)."""

from __future__ import annotations

import base64

import pytest
from refusals import refused

from understudy_aws.services.ssm.put_parameter import MOST_VERSIONS
from understudy_aws.services.ssm.records import parameter_versions, parameters

ACCOUNT = "000000000000"
WRONG_NAME = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths '
    "divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
)
WRONG_PREFIX = 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'


@pytest.fixture
def client(understudy):
    return understudy.client("ssm")


def put(client, name="/web/db", value="v", **more):
    return client.put_parameter(Name=name, Value=value, **{"Type": "String", **more})


def value(client, name, **more):
    return client.get_parameter(Name=name, **more)["Parameter"]["Value"]


class TestPut:
    def test_what_is_told_of_it(self, client, understudy):
        assert {"Version": 1, "Tier": "Standard"} == {
            name: each for name, each in put(client).items() if name != "ResponseMetadata"
        }
        found = client.get_parameter(Name="/web/db")["Parameter"]
        assert understudy.clock.now().replace(microsecond=0) == found.pop("LastModifiedDate").replace(
            microsecond=0
        )
        assert found == {
            "Name": "/web/db",
            "Type": "String",
            "Value": "v",
            "Version": 1,
            "ARN": f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/web/db",
            "DataType": "text",
        }

    def test_one_that_is_there_is_overwritten_only_when_asked(self, client):
        put(client)
        text = "The parameter already exists. To overwrite this value, set the overwrite option in the request to true."
        with refused("ParameterAlreadyExists", text):
            put(client, value="w")
        assert 2 == put(client, value="w", Overwrite=True)["Version"]
        assert "w" == value(client, "/web/db")

    def test_a_new_version_keeps_what_it_does_not_say(self, client):
        put(client, Description="first", AllowedPattern="[a-z]+", Tier="Advanced")
        client.put_parameter(Name="/web/db", Value="w", Overwrite=True)
        (found,) = client.describe_parameters()["Parameters"]
        told = {name: found[name] for name in ("Type", "Description", "AllowedPattern", "Tier", "Version")}
        assert told == {
            "Type": "String",
            "Description": "first",
            "AllowedPattern": "[a-z]+",
            "Tier": "Advanced",
            "Version": 2,
        }

    def test_its_type_can_change(self, client):
        """Reference parameters.md 23.2."""
        put(client)
        put(client, Type="SecureString", Overwrite=True)
        assert "SecureString" == client.get_parameter(Name="/web/db")["Parameter"]["Type"]

    def test_the_first_needs_a_type_and_a_value(self, client):
        with refused("ValidationException", "A parameter type is required when you create a parameter."):
            client.put_parameter(Name="db", Value="v")
        with refused("ValidationException") as told:
            put(client, value="")
        assert "at 'value' failed to satisfy constraint: Member must have length greater" in told.text

    @pytest.mark.parametrize(
        ("name", "code", "text"),
        [
            ("web/db", "ValidationException", "Parameter name must be a fully qualified name"),
            ("aws", "ValidationException", WRONG_PREFIX),
            ("Ssm-x", "ValidationException", WRONG_PREFIX),
            ("/SSM/x", "ValidationException", WRONG_NAME),
            ("/aws/x", "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
            ("a b", "ValidationException", WRONG_NAME),
            ("/a//b", "ValidationException", WRONG_NAME),
            ("/a/", "ValidationException", WRONG_NAME),
            ("ü", "ValidationException", WRONG_NAME),
            ("/a" * 16, "HierarchyLevelLimitExceededException", None),
            ("a" * 970, "ValidationException", None),
        ],
    )
    def test_names_that_are_refused(self, client, name, code, text):
        with refused(code, text):
            put(client, name=name)

    def test_the_longest_and_the_deepest_name(self, client):
        longest = "a" * (1011 - len(f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/"))
        for name in (longest, "/a" * 15):
            put(client, name=name)
            assert "v" == value(client, name)
        with refused("ValidationException"):
            put(client, name=f"{longest}a")

    def test_spaces_around_a_name_are_taken_away(self, client):
        put(client, name=" db ")
        assert "v" == value(client, " db")

    def test_tiers_bound_the_length_and_only_go_up(self, client):
        put(client, value="ä" * 4096)
        with refused("ValidationException") as told:
            put(client, value="v" * 4097, Overwrite=True)
        assert told.text.startswith(
            "Standard tier parameters support a maximum parameter value of 4096 characters. To "
        )
        assert "Advanced" == put(client, value="v" * 4097, Tier="Intelligent-Tiering", Overwrite=True)["Tier"]
        assert "Advanced" == put(client, value="v", Tier="Intelligent-Tiering", Overwrite=True)["Tier"]
        with refused("ValidationException") as told:
            put(client, Tier="Standard", Overwrite=True)
        assert "You can't downgrade a parameter from the advanced-parameter tier" in told.text
        with refused("ValidationException"):
            put(client, value="v" * 8193, Overwrite=True)
        assert "Standard" == put(client, name="other", Tier="Intelligent-Tiering")["Tier"]

    def test_data_types(self, client):
        with refused("ValidationException") as told:
            put(client, DataType="Text")
        assert (
            "The following data type is not supported: Text (Data type names are all lowercase.)" == told.text
        )
        with refused("ValidationException"):
            put(client, DataType="aws:ec2:image")
        put(client, value="ami-0123456789abcdef0", DataType="aws:ec2:image")
        assert "aws:ec2:image" == client.get_parameter(Name="/web/db")["Parameter"]["DataType"]

    def test_parameter_policies_are_not_served_and_said_so(self, client):
        with refused("NotImplemented") as told:
            put(client, Tier="Advanced", Policies="[]")
        assert "without Policies" in told.text

    def test_tags_go_with_the_first_version_alone(self, client):
        with refused("ValidationException") as told:
            put(client, Overwrite=True, Tags=[{"Key": "a", "Value": "b"}])
        assert "tags and overwrite can't be used together" in told.text

    def test_the_oldest_of_a_hundred_versions_goes_unless_it_has_a_label(self, client):
        for number in range(MOST_VERSIONS):
            put(client, value=str(number), Overwrite=True)
        put(client, value="more", Overwrite=True)
        assert 2 == client.get_parameter_history(Name="/web/db", MaxResults=1)["Parameters"][0]["Version"]
        client.label_parameter_version(Name="/web/db", ParameterVersion=2, Labels=["kept"])
        with refused("ParameterMaxVersionLimitExceeded") as told:
            put(client, value="x", Overwrite=True)
        assert "Version 2, the oldest version, can't be deleted because it has a label" in told.text
        assert "more" == value(client, "/web/db")


class TestSecureStrings:
    def test_the_value_is_told_when_asked_for(self, client):
        put(client, value="hunter2hunter2", Type="SecureString")
        assert "hunter2hunter2" == value(client, "/web/db", WithDecryption=True)
        sealed = value(client, "/web/db")
        assert b"hunter2" not in base64.b64decode(sealed)
        assert sealed.startswith("AQICAH")
        assert sealed == value(client, "/web/db", WithDecryption=False)
        (described,) = client.describe_parameters()["Parameters"]
        assert "alias/aws/ssm" == described["KeyId"]
        assert "Value" not in described
        (told,) = client.get_parameter_history(Name="/web/db")["Parameters"]
        assert sealed == told["Value"]

    def test_what_stands_for_it_is_another_for_each_version(self, client):
        put(client, Type="SecureString")
        before = value(client, "/web/db")
        put(client, Overwrite=True, Type="SecureString")
        assert before != value(client, "/web/db")

    def test_keys_of_kms_are_not_served_and_said_so(self, client):
        with refused("NotImplemented") as told:
            put(client, Type="SecureString", KeyId="alias/mine")
        assert "alias/mine" in told.text
        put(client, Type="SecureString", KeyId="alias/aws/ssm")
        with refused("ValidationException"):
            put(client, name="plain", KeyId="alias/aws/ssm")


class TestDelete:
    def test_all_of_it_is_gone(self, client, understudy):
        put(client)
        put(client, Overwrite=True)
        client.delete_parameter(Name="/web/db")
        with refused("ParameterNotFound", ""):
            client.get_parameter(Name="/web/db")
        with refused("ParameterNotFound"):
            client.delete_parameter(Name="/web/db")
        with understudy.app.database.transaction() as tx:
            assert 0 == parameters.count(tx) == parameter_versions.count(tx)
        assert 1 == put(client)["Version"]

    def test_of_several_those_that_are_not_there_are_told(self, client):
        put(client, name="a")
        put(client, name="b")
        told = client.delete_parameters(Names=["a", "nothing", "b"])
        assert (["a", "b"], ["nothing"]) == (told["DeletedParameters"], told["InvalidParameters"])
        assert [] == client.describe_parameters()["Parameters"]


class TestTags:
    def test_they_are_added_overwritten_and_removed(self, client):
        put(client, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        named = {"ResourceType": "Parameter", "ResourceId": "/web/db"}
        client.add_tags_to_resource(**named, Tags=[{"Key": "a", "Value": "3"}])
        client.remove_tags_from_resource(**named, TagKeys=["b", "none"])
        assert [{"Key": "a", "Value": "3"}] == client.list_tags_for_resource(**named)["TagList"]

    def test_what_is_not_there_has_none(self, client):
        for kind, id in (("Parameter", "nothing"), ("Document", "mine")):
            with refused("InvalidResourceId"):
                client.list_tags_for_resource(ResourceType=kind, ResourceId=id)

    def test_there_are_fifty_at_most(self, client):
        tags = [{"Key": str(number), "Value": ""} for number in range(51)]
        with refused("TooManyTagsError"):
            put(client, Tags=tags)
        with refused("ValidationException"):
            put(client, Tags=[{"Key": "aws:x", "Value": ""}])
        put(client, Tags=tags[1:])


def test_regions_and_accounts_have_their_own(client, understudy):
    put(client, value="here")
    elsewhere = understudy.client("ssm", region="eu-west-1")
    put(elsewhere, value="there")
    assert ["here", "there"] == [value(each, "/web/db") for each in (client, elsewhere)]


def test_other_operations_say_that_they_are_not_served(client):
    with refused("NotImplemented") as told:
        client.list_documents()
    assert "ssm:ListDocuments" in told.text
