"""A log group with a stream, and a way to put texts into it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from understudy_aws.testing import Understudy


class Stream(NamedTuple):
    """One stream of one group, and a client of the administrator's."""

    understudy: Understudy
    client: Any
    group: str = "/team/app"
    name: str = "one"

    @property
    def place(self) -> dict[str, str]:
        return {"logGroupName": self.group, "logStreamName": self.name}

    def now(self) -> int:
        return int(self.understudy.clock.now().timestamp() * 1000)

    def put(self, *texts: str, at: int | None = None, name: str | None = None) -> Any:
        """Put texts, each a millisecond after the other."""
        first = self.now() if at is None else at
        events = [{"timestamp": first + number, "message": text} for number, text in enumerate(texts)]
        return self.client.put_log_events(
            logGroupName=self.group, logStreamName=name or self.name, logEvents=events
        )

    def texts(self, **asked: Any) -> list[str]:
        """What GetLogEvents gives."""
        return [
            each["message"]
            for each in self.client.get_log_events(**self.place, startFromHead=True, **asked)["events"]
        ]

    def filtered(self, pattern: str = "", **asked: Any) -> list[str]:
        """What all pages of FilterLogEvents give."""
        pages = self.client.get_paginator("filter_log_events").paginate(
            logGroupName=self.group, filterPattern=pattern, **asked
        )
        return [each["message"] for page in pages for each in page["events"]]


@pytest.fixture
def stream(understudy):
    made = Stream(understudy, understudy.client("logs"))
    made.client.create_log_group(logGroupName=made.group)
    made.client.create_log_stream(**made.place)
    return made
