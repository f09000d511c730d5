"""The services that resource control policies reach."""

from __future__ import annotations

from understudy_aws.data import service_catalogue
from understudy_aws.data.resource_control_policies import COVERED_SERVICES

# The list of the Organizations guide names them by prefixes under which nothing can be allowed.
_WITHOUT_ACTIONS = {"opensearch", "cloudtrail-data", "notifications"}


def test_the_first_five_services_are_among_them():
    """ "List of AWS services that support RCPs" in the Organizations guide."""
    assert {"s3", "sts", "kms", "sqs", "secretsmanager"} <= COVERED_SERVICES
    assert "ec2" not in COVERED_SERVICES


def test_each_one_is_a_service():
    unknown = {prefix for prefix in COVERED_SERVICES if service_catalogue.service(prefix) is None}
    assert unknown <= _WITHOUT_ACTIONS
