"""The services whose actions resource control policies reach, and may name."""

from __future__ import annotations

# "List of AWS services that support RCPs" in the Organizations guide, by prefix, as of 2026.
COVERED_SERVICES = frozenset(
    {
        "aoss", "appconfig", "appstream", "autoscaling", "autoscaling-plans", "budgets", "clouddirectory",
        "cloudfront", "cloudsearch", "cloudtrail-data", "codeartifact", "codebuild", "codecommit",
        "codepipeline", "cognito-identity", "cognito-idp", "comprehend", "comprehendmedical",
        "compute-optimizer", "cost-optimization-hub", "dax", "dsql", "dynamodb", "ecr", "ecr-public", "events",
        "firehose", "fis", "fms", "gamelift", "health", "inspector-scan", "kendra", "kinesisvideo", "kms",
        "logs", "memorydb", "networkmonitor", "notifications", "opensearch", "pca-connector-ad", "personalize",
        "polly", "pricing", "resource-groups", "rolesanywhere", "s3", "secretsmanager", "servicediscovery",
        "signin", "sqs", "sts", "support", "swf", "textract", "timestream-influxdb", "transcribe", "transfer",
        "translate", "wafv2", "workspaces", "xray",
    }
)  # fmt: skip
