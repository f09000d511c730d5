"""AWS App Runner: services, VPC connectors, configurations of auto scaling and observability, connections."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

_GIVEN_ROLES = frozenset({"CreateService", "UpdateService"})

SERVICE = Service(
    id="apprunner",
    principal="apprunner.amazonaws.com",
    prefix="apprunner",
    protocol="json",
    target="AppRunner",
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    # apprunner.md 4.4: so says AWS's managed policy; its reference names `bullet.amazonaws.com` in its place.
    passes=(
        RolePassing(member="AccessRoleArn", to="apprunner.amazonaws.com", operations=_GIVEN_ROLES),
        RolePassing(member="InstanceRoleArn", to="apprunner.amazonaws.com", operations=_GIVEN_ROLES),
    ),
    usage={
        "apprunner.amazonaws.com": "service_records:management_usage",
        "networking.apprunner.amazonaws.com": "vpc_connectors:networking_usage",
    },
)
