"""Earlier versions of AWS managed policies (iam.md 2.11)."""

from __future__ import annotations

import json

from understudy_aws.data import managed_policies, managed_policy_history


def test_versions_are_in_order_and_before_the_default():
    known = 0
    for policy in managed_policies.everything():
        earlier = managed_policy_history.earlier_versions(policy.name)
        numbers = [int(each.id.removeprefix("v")) for each in earlier]
        assert sorted(set(numbers)) == numbers, policy.name
        assert all(number < int(policy.version_id.removeprefix("v")) for number in numbers), policy.name
        known += len(earlier)
    assert 1310 == known


def test_every_document_is_a_policy():
    for policy in managed_policies.everything():
        for each in managed_policy_history.earlier_versions(policy.name):
            assert json.loads(each.document)["Statement"], (policy.name, each.id)


def test_a_version_says_what_it_said_then():
    first, second = managed_policy_history.earlier_versions("AmazonS3ReadOnlyAccess")
    assert ("v1", "v2") == (first.id, second.id)
    assert ["s3:Get*", "s3:List*"] == json.loads(first.document)["Statement"][0]["Action"]
    assert "s3-object-lambda:Get*" in json.loads(second.document)["Statement"][0]["Action"]
    assert 2015 == first.created.year
    assert () == managed_policy_history.earlier_versions("NoPolicy")
