"""IAM Access Analyzer: policy validation."""

from understudy.gateway.service import Service

SERVICE = Service(
    id="accessanalyzer",
    principal="access-analyzer.amazonaws.com",
    prefix="access-analyzer",
    package=__name__,
)
