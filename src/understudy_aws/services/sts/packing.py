"""How full the policies and tags of a session are when packed: an estimate (sts.md 3.1, decision 0018).

AWS packs them in a form of its own, and says in percent only how full it is. The measure here gives every percentage
of tags that was recorded, and those of policies within a few percent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from understudy_aws.core.errors import ApiError
from understudy_aws.services.iam.documents import size

_SPACE = 460
# Of a tag, besides its key and its value.
_OF_A_TAG = 3
# Of a hundred characters of a policy that are no white space.
_OF_A_POLICY = 36
# An ARN of a managed policy: about as much as the policy's id. No recording tells.
_OF_AN_ARN = 21


def packed_size(
    policy: str | None, policy_arns: Sequence[str], tags: Iterable[tuple[str, str]]
) -> int | None:
    """Return how full they are in percent, or None for a session without any. Raises PackedPolicyTooLarge.

    `tags` are those that go on from the calling session too.
    """
    given = list(tags)
    if policy is None and not policy_arns and not given:
        return None
    used = sum(len(key) + len(value) + _OF_A_TAG for key, value in given)
    used += len(policy_arns) * _OF_AN_ARN + size(policy or "") * _OF_A_POLICY // 100
    percent = max(1, used * 100 // _SPACE)
    if percent > 100:
        what = (
            f"Packed size of session tags consumes {percent}% of allotted space."
            if policy is None and not policy_arns
            else f"Packed policy consumes {percent}% of allotted space, please use smaller policy."
        )
        raise ApiError("PackedPolicyTooLarge", what)
    return percent
