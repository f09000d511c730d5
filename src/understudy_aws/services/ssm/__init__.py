"""AWS Systems Manager, of which Parameter Store is served: parameters, their versions, labels and policies."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="ssm",
    principal="ssm.amazonaws.com",
    prefix="ssm",
    protocol="json",
    target="AmazonSSM",
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
)
