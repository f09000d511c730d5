"""Wildcards in the names of services."""

import pytest


@pytest.mark.parametrize(
    "statement",
    [
        '{"Effect": "Allow", "Action": "codebuild:*", "Resource": «"arn:aws:*code*::111122223333:*"»}',
        '{"Effect": "Allow", "Action": "s3:*", "NotResource": ["*", «"arn:aws:s?:::bucket"»]}',
        '{"Effect": "Allow", "Action": [«"s3*:GetObject"», "s3:GetObject"], "Resource": "*"}',
        '{"Effect": "Allow", "Action": "*", "Resource": "*"}',
        '{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::*"}',
        '{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:*:s3:*:*:*"}',
        '{"Effect": "Allow", "Action": "s3*", "Resource": "arn:aws:s*"}',
    ],
)
def test_a_wildcard_in_the_name_of_a_service_is_pointed_at(policies, statement):
    expected, actual = policies.identity("WILDCARD_IN_SERVICE_NAME", statement)
    assert expected == actual


@pytest.mark.parametrize("pattern", ["codebuil?", "code*ild"])
def test_the_services_that_it_stands_for_are_named(policies, pattern):
    text = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "codebuild:*", '
        f'"Resource": "arn:aws:{pattern}:*:111122223333:*"}}}}'
    )
    finding = policies.only("WILDCARD_IN_SERVICE_NAME", text)
    assert f'"{pattern}" in the ARN stands for codebuild, and for services to come.' == finding.details
    assert finding.instead.endswith("such as arn:aws:codebuild:*:111122223333:*.")


def test_a_wildcard_for_many_services_says_how_many(policies):
    text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*:Get*", "Resource": "*"}}'
    finding = policies.only("WILDCARD_IN_SERVICE_NAME", text)
    assert " services (" in finding.details
