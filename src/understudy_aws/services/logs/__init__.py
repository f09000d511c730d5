"""Amazon CloudWatch Logs: log groups, their streams and their events."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="logs",
    principal="logs.amazonaws.com",
    prefix="logs",
    protocol="json",
    target="Logs_20140328",
    # A batch of events has a megabyte of text, and JSON makes more of it.
    largest_body=4 * 1024 * 1024,
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    # CloudWatch Logs User Guide, "Cross-account subscriptions": both roles trust `logs.amazonaws.com`.
    passes=(
        RolePassing(
            member="roleArn",
            to="logs.amazonaws.com",
            operations=frozenset({"PutDestination", "PutSubscriptionFilter"}),
        ),
    ),
)
