"""Attaching network interfaces. There are no machines here: only services attach interfaces, to what is theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from understudy_aws.core.answers import Answer
from understudy_aws.core.errors import ApiError
from understudy_aws.gateway.call import Call, Params, Target
from understudy_aws.gateway.operations import operation
from understudy_aws.services.ec2.api import errors
from understudy_aws.services.ec2.api.identifiers import no_such
from understudy_aws.services.ec2.api.targets import unknown
from understudy_aws.services.ec2.network_interfaces import (
    changeable_interface,
    interface_target,
    network_interfaces,
    target_of_interface,
)

# What the ids of attachments begin with that services make.
MANAGED = "ela-attach-"


def an_instance_and_an_interface(call: Call, params: Params) -> Sequence[Target]:
    """Return the instance and the interface that the request names."""
    return [
        unknown(call, "instance", params["instance_id"]),
        target_of_interface(call, params["network_interface_id"]),
    ]


def an_attachment(call: Call, params: Params) -> Sequence[Target]:
    """Return the interface of an attachment, and an instance, of which there is none here."""
    found = [
        interface_target(interface)
        for interface in network_interfaces.where(call.tx, "attachment", params["attachment_id"])
        if (interface.account, interface.region) == (call.account, call.region)
    ]
    return [unknown(call, "instance", "*"), *(found or [unknown(call, "network-interface", "*")])]


@operation("ec2:AttachNetworkInterface", on=an_instance_and_an_interface)
def attach_network_interface(
    call: Call,
    *,
    network_interface_id: str,
    instance_id: str,
    device_index: int,  # noqa: ARG001 - there is no machine that could have a device
    network_card_index: int | None = None,  # noqa: ARG001
    ena_srd_specification: dict[str, Any] | None = None,  # noqa: ARG001
    ena_queue_count: int | None = None,  # noqa: ARG001
) -> Answer:
    """Attach an interface to an instance, of which there is none here.

    Raises AuthFailure, InvalidInstanceID.Malformed, InvalidInstanceID.NotFound.
    """
    changeable_interface(call, network_interface_id)
    raise no_such("i", instance_id)


@operation("ec2:DetachNetworkInterface", on=an_attachment)
def detach_network_interface(
    call: Call,  # noqa: ARG001 - no attachment is a customer's
    *,
    attachment_id: str,
    force: bool | None = None,  # noqa: ARG001
) -> Answer | None:
    """Detach an interface. Raises OperationNotPermitted, InvalidAttachmentID.NotFound."""
    raise no_attachment(attachment_id)


def check_attachment(given: Mapping[str, Any]) -> None:
    """Raise for changing an attachment, whichever it is: none is a customer's."""
    id = given.get("AttachmentId")
    if not id:
        raise errors.missing("attachmentId")
    raise no_attachment(id)


def no_attachment(id: str) -> ApiError:
    """Return the error for an attachment that a customer cannot manage (ec2.md 7.3, network-interfaces.md 9.1)."""
    if id.startswith(MANAGED):
        return ApiError("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
    return no_such("eni-attach", id)
