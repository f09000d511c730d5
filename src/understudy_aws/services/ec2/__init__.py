"""Amazon EC2: the part of it that App Runner's networking stands on."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="ec2",
    principal="ec2.amazonaws.com",
    prefix="ec2",
    protocol="ec2",
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    passes=(
        RolePassing(
            member="IamInstanceProfile",
            to="ec2.amazonaws.com",
            operations=frozenset(
                {
                    "AssociateIamInstanceProfile",
                    "ReplaceIamInstanceProfileAssociation",
                    "RequestSpotFleet",
                    "RequestSpotInstances",
                    "RunInstances",
                }
            ),
            associated="instance",
        ),
        RolePassing(
            member="DeliverLogsPermissionArn",
            to="vpc-flow-logs.amazonaws.com",
            operations=frozenset({"CreateFlowLogs"}),
        ),
        RolePassing(
            member="IamFleetRole",
            to="spotfleet.amazonaws.com",
            operations=frozenset({"RequestSpotFleet"}),
        ),
    ),
)
