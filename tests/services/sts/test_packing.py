"""How full packed policies and tags are, against what AWS was recorded to say (sts.md 3.1)."""

from __future__ import annotations

import pytest

from understudy_aws.core.errors import ApiError
from understudy_aws.services.sts.packing import packed_size

EKS = [
    ("eks-cluster-arn", "arn:aws:eks:us-west-2:823571991546:cluster/eksworkshop-eksctl"),
    ("eks-cluster-name", "eksworkshop-eksctl"),
    ("kubernetes-namespace", "app1"),
    ("kubernetes-service-account", "default"),
    ("kubernetes-pod-name", "app1-v1-56b9f94b4-dvd5c"),
    ("kubernetes-pod-uid", "376f3cff-44fe-4a00-b9d4-970555f311d3"),
]


@pytest.mark.parametrize(("tags", "percent"), [([("c", "c"), ("b", "c")], 2), (EKS, 61)])
def test_tags_of_published_events_have_the_size_that_aws_gave(tags, percent):
    """CloudTrail events that were published: of whodunnit's tests (2021), of AWS's workshop on EKS (2024)."""
    assert percent == packed_size(None, (), tags)


@pytest.mark.parametrize(("characters", "percent"), [(736, 82), (1690, 157)])
def test_policies_grow_as_aws_was_seen_to_count_them(characters, percent):
    """AgentsPoppy's notes (2026): policies of 736 and 1,690 characters, each beside the same three tags.

    The tags are not told. What both numbers leave for them is 111 of 460.
    """
    tags = [("t", "x" * 33)] * 3
    try:
        said = packed_size("p" * characters, (), tags)
    except ApiError as refused:
        said = int(str(refused).partition("%")[0].rpartition(" ")[2])
    assert said == pytest.approx(percent, abs=1)


def test_a_session_without_any_has_no_size():
    assert packed_size(None, (), []) is None
    assert 1 == packed_size(None, (), [("a", "")])


def test_ten_managed_policies_fit():
    """STS API Reference, AssumeRole: up to ten can be passed."""
    assert packed_size(None, ["arn:aws:iam::111122223333:policy/" + "p" * 128] * 10, []) is not None
