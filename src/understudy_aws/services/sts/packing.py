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


# Of sessions that a token was shown for, in bytes of AWS's session token, as far as it can be told from recordings:
# they have more to keep, and of what they keep the sum is told.
_TOKEN_SPACE = 4096
_BASE = 701
_OF_A_FACT = 10


def size_with_token(
    policy: str | None,
    policy_arns: Sequence[str],
    tags: Iterable[tuple[str, str]],
    told: Sequence[str],
) -> int:
    """Return how full the session token is in percent when an identity provider's token was shown for the session.

    `told` are the texts that the session keeps of it. Raises PackedPolicyTooLarge as `packed_size` does.
    """
    given = list(tags)
    packed_size(policy, policy_arns, given)
    issuer, audience, subject, identity = told
    kept = _BASE + len(issuer) + len(audience) + len(subject)
    kept += len(identity) + _OF_A_FACT if identity else 0
    kept += sum(len(key) + len(value) + _OF_A_TAG for key, value in given)
    kept += len(policy_arns) * _OF_AN_ARN + size(policy or "") * _OF_A_POLICY // 100
    return min(100, kept * 4 // 3 * 100 // _TOKEN_SPACE)
