"""AWS Organizations: accounts in a tree, and the policies that limit what can be done in them."""

from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="organizations",
    principal="organizations.amazonaws.com",
    prefix="organizations",
    protocol="json",
    target="AWSOrganizationsV20161128",
    package=__name__,
    resources="resources:RESOURCES",
    usage={"organizations.amazonaws.com": "organization_records:role_usage"},
)
