"""What Terraform's AWS provider calls, as it calls it: it sends, waits for statuses, and reads back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from botocore import xform_name

from understudy_aws.testing import Understudy

_ROUNDS = 300
_NO_TAGS: dict[str, str] = {}


class Provider:
    """The provider's calls for App Runner's resources. `between` is what is done between two looks at a status."""

    def __init__(self, understudy: Understudy, between: Callable[[], object] = lambda: None) -> None:
        self._apprunner = understudy.client("apprunner")
        self._between = between

    def send(self, operation: str, **request: Any) -> Any:
        return getattr(self._apprunner, xform_name(operation))(**request)

    def wait(self, status: Callable[[], str], pending: Collection[str], target: str) -> None:
        """Ask for a status until it is the one that is waited for; any that is not pending ends the wait."""
        for _ in range(_ROUNDS):
            found = status()
            if found == target:
                return
            assert found in pending, f"unexpected state '{found}', wanted target '{target}'"
            self._between()
        raise AssertionError(f"timeout while waiting for state to become '{target}'")

    def described(self, noun: str, arn: str) -> Any:
        """What a Describe operation answers of the resource of an ARN."""
        return self.send(f"Describe{noun}", **{f"{noun}Arn": arn})[noun]

    def wait_for(self, noun: str, arn: str, pending: Collection[str], target: str) -> None:
        self.wait(lambda: str(self.described(noun, arn)["Status"]), pending, target)

    def read(self, noun: str, arn: str, tags: dict[str, str] = _NO_TAGS) -> Any:
        """Refresh or import, which are the same calls; the tags must be these."""
        described = self.described(noun, arn)
        if noun == "Service" and not described.get("ServiceUrl"):
            self.send("DescribeCustomDomains", ServiceArn=arn)
        self.assert_tags(arn, tags)
        return described

    def assert_tags(self, arn: str, tags: dict[str, str]) -> None:
        found = self.send("ListTagsForResource", ResourceArn=arn)["Tags"]
        assert {each["Key"]: each["Value"] for each in found} == tags


def assert_kept(asked: Any, described: Any) -> None:
    """Everything that was asked for is described, or the provider would see a change."""
    if isinstance(asked, dict):
        for name, value in asked.items():
            assert name in described, (name, described)
            assert_kept(value, described[name])
    else:
        assert asked == described
