"""Amazon EC2: the part of it that App Runner's networking stands on."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="ec2",
    principal="ec2.amazonaws.com",
    prefix="ec2",
    protocol="ec2",
    package=__name__,
    resources="resources:RESOURCES",
)
