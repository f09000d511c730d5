"""Describe operations of what there is none of here: machines, their disks and images, and connections elsewhere.

Terraform, Ansible and many scripts ask for these on their way. The answer is an empty list, which is true, and an id
that is named does not exist. Any filter is taken, since none can change that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call
from understudy_aws.gateway.operations import Operation, all_resources
from understudy_aws.services.ec2.api.errors import combination, missing
from understudy_aws.services.ec2.api.listings import page_start

_PAGED = ("max_results", "next_token")


def _described(
    action: str,
    member: str,
    *,
    ids: Sequence[str] = (),
    code: str = "",
    text: str = "",
    others: Sequence[str] = _PAGED,
    filters: str = "filters",
) -> Operation:
    """Return an operation that answers an empty list under `member`.

    `ids` are the parameters that name resources; for the first one that is named, `code` is answered, with `text`, in
    which `{id}` stands for it. `others` are the operation's other parameters, and `filters` is what its filters are
    called.
    """

    def describe(call: Call, **params: Any) -> Answer:
        named = [id for name in ids for id in params.get(name) or ()]
        if named and params.get("max_results") is not None:
            raise combination(ids[0], "maxResults")
        for entry in params.get(filters) or ():
            if not entry.get("Values"):
                raise missing("Filter.Value")
        page_start(call, params.get(filters), params.get("max_results"), params.get("next_token"))
        if named:
            raise ApiError(code, text.format(id=named[0]))
        return {member: []}

    return Operation(action, all_resources, describe, frozenset({*ids, *others, filters} - {""}))


describe_instances = _described(
    "ec2:DescribeInstances",
    "Reservations",
    ids=("instance_ids",),
    code="InvalidInstanceID.NotFound",
    text="The instance ID '{id}' does not exist",
    others=(*_PAGED, "include_managed_resources"),
)
describe_instance_status = _described(
    "ec2:DescribeInstanceStatus",
    "InstanceStatuses",
    ids=("instance_ids",),
    code="InvalidInstanceID.NotFound",
    text="The instance ID '{id}' does not exist",
    others=(*_PAGED, "include_managed_resources", "include_all_instances"),
)
describe_volumes = _described(
    "ec2:DescribeVolumes",
    "Volumes",
    ids=("volume_ids",),
    code="InvalidVolume.NotFound",
    text="The volume '{id}' does not exist.",
    others=(*_PAGED, "include_managed_resources"),
)
describe_snapshots = _described(
    "ec2:DescribeSnapshots",
    "Snapshots",
    ids=("snapshot_ids",),
    code="InvalidSnapshot.NotFound",
    text="The snapshot '{id}' does not exist.",
    others=(*_PAGED, "owner_ids", "restorable_by_user_ids"),
)
describe_images = _described(
    "ec2:DescribeImages",
    "Images",
    ids=("image_ids",),
    code="InvalidAMIID.NotFound",
    text="The image id '[{id}]' does not exist",
    others=(*_PAGED, "executable_users", "owners", "include_deprecated", "include_disabled"),
)
describe_key_pairs = _described(
    "ec2:DescribeKeyPairs",
    "KeyPairs",
    ids=("key_names", "key_pair_ids"),
    code="InvalidKeyPair.NotFound",
    text="The key pair '{id}' does not exist",
    others=("include_public_key",),
)
describe_instance_types = _described(
    "ec2:DescribeInstanceTypes",
    "InstanceTypes",
    ids=("instance_types",),
    code="InvalidInstanceType",
    text="The following supplied instance types do not exist: [{id}]",
    others=(*_PAGED, "include_unsupported_in_region"),
)
describe_instance_type_offerings = _described(
    "ec2:DescribeInstanceTypeOfferings", "InstanceTypeOfferings", others=(*_PAGED, "location_type")
)
describe_placement_groups = _described(
    "ec2:DescribePlacementGroups",
    "PlacementGroups",
    ids=("group_names", "group_ids"),
    code="InvalidPlacementGroup.Unknown",
    text="The Placement Group '{id}' is unknown.",
    others=(),
)
describe_launch_templates = _described(
    "ec2:DescribeLaunchTemplates",
    "LaunchTemplates",
    ids=("launch_template_ids", "launch_template_names"),
    code="InvalidLaunchTemplateId.NotFound",
    text="The launch template ID {id} does not exist",
    others=(*_PAGED, "include_managed_resources"),
)
describe_vpn_gateways = _described(
    "ec2:DescribeVpnGateways",
    "VpnGateways",
    ids=("vpn_gateway_ids",),
    code="InvalidVpnGatewayID.NotFound",
    text="The vpnGateway ID '{id}' does not exist",
    others=(),
)
describe_customer_gateways = _described(
    "ec2:DescribeCustomerGateways",
    "CustomerGateways",
    ids=("customer_gateway_ids",),
    code="InvalidCustomerGatewayID.NotFound",
    text="The customerGateway ID '{id}' does not exist",
    others=(),
)
describe_vpn_connections = _described(
    "ec2:DescribeVpnConnections",
    "VpnConnections",
    ids=("vpn_connection_ids",),
    code="InvalidVpnConnectionID.NotFound",
    text="The vpnConnection ID '{id}' does not exist",
    others=(),
)
describe_transit_gateways = _described(
    "ec2:DescribeTransitGateways",
    "TransitGateways",
    ids=("transit_gateway_ids",),
    code="InvalidTransitGatewayID.NotFound",
    text="Transit Gateway {id} was deleted or does not exist.",
)
describe_transit_gateway_vpc_attachments = _described(
    "ec2:DescribeTransitGatewayVpcAttachments",
    "TransitGatewayVpcAttachments",
    ids=("transit_gateway_attachment_ids",),
    code="InvalidTransitGatewayAttachmentID.NotFound",
    text="Transit Gateway Attachment {id} was deleted or does not exist.",
)
describe_carrier_gateways = _described(
    "ec2:DescribeCarrierGateways",
    "CarrierGateways",
    ids=("carrier_gateway_ids",),
    code="InvalidCarrierGatewayID.NotFound",
    text="The carrier gateway ID '{id}' does not exist",
)
describe_local_gateways = _described(
    "ec2:DescribeLocalGateways",
    "LocalGateways",
    ids=("local_gateway_ids",),
    code="InvalidLocalGatewayID.NotFound",
    text="The local gateway ID '{id}' does not exist",
)
