"""AWS Identity and Access Management: users, groups, roles and policies."""

from understudy_aws.gateway.role_passing import RolePassing
from understudy_aws.gateway.service import Service

SERVICE = Service(
    id="iam",
    principal="iam.amazonaws.com",
    prefix="iam",
    protocol="query",
    package=__name__,
    resources="resources:RESOURCES",
    parts="resources:PARTS",
    passes=(
        RolePassing(
            member="RoleName",
            to="ec2.amazonaws.com",
            operations=frozenset({"AddRoleToInstanceProfile"}),
        ),
    ),
    roles="passed_roles:passed_role",
    words="refusal_words:resource_words",
)
