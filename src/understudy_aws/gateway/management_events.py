"""Which calls are management events: those that CloudTrail's event history and IAM's last-accessed reports know."""

from __future__ import annotations

from understudy_aws.gateway.trail import OWN_SERVICE, TrailEntry

# What CloudTrail has among data events, or does not record.
_NO_MANAGEMENT_EVENTS = frozenset(
    {
        ("logs", "FilterLogEvents"), ("logs", "GetLogEvents"), ("logs", "GetQueryResults"), ("logs", "PutLogEvents"),
        ("logs", "StartQuery"),
    }
)  # fmt: skip


def is_management_operation(service: str, operation: str) -> bool:
    """Whether calls of an operation are management events."""
    return (service, operation) not in _NO_MANAGEMENT_EVENTS


def is_call(entry: TrailEntry) -> bool:
    """Whether an entry is a call to AWS of a caller it knows."""
    return entry.service != OWN_SERVICE and not entry.signature
