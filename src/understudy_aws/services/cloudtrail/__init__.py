"""AWS CloudTrail: the event history, which is the trail of this server; there are no trails that deliver it."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="cloudtrail",
    principal="cloudtrail.amazonaws.com",
    prefix="cloudtrail",
    protocol="json",
    target="com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    package=__name__,
    passes=(
        RolePassing(
            member="FederationRoleArn",
            to="lakeformation.amazonaws.com",
            operations=frozenset({"EnableFederation"}),
        ),
    ),
)
