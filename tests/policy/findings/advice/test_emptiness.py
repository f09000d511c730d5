"""Lists without values and objects without members."""

import pytest


@pytest.mark.parametrize(
    ("code", "statement"),
    [
        ("EMPTY_ARRAY_ACTION", '{"Effect": "Allow", "Action": «[]», "Resource": "*"}'),
        ("EMPTY_ARRAY_ACTION", '{"Effect": "Allow", "NotAction": «[]», "Resource": "*"}'),
        ("EMPTY_ARRAY_ACTION", '{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}'),
        ("EMPTY_ARRAY_ACTION", '{"Effect": "Allow", "Action": "", "Resource": "*"}'),
        ("EMPTY_ARRAY_RESOURCE", '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": «[]»}'),
        ("EMPTY_ARRAY_RESOURCE", '{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": «[]»}'),
        ("EMPTY_ARRAY_RESOURCE", '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["*"]}'),
        (
            "EMPTY_OBJECT_CONDITION",
            '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": «{}»}',
        ),
        (
            "EMPTY_OBJECT_CONDITION",
            '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": {"Bool": «{}»}}',
        ),
        ("EMPTY_OBJECT_CONDITION", '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}'),
    ],
)
def test_what_holds_nothing_is_pointed_at(policies, code, statement):
    expected, actual = policies.identity(code, statement)
    assert expected == actual


@pytest.mark.parametrize(
    ("code", "principal"),
    [
        ("EMPTY_ARRAY_PRINCIPAL", '{"AWS": «[]»}'),
        ("EMPTY_ARRAY_PRINCIPAL", '{"AWS": «[]», "Service": "ec2.amazonaws.com"}'),
        ("EMPTY_ARRAY_PRINCIPAL", '{"AWS": ["111122223333"]}'),
        ("EMPTY_ARRAY_PRINCIPAL", "{}"),
        ("EMPTY_OBJECT_PRINCIPAL", "«{}»"),
        ("EMPTY_OBJECT_PRINCIPAL", '{"AWS": []}'),
        ("EMPTY_OBJECT_PRINCIPAL", '"*"'),
    ],
)
def test_a_principal_that_names_nobody_is_pointed_at(policies, code, principal):
    statement = f'{{"Effect": "Allow", "Principal": {principal}, "Action": "s3:GetObject", "Resource": "*"}}'
    expected, actual = policies.resource(code, statement)
    assert expected == actual


@pytest.mark.parametrize(
    ("code", "operator"),
    [
        ("EMPTY_ARRAY_CONDITION", "StringEquals"),
        ("EMPTY_ARRAY_CONDITION", "Bool"),
        ("EMPTY_ARRAY_CONDITION_FORALLVALUES", "ForAllValues:StringEquals"),
        ("EMPTY_ARRAY_CONDITION_FORALLVALUES", "ForAllValues:StringEqualsIfExists"),
        ("EMPTY_ARRAY_CONDITION_FORANYVALUE", "ForAnyValue:StringLike"),
        ("EMPTY_ARRAY_CONDITION_IFEXISTS", "StringEqualsIfExists"),
    ],
)
def test_a_key_compared_with_nothing_has_the_code_of_its_operator(policies, code, operator):
    codes = [
        "EMPTY_ARRAY_CONDITION",
        "EMPTY_ARRAY_CONDITION_FORALLVALUES",
        "EMPTY_ARRAY_CONDITION_FORANYVALUE",
        "EMPTY_ARRAY_CONDITION_IFEXISTS",
    ]
    for each in codes:
        values = "«[]»" if each == code else "[]"
        expected, actual = policies.condition(each, f'{{"{operator}": {{"aws:TagKeys": {values}}}}}')
        assert expected == actual


@pytest.mark.parametrize("operator", ["StringEquals", "ForAnyValue:StringEquals", "StringEqualsSometimes"])
def test_a_key_compared_with_something_is_not_empty(policies, operator):
    values = "[]" if operator == "StringEqualsSometimes" else '["team"]'
    for code in ("EMPTY_ARRAY_CONDITION", "EMPTY_ARRAY_CONDITION_FORANYVALUE"):
        expected, actual = policies.condition(code, f'{{"{operator}": {{"aws:TagKeys": {values}}}}}')
        assert expected == actual


@pytest.mark.parametrize(
    ("code", "operator"),
    [
        ("EMPTY_ARRAY_CONDITION_FORALLVALUES", "ForAllValues:StringEquals"),
        ("EMPTY_ARRAY_CONDITION_IFEXISTS", "StringEqualsIfExists"),
    ],
)
def test_what_holds_only_without_the_key_is_rewritten_with_null(policies, code, operator):
    text = (
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", '
        f'"Condition": {{"{operator}": {{"aws:TagKeys": []}}}}}}}}'
    )
    assert 'Say so: "Null": {"aws:TagKeys": "true"}.' == policies.only(code, text).instead
