"""Endpoint services of one's own need load balancers, of which there are none here (texts: vpc-endpoints.md 15.3)."""

from __future__ import annotations

import pytest

SERVICE = "vpce-svc-0123456789abcdef0"
TOPIC = "arn:aws:sns:us-east-1:000000000000:topic"
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/{}/a/0123456789abcdef"


def test_one_kind_of_load_balancers_is_named(ec2, refused):
    """kubernetes-sigs/aws-load-balancer-controller#1859."""
    text = "exactly one of network_load_balancer_arn or gateway_load_balancer_arn is a required member"
    both = {"NetworkLoadBalancerArns": [BALANCER.format("net")], "GatewayLoadBalancerArns": [BALANCER.format("gwy")]}  # fmt: skip
    for params in ({}, both):
        with refused("InvalidParameter", text):
            ec2.create_vpc_endpoint_service_configuration(**params)


@pytest.mark.parametrize(("member", "kind"), [("Network", "net"), ("Gateway", "gwy")])
def test_a_load_balancer_that_does_not_exist(ec2, refused, member, kind):
    arn = BALANCER.format(kind)
    with refused("InvalidLoadBalancerArn.NotFound", f"The load balancer '{arn}' does not exist"):
        ec2.create_vpc_endpoint_service_configuration(**{f"{member}LoadBalancerArns": [arn]})


def test_the_lists_are_empty(ec2):
    for name, member in (
        ("describe_vpc_endpoint_service_configurations", "ServiceConfigurations"),
        ("describe_vpc_endpoint_connections", "VpcEndpointConnections"),
        ("describe_vpc_endpoint_connection_notifications", "ConnectionNotificationSet"),
    ):
        assert [] == getattr(ec2, name)()[member]
        assert [] == getattr(ec2, name)(MaxResults=5)[member]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("describe_vpc_endpoint_service_configurations", {"ServiceIds": [SERVICE]}),
        ("describe_vpc_endpoint_service_permissions", {"ServiceId": SERVICE}),
        ("modify_vpc_endpoint_service_configuration", {"ServiceId": SERVICE, "AcceptanceRequired": True}),
        ("modify_vpc_endpoint_service_permissions", {"ServiceId": SERVICE, "AddAllowedPrincipals": ["*"]}),
        (
            "modify_vpc_endpoint_service_payer_responsibility",
            {"ServiceId": SERVICE, "PayerResponsibility": "ServiceOwner"},
        ),
        ("start_vpc_endpoint_service_private_dns_verification", {"ServiceId": SERVICE}),
        ("accept_vpc_endpoint_connections", {"ServiceId": SERVICE, "VpcEndpointIds": ["vpce-1"]}),
        ("reject_vpc_endpoint_connections", {"ServiceId": SERVICE, "VpcEndpointIds": ["vpce-1"]}),
        (
            "create_vpc_endpoint_connection_notification",
            {"ServiceId": SERVICE, "ConnectionNotificationArn": TOPIC, "ConnectionEvents": ["Accept"]},
        ),
    ],
)
def test_a_service_that_is_named_does_not_exist(ec2, refused, name, params):
    text = f"The VpcEndpointService Id '{SERVICE}' does not exist"
    with refused("InvalidVpcEndpointServiceId.NotFound", text):
        getattr(ec2, name)(**params)


def test_a_deletion_tells_of_each(ec2):
    """Its code is another one, as controllers of load balancers found."""
    (told,) = ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[SERVICE, SERVICE])["Unsuccessful"]
    error = {
        "Code": "InvalidVpcEndpointService.NotFound",
        "Message": f"The VpcEndpointService Id '{SERVICE}' does not exist",
    }
    assert {"ResourceId": SERVICE, "Error": error} == told


def test_notifications_need_a_topic(ec2, make, refused):
    id = "vpce-nfn-0123456789abcdef0"
    with refused("InvalidConnectionNotification"):
        ec2.describe_vpc_endpoint_connection_notifications(ConnectionNotificationId=id)
    with refused("InvalidConnectionNotification"):
        ec2.modify_vpc_endpoint_connection_notification(ConnectionNotificationId=id)
    (told,) = ec2.delete_vpc_endpoint_connection_notifications(ConnectionNotificationIds=[id])["Unsuccessful"]
    assert (id, "InvalidConnectionNotification") == (told["ResourceId"], told["Error"]["Code"])
    events = {"ConnectionNotificationArn": TOPIC, "ConnectionEvents": ["Accept"]}
    with refused("InvalidParameter"):
        ec2.create_vpc_endpoint_connection_notification(VpcEndpointId=make("sts"), **events)
    with refused("InvalidVpcEndpointId.NotFound"):
        ec2.create_vpc_endpoint_connection_notification(VpcEndpointId="vpce-0123456789abcdef0", **events)
    with refused("MissingParameter"):
        ec2.create_vpc_endpoint_connection_notification(**events)


def test_filters_that_do_not_exist(ec2, refused):
    for name, params in (
        ("service_configurations", {}),
        ("service_permissions", {"ServiceId": SERVICE}),
        ("connections", {}),
        ("connection_notifications", {}),
    ):
        with refused("InvalidParameterValue", "The filter 'colour' is invalid"):
            getattr(ec2, f"describe_vpc_endpoint_{name}")(
                Filters=[{"Name": "colour", "Values": ["a"]}], **params
            )
