"""AWS Secrets Manager: secrets, their versions and their resource policies."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="secretsmanager",
    principal="secretsmanager.amazonaws.com",
    prefix="secretsmanager",
    protocol="json",
    target="secretsmanager",
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    # A token is the id of the version that it made (secrets.md 22.2).
    keeps_tokens=True,
)
