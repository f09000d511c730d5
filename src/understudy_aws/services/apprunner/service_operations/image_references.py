"""Where images are pulled from, as `skopeo` writes it."""

from __future__ import annotations

from understudy_aws.dataplane.tasks import PullImage


def pull_of(identifier: str) -> PullImage:
    """Return the task that pulls the image of an identifier."""
    return PullImage(reference=f"docker://{identifier}")
