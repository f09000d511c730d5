"""The tag by which a service sleeps while nobody asks it, an extra of ours (docs/decisions/0058)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from understudy_aws.services.apprunner import errors
from understudy_aws.services.apprunner.service_records import Service

SLEEP_TAG = "understudy:sleep-after"


def sleeps_after(service: Service) -> float | None:
    """Return after how many seconds without a request a service sleeps; None for one that never does."""
    return _seconds(dict(service.tags).get(SLEEP_TAG, ""))


def require_seconds(added: Iterable[Mapping[str, str]]) -> None:
    """Refuse tags of a service among which this one is no number of seconds."""
    for tag in added:
        text = tag.get("Value", "")
        if tag.get("Key") == SLEEP_TAG and _seconds(text) is None:
            raise errors.invalid_request(
                f"The tag {SLEEP_TAG}, which Understudy alone knows, takes whole seconds, such as 600; it is '{text}'."
            )


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() else None
