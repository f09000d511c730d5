"""Elastic Container Registry: repositories, their images, and what `docker login` needs."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="ecr",
    principal="ecr.amazonaws.com",
    prefix="ecr",
    protocol="json",
    target="AmazonEC2ContainerRegistry_V20150921",
    # A manifest has 4 MiB at most, and its quotation marks are escaped.
    largest_body=9 * 1024 * 1024,
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    words="lookups:named_in_refusals",
    passes=(
        RolePassing(
            member="customRoleArn",
            to="ecr.amazonaws.com",
            operations=frozenset({"CreateRepositoryCreationTemplate", "UpdateRepositoryCreationTemplate"}),
        ),
    ),
)
