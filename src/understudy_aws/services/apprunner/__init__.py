"""AWS App Runner: VPC connectors."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="apprunner",
    principal="apprunner.amazonaws.com",
    prefix="apprunner",
    protocol="json",
    target="AppRunner",
    package=__name__,
    resources="resources:RESOURCES",
    usage={
        "apprunner.amazonaws.com": "vpc_connectors:management_usage",
        "networking.apprunner.amazonaws.com": "vpc_connectors:networking_usage",
    },
)
