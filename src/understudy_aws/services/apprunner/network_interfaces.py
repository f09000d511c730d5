"""The network interfaces that App Runner makes in a customer's VPC, as the networking role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Self

from understudy_aws.core.answers import Answer
from understudy_aws.gateway.pipeline import Gateway
from understudy_aws.gateway.role_sessions import RoleSession
from understudy_aws.services.apprunner.linked_roles import NETWORKING
from understudy_aws.services.iam.service_linked_roles import linked_role_arn

MANAGED = "AWSAppRunnerManaged"
# The only key the role's policy lets App Runner set; the value is ours.
APP_RUNNERS_TAG: Mapping[str, str] = MappingProxyType({MANAGED: "true"})
_ROLE = "AWSServiceRoleForAppRunnerNetworking"


class NetworkInterfaces:
    """Makes, describes and deletes interfaces in one account and Region, for one resource of App Runner's.

    `source_arn` is that resource. Call `end` or leave a `with` block when the work is done, for its session keeps the
    role in use. Each call is an EC2 call of a session of `AWSServiceRoleForAppRunnerNetworking`. The role's policy
    decides it, and the trail records it. Raises the ApiError that EC2 or STS returns, also when the policy denies the
    call.
    """

    def __init__(self, gateway: Gateway, *, account: str, region: str, source_arn: str) -> None:
        self._region = region
        self._role = RoleSession(
            gateway,
            principal=NETWORKING,
            role_arn=linked_role_arn(account, NETWORKING, _ROLE),
            session_name="AppRunnerNetworking",
            source_arn=source_arn,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._role.end()

    def create(
        self,
        *,
        subnet: str,
        groups: Sequence[str],
        description: str = "",
        tags: Mapping[str, str] = APP_RUNNERS_TAG,
    ) -> str:
        """Make an interface with App Runner's tag. Returns its id."""
        answer = self._role.call(
            "ec2",
            "CreateNetworkInterface",
            region=self._region,
            subnet_id=subnet,
            groups=list(groups),
            description=description,
            tag_specifications=[
                {
                    "ResourceType": "network-interface",
                    "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
                }
            ],
        )
        return str(answer["NetworkInterface"]["NetworkInterfaceId"])

    def tag(self, interface: str) -> None:
        """Tag an existing interface, which the role's policy always denies."""
        self._role.call(
            "ec2",
            "CreateTags",
            region=self._region,
            resources=[interface],
            tags=[{"Key": MANAGED, "Value": "true"}],
        )

    def delete(self, interface: str) -> None:
        """Delete an interface. The role's policy allows it for App Runner's own."""
        self._role.call("ec2", "DeleteNetworkInterface", region=self._region, network_interface_id=interface)

    def existing(self) -> Answer:
        """Describe App Runner's interfaces in this account and Region."""
        filters = [{"Name": "tag-key", "Values": [MANAGED]}]
        return self._role.call("ec2", "DescribeNetworkInterfaces", region=self._region, filters=filters)
