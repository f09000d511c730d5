"""AWS Identity and Access Management: users, groups, roles and policies."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="iam",
    principal="iam.amazonaws.com",
    prefix="iam",
    protocol="query",
    package=__name__,
    resources="resources:RESOURCES",
)
