"""Policy templates become policies (delegation.md 38.2); cases from the IAM User Guide, "Policy templates"."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager

import pytest
from delegations import template

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.delegation_checks import boundaries_in
from understudy_aws.services.iam.delegation_templates import checked, rendered, values_of


@contextmanager
def refused(message):
    """Expect InvalidInput, whose text begins so."""
    with pytest.raises(ApiError, match=re.escape(message)) as caught:
        yield
    assert "InvalidInput" == caught.value.code


BOUNDARY = "arn:aws:iam::partner:policy/example.com/Reader_20260101"


def of(name, *values, type="string"):
    return {"Name": name, "Values": list(values), "Type": type}


def made(*parameters, resource="*", **more):
    """The statements that a template of one statement becomes."""
    document = template({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": resource, **more})
    return json.loads(rendered(document, values_of(parameters)))["Statement"]


def resource(*parameters, of):
    return made(*parameters, resource=of)[0]["Resource"]


def test_a_value_takes_the_place_of_its_parameter():
    bucket = of("bucketName", "my-bucket", type="String")
    assert "arn:aws:s3:::my-bucket/*" == resource(bucket, of="arn:aws:s3:::@{bucketName}/*")


def test_a_list_makes_an_entry_of_each_value():
    buckets = of("bucketNames", "bucket-1", "bucket-2", type="StringList")
    both = ["arn:aws:s3:::bucket-1/*", "arn:aws:s3:::bucket-2/*"]
    assert both == resource(buckets, of="arn:aws:s3:::@{bucketNames}/*")
    assert ["arn:aws:s3:::x", *both] == resource(
        buckets, of=["arn:aws:s3:::x", "arn:aws:s3:::@{bucketNames}/*"]
    )


def test_two_parameters_make_every_combination():
    buckets = of("bucketNames", "bucket-1", "bucket-2", type="stringList")
    found = resource(buckets, of("prefix", "data"), of="arn:aws:s3:::@{bucketNames}/@{prefix}/*")
    assert ["arn:aws:s3:::bucket-1/data/*", "arn:aws:s3:::bucket-2/data/*"] == found
    prefixes = of("prefix", "a", "b", type="stringList")
    found = resource(buckets, prefixes, of="arn:aws:s3:::@{bucketNames}/@{prefix}")
    assert [
        f"arn:aws:s3:::{each}" for each in ("bucket-1/a", "bucket-1/b", "bucket-2/a", "bucket-2/b")
    ] == found


def test_a_value_is_no_template_itself():
    assert "arn:aws:s3:::@{other}" == resource(of("bucketName", "@{other}"), of="arn:aws:s3:::@{bucketName}")


def test_conditions_have_parameters_too():
    condition = {"StringEquals": {"aws:RequestTag/@{tagKey}": "@{tagValue}"}}
    found = made(of("tagKey", "owner"), of("tagValue", "a", "b", type="stringList"), Condition=condition)
    assert {"StringEquals": {"aws:RequestTag/owner": ["a", "b"]}} == found[0]["Condition"]
    with refused("A list of values cannot stand in aws:RequestTag/@{tagKey}."):
        made(of("tagKey", "a", "b", type="stringList"), of("tagValue", "x"), Condition=condition)


@pytest.mark.parametrize(
    ("condition", "value", "there"),
    [
        ("WRITE", "True", True),
        ("WRITE", "False", False),
        ("WRITE", "true", False),
        ("!WRITE", "True", False),
        ("!WRITE", "False", True),
    ],
)
def test_a_statement_is_there_or_not(condition, value, there):
    always = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = template(always, {"@Enabled": condition, **always, "Action": "s3:PutObject"})
    found = json.loads(rendered(document, values_of([of("WRITE", value)])))["Statement"]
    assert [always, {**always, "Action": "s3:PutObject"}][: 1 + there] == found


def test_what_is_missing_or_makes_no_policy_is_refused():
    with refused("The policy template needs a value of parameter bucketName."):
        made(resource="arn:aws:s3:::@{bucketName}")
    with refused("The policy template needs a value of parameter WRITE."):
        made(**{"@Enabled": "WRITE"})
    with refused("The rendered policy is not valid: "):
        made(of("bucketName", "x"), resource="@{bucketName}")


def test_a_policy_has_2048_characters_at_most():
    document = template(
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::@{bucketName}"}
    )
    empty = len(rendered(document, {"bucketName": ("x",)})) - 1
    assert 2048 == len(rendered(document, {"bucketName": ("x" * (2048 - empty),)}))
    with refused("The rendered policy has more than 2048 characters."):
        rendered(document, {"bucketName": ("x" * (2049 - empty),)})


@pytest.mark.parametrize("value", ["", "x", "x" * 10_000])
def test_combinations_that_no_policy_has_room_for_are_not_made(value):
    """They would be more than a machine has memory for; a request can ask for them."""
    names = [f"p{number}" for number in range(10)]
    text = "arn:aws:s3:::" + "".join(f"@{{{name}}}" for name in names)
    began = time.process_time()
    with refused("The rendered policy has more than 2048 characters."):
        made(*(of(name, *[value] * 1000, type="stringList") for name in names), resource=text)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "parameters",
    [
        [of("bucketName", "a", "b")],
        [of("bucketName", type="stringList")],
        [of("bucketName", "a", type="number")],
        [of("bucketName", "a"), of("bucketName", "b")],
        [{"Values": ["a"], "Type": "string"}],
    ],
)
def test_parameters_that_are_none(parameters):
    with refused(" parameter "):
        values_of(parameters)


@pytest.mark.parametrize(
    "document",
    [
        "nothing",
        "[]",
        "{}",
        '{"Statement":[]}',
        '{"Statement":["x"]}',
        template({"@Enabled": "!"}),
        template({"@Enabled": 1}),
    ],
)
def test_what_is_no_template(document):
    with pytest.raises(ValueError, match=r"it |@Enabled"):
        checked(document)


def test_boundaries_are_those_of_statements_that_make_roles():
    making = {
        "Effect": "Allow",
        "Action": ["iam:Create*"],
        "Resource": "*",
        "Condition": {"StringEquals": {"iam:permissionsBoundary": BOUNDARY}},
    }
    assert (BOUNDARY,) == boundaries_in(template(making))
    assert () == boundaries_in(template({**making, "Action": "iam:PutRolePolicy"}))
    assert () == boundaries_in(template({**making, "Effect": "Deny"}))
    assert () == boundaries_in(template({"Effect": "Allow", "Action": "iam:*", "Resource": "*"}))
