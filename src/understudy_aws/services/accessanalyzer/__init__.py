"""IAM Access Analyzer: policy validation."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="accessanalyzer",
    principal="access-analyzer.amazonaws.com",
    prefix="access-analyzer",
    protocol="rest-json",
    package=__name__,
    passes=(
        RolePassing(
            member="accessRole",
            to="access-analyzer.amazonaws.com",
            operations=frozenset({"StartPolicyGeneration"}),
        ),
    ),
)
