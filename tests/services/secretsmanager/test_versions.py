"""Versions of secrets and their staging labels, through boto3 (secrets.md 22.2)."""

from __future__ import annotations

import pytest
from refusals import refused

TOKENS = [f"{number:032d}" for number in range(4)]


@pytest.fixture
def client(understudy):
    client = understudy.client("secretsmanager")
    client.create_secret(Name="db", SecretString="0", ClientRequestToken=TOKENS[0])
    return client


def put(client, number, **more):
    return client.put_secret_value(
        SecretId="db", SecretString=str(number), ClientRequestToken=TOKENS[number], **more
    )


def stages(client):
    return {
        int(id): sorted(labels)
        for id, labels in client.describe_secret(SecretId="db").get("VersionIdsToStages", {}).items()
    }


def move(client, stage, *, away=None, to=None):
    asked = {} if away is None else {"RemoveFromVersionId": TOKENS[away]}
    asked |= {} if to is None else {"MoveToVersionId": TOKENS[to]}
    return client.update_secret_version_stage(SecretId="db", VersionStage=stage, **asked)


def test_a_new_value_is_current_and_the_former_previous(client):
    answer = put(client, 1)
    assert (TOKENS[1], ["AWSCURRENT"]) == (answer["VersionId"], answer["VersionStages"])
    assert {0: ["AWSPREVIOUS"], 1: ["AWSCURRENT"]} == stages(client)
    put(client, 2)
    assert {1: ["AWSPREVIOUS"], 2: ["AWSCURRENT"]} == stages(client)


def test_a_value_is_read_by_version_and_by_label(client):
    put(client, 1)
    for asked, expected in (
        ({}, "1"),
        ({"VersionStage": "AWSPREVIOUS"}, "0"),
        ({"VersionId": TOKENS[0]}, "0"),
        ({"VersionId": TOKENS[1], "VersionStage": "AWSCURRENT"}, "1"),
    ):
        assert expected == client.get_secret_value(SecretId="db", **asked)["SecretString"]
    start = "Secrets Manager can't find the specified secret value for "
    with refused("ResourceNotFoundException", f"{start}staging label: NEVER"):
        client.get_secret_value(SecretId="db", VersionStage="NEVER")
    with refused("ResourceNotFoundException", f"{start}VersionId: {TOKENS[3]}"):
        client.get_secret_value(SecretId="db", VersionId=TOKENS[3])
    text = "You provided a VersionStage that is not associated to the provided VersionId."
    with refused("InvalidRequestException", text):
        client.get_secret_value(SecretId="db", VersionId=TOKENS[0], VersionStage="AWSCURRENT")


def test_the_same_token_is_the_same_version_or_refused(client):
    """Reference secrets.md 22.2."""
    put(client, 1)
    put(client, 2)
    put(client, 1)
    assert {1: ["AWSPREVIOUS"], 2: ["AWSCURRENT"]} == stages(client), "nothing changed"
    arn = client.describe_secret(SecretId="db")["ARN"]
    text = f"You can't use ClientRequestToken {TOKENS[1]} because that value is already in use for a version of secret {arn}."
    with refused("ResourceExistsException", text):
        client.put_secret_value(SecretId="db", SecretString="other", ClientRequestToken=TOKENS[1])


def test_other_labels_leave_the_current_value(client):
    put(client, 1, VersionStages=["AWSPENDING", "BLUE"])
    assert {0: ["AWSCURRENT"], 1: ["AWSPENDING", "BLUE"]} == stages(client)
    put(client, 2, VersionStages=["BLUE"])
    assert {0: ["AWSCURRENT"], 1: ["AWSPENDING"], 2: ["BLUE"]} == stages(client)


def test_a_first_value_is_current_whatever_its_labels(client):
    client.create_secret(Name="empty")
    answer = client.put_secret_value(SecretId="empty", SecretString="a", VersionStages=["BLUE"])
    assert ["AWSCURRENT", "BLUE"] == sorted(answer["VersionStages"])


def test_a_value_is_needed(client):
    with refused("InvalidRequestException", "You must provide either SecretString or SecretBinary."):
        client.put_secret_value(SecretId="db")


class TestLabels:
    def test_current_goes_back_and_previous_with_it(self, client):
        put(client, 1)
        move(client, "AWSCURRENT", away=1, to=0)
        assert {0: ["AWSCURRENT"], 1: ["AWSPREVIOUS"]} == stages(client)

    def test_a_label_is_put_moved_and_taken_away(self, client):
        put(client, 1)
        move(client, "BLUE", to=0)
        assert ["AWSPREVIOUS", "BLUE"] == stages(client)[0]
        move(client, "BLUE", away=0, to=1)
        assert ["AWSCURRENT", "BLUE"] == stages(client)[1]
        move(client, "BLUE", away=1)
        assert {0: ["AWSPREVIOUS"], 1: ["AWSCURRENT"]} == stages(client)

    def test_where_a_label_is_must_be_said(self, client):
        """Reference secrets.md 22.4: the text."""
        put(client, 1)
        text = (
            "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version "
            f"{TOKENS[1]}, so you must explicitly reference that version in RemoveFromVersionId."
        )
        with refused("InvalidParameterException", text):
            move(client, "AWSCURRENT", to=0)
        with refused("InvalidParameterException"):
            move(client, "AWSCURRENT", away=0, to=1)
        with refused("ResourceNotFoundException"):
            move(client, "BLUE", to=3)

    def test_current_is_always_somewhere(self, client):
        with refused("InvalidParameterException"):
            move(client, "AWSCURRENT", away=0)
        assert {0: ["AWSCURRENT"]} == stages(client)

    def test_a_version_has_twenty_labels_at_most(self, client):
        for number in range(19):
            move(client, f"LABEL-{number}", to=0)
        with refused("LimitExceededException"):
            move(client, "ONE-MORE", to=0)


class TestList:
    def ids(self, client, **asked):
        return [
            int(each["VersionId"])
            for each in client.list_secret_version_ids(SecretId="db", **asked)["Versions"]
        ]

    def test_those_with_labels_or_all(self, client):
        for number in (1, 2, 3):
            put(client, number)
        assert [2, 3] == self.ids(client)
        assert [0, 1, 2, 3] == self.ids(client, IncludeDeprecated=True)
        first = client.list_secret_version_ids(SecretId="db", IncludeDeprecated=True, MaxResults=3)
        rest = client.list_secret_version_ids(
            SecretId="db", IncludeDeprecated=True, MaxResults=3, NextToken=first["NextToken"]
        )
        assert [3] == [int(each["VersionId"]) for each in rest["Versions"]]
        assert "NextToken" not in rest
        with refused("InvalidNextTokenException"):
            client.list_secret_version_ids(SecretId="db", NextToken=first["NextToken"])

    def test_the_oldest_without_labels_are_forgotten(self, client, understudy):
        """Reference secrets.md 22.2: about a hundred are kept."""
        for number in range(105):
            understudy.clock.advance(1)
            client.put_secret_value(SecretId="db", SecretString=f"value {number}")
        listed = client.list_secret_version_ids(SecretId="db", IncludeDeprecated=True)["Versions"]
        assert 100 == len(listed)
        assert (
            "value 103" == client.get_secret_value(SecretId="db", VersionStage="AWSPREVIOUS")["SecretString"]
        )
        with refused("ResourceNotFoundException"):
            client.get_secret_value(SecretId="db", VersionId=TOKENS[0])
