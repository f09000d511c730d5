"""Statements put together: exactly the union, and as few as that allows."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from understudy_aws.policy.recording.grouping import Permission, grouped
from understudy_aws.policy.recording.narrowing import NarrowingCondition

A, B, C = "ec2:A", "ec2:B", "ec2:C"


def permission(action, resource, *conditions):
    return Permission((action,), (resource,), tuple(sorted(conditions)))


def equals(key, value):
    return NarrowingCondition("StringEquals", key, (value,))


def pairs(permissions):
    """Every single permission of the permissions; lists of values count as one."""
    return {
        (action, resource, conditions)
        for each in permissions
        for action in each.actions
        for resource in each.resources
        for conditions in product(
            *(
                [one] if ":" in one.operator else [one._replace(values=(value,)) for value in one.values]
                for one in each.conditions
            )
        )
    }


conditions = st.lists(
    st.sampled_from([equals("k", "1"), equals("k", "2"), equals("l", "1"), equals("l", "2")])
    | st.sampled_from(
        [
            NarrowingCondition("ForAllValues:StringEquals", "m", values)
            for values in (("1",), ("2",), ("1", "2"))
        ]
    ),
    unique_by=lambda each: each.key,
    max_size=3,
).map(lambda every: tuple(sorted(every)))
permissions = st.lists(
    st.builds(
        lambda action, resource, every: Permission((action,), (resource,), every),
        st.sampled_from([A, B, C, "iam:A"]),
        st.sampled_from(["*", "r1", "r2", "r3"]),
        conditions,
    ),
    max_size=14,
)


@given(permissions)
def test_the_union_is_what_it_was(single):
    assert pairs(single) == pairs(grouped(single))


@given(permissions)
def test_no_permission_is_in_two_statements(single):
    found = grouped(single)
    assert len(pairs(found)) == sum(len(pairs([each])) for each in found)


@given(permissions, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(single, random):
    shuffled = [*single]
    random.shuffle(shuffled)
    assert grouped(single) == grouped(shuffled)


def test_actions_on_the_same_resources_share_a_statement():
    single = [
        permission(A, "r1"),
        permission(A, "r2"),
        permission(B, "r2"),
        permission(B, "r1"),
        permission(C, "r1"),
    ]
    assert [Permission((A, B), ("r1", "r2")), Permission((C,), ("r1",))] == grouped(single)


def test_conditions_that_differ_in_one_value_share_a_statement():
    single = [
        permission(A, "r1", equals("k", "1"), equals("l", "1")),
        permission(A, "r1", equals("k", "2"), equals("l", "1")),
    ]
    both = (NarrowingCondition("StringEquals", "k", ("1", "2")), equals("l", "1"))
    assert [Permission((A,), ("r1",), both)] == grouped(single)


def test_conditions_that_differ_in_two_values_do_not():
    single = [
        permission(A, "r1", equals("k", "1"), equals("l", "1")),
        permission(A, "r1", equals("k", "2"), equals("l", "2")),
    ]
    assert 2 == len(grouped(single))


def test_lists_of_values_are_never_put_together():
    """Together they would let in a request that has the values of both."""
    lists = [NarrowingCondition("ForAllValues:StringEquals", "aws:TagKeys", (value,)) for value in ("a", "b")]
    assert 2 == len(grouped([permission(A, "r1", each) for each in lists]))


def test_services_keep_to_themselves():
    assert 2 == len(grouped([permission(A, "*"), permission("iam:A", "*")]))
